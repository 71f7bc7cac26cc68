"""Seconds until `narrows --help`, `narrows --version` and `import narrows` are done, beside a bare Python."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import _report
from _pairs import say

TARGET = 0.5
HEAVY = ("keras", "jax", "sklearn", "matplotlib", "torch")
LOADED = f"import sys, narrows; print(' '.join(m for m in {HEAVY} if m in sys.modules))"


def commands() -> dict[str, list[str]]:
    """Give the commands by what they are called in the table."""
    beside = Path(sys.executable).with_name("narrows")
    script = str(beside) if beside.exists() else shutil.which("narrows")
    narrows = [script] if script else [sys.executable, "-m", "narrows"]
    return {
        "python -c pass": [sys.executable, "-c", "pass"],
        "python -c 'import narrows'": [sys.executable, "-c", "import narrows"],
        f"{'narrows' if script else 'python -m narrows'} --version": [*narrows, "--version"],
        f"{'narrows' if script else 'python -m narrows'} --help": [*narrows, "--help"],
    }


def main() -> None:
    """Run all commands in turn, round after round."""
    arguments = _report.start(_report.options(__doc__ or "", rounds=15))
    seconds: dict[str, list[float]] = {}
    failed: dict[str, str] = {}
    for command in commands().values():  # Once for the file cache and for the byte code.
        subprocess.run(command, capture_output=True, check=False)
    for _ in range(arguments.rounds):
        for name, command in commands().items():
            began = time.perf_counter()
            done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"COLUMNS": "100"})
            seconds.setdefault(name, []).append(time.perf_counter() - began)
            if done.returncode:
                failed[name] = (done.stderr.strip().splitlines() or ["no message"])[-1]
    bare = statistics.median(seconds["python -c pass"])
    rows = []
    for name, given in seconds.items():
        middle, target = statistics.median(given), None if name == "python -c pass" else TARGET
        said = f"failed: {failed[name]}" if name in failed else _report.reached(middle, target)
        rows.append([f"`{name}`", middle, f"{min(given):.3g} to {max(given):.3g}", middle - bare, target, said])
    print("\n## Start")
    _report.table(("command", "s", "min to max", "beyond bare Python", "target", "reached"), rows)
    loaded = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=False)
    if loaded.returncode:
        say(loaded.stderr)
    else:
        print(f"\n- `import narrows` loads, of {', '.join(HEAVY)}: {loaded.stdout.strip() or 'none'}")
    _report.finish(arguments, seconds)


if __name__ == "__main__":
    main()
