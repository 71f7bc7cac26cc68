"""What every benchmark prints around its figures: the machine, Markdown tables, and the command that does it again."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import shlex
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
LIBRARIES = ("narrows", "jax", "keras", "numpy", "scikit-learn", "torch")


def options(description: str, rounds: int) -> argparse.ArgumentParser:
    """Give a parser with the options that all benchmarks have.

    Parameters
    ----------
    description : str
    rounds : int
        How many rounds by default.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="little data, one round: only shows that the script works")
    parser.add_argument("--rounds", type=int, default=None, help=f"rounds of interleaved turns (default {rounds}, with --quick 1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every measurement there too")
    parser.add_argument("--cores", type=int, default=2, help="cores to keep to (default 2; 0: all)")
    parser.set_defaults(usual_rounds=rounds)
    return parser


def names(text: str) -> list[str]:
    """Split an option's value at its commas."""
    return text.split(",")


def start(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Parse the command line, keep this process and its children to the cores asked for, and print the machine."""
    arguments = parser.parse_args()
    arguments.rounds = arguments.rounds or (1 if arguments.quick else arguments.usual_rounds)
    if arguments.cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.cores])
    print(machine(), flush=True)
    if arguments.quick:
        print("\n**--quick: these figures only show that the script works.**", flush=True)
    return arguments


def processor_flags() -> frozenset[str]:
    """Give the processor's flags, empty where the system does not list them."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return frozenset()
    return next((frozenset(line.split(":", 1)[1].split()) for line in lines if line.startswith("flags")), frozenset())


def has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16."""
    return bool({"avx512_bf16", "amx_bf16"} & processor_flags())


def machine() -> str:
    """Describe in one line what the figures were measured on."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    except OSError:
        model = platform.processor() or platform.machine()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    flags = processor_flags()
    said = ", ".join(f"{flag} {'yes' if flag in flags else 'no'}" for flag in FLAGS)
    versions = ", ".join(f"{name} {_version(name)}" for name in LIBRARIES)
    load = f"; load at the start {os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else ""
    return f"Machine: {model}, {cores} cores used of {os.cpu_count()} ({said}); Python {platform.python_version()}, {versions}{load}"


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "(from source)" if name == "narrows" else "absent"


def table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a Markdown table; numbers with three significant digits."""
    print()
    print("| " + " | ".join(header) + " |")
    print("|" + " --- |" * len(header))
    for row in rows:
        print("| " + " | ".join(_cell(value) for value in row) + " |")
    sys.stdout.flush()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return str(value).replace("|", "\\|")


def reached(value: float, target: float | None, *, at_least: bool = False) -> str:
    """Say whether a figure reaches its target, empty without one."""
    if target is None:
        return ""
    return "yes" if (value >= target if at_least else value <= target) else "**no**"


def finish(arguments: argparse.Namespace, results: Any) -> None:
    """Write the measurements where ``--json`` says, and print the command that makes them again."""
    command = shlex.join(["python", *sys.argv])
    if arguments.json:
        content = {"machine": machine(), "command": command, "quick": arguments.quick, "rounds": arguments.rounds, "results": results}
        arguments.json.write_text(json.dumps(content, indent=1, default=_plain) + "\n")
    print(f"\nAgain: `{command}`", flush=True)


def _plain(value: Any) -> Any:
    return dataclasses.asdict(value) if dataclasses.is_dataclass(value) and not isinstance(value, type) else str(value)
