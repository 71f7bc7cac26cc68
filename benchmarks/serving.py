"""What `narrows serve` answers a second, in what time and memory, beside an empty handler, ONNX Runtime alone and Keras; and abused."""

from __future__ import annotations

import itertools
import json
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import _abuse
import _report
import numpy as np
from _load import HOST, Ask, Loaded, load

SHAPE = (784, 500, 300, 100, 2)
CONNECTIONS, BATCH, WIDE = 32, 256, 1024
PROCESSES = 2  # that serve together, in the figures which say so
EMPTY, P99, ROWS, KERAS, BOUND, START, MEMORY = 0.5, 0.025, 0.7, 10.0, 0.7, 2.0, 250e6


def fitted(folder: Path) -> tuple[Path, Path]:
    """Make two bundles of MNIST's shape; what they have learned does not matter here."""
    import narrows

    rows = np.random.default_rng(0).integers(0, 256, (512, SHAPE[0]), np.uint8)
    paths = folder / "one.narrows", folder / "two.narrows"
    for seed, path in enumerate(paths):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            narrows.save(narrows.Autoencoder(SHAPE[-1], layers=SHAPE[1:-1], epochs=1, random_state=seed).fit(rows), path)
    return paths


def binary(n: int) -> Ask:
    """Ask for the codes of n rows by the Open Inference Protocol, binary both ways."""
    rows = np.random.default_rng(0).integers(0, 256, (n, SHAPE[0])).astype("<f4").tobytes()
    tensor = {"name": "rows", "shape": [n, SHAPE[0]], "datatype": "FP32", "parameters": {"binary_data_size": len(rows)}}
    outputs = [{"name": "codes", "parameters": {"binary_data": True}}]
    header = json.dumps({"inputs": [tensor], "outputs": outputs}).encode()
    length = (("Inference-Header-Content-Length", str(len(header))), ("Content-Type", "application/octet-stream"))
    return Ask("POST", "/v2/models/one/infer", header + rows, length)


def listed() -> Ask:
    """Ask for the code of one row as JSON."""
    row = np.random.default_rng(0).integers(0, 256, (1, SHAPE[0])).tolist()
    return Ask("POST", "/encode", json.dumps({"rows": row}).encode(), (("Content-Type", "application/json"),))


@contextmanager
def served(bundle: Path, folder: Path, *flags: str) -> Iterator[tuple[int, float, int]]:
    """Serve a bundle; give the port, the seconds until it answered, and the process."""
    process, port, seconds = _abuse.start(bundle, folder / "log", *flags)
    try:
        yield port, seconds, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def resident(process: int) -> int:
    """Give the bytes that a process holds."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def keras_side(bundle: Path, seconds: float) -> Loaded:
    """Load the plain handler."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, str(Path(__file__).parent / "_keras_server.py"), str(bundle), str(port)])
    try:
        until = time.monotonic() + 120
        while True:
            try:
                socket.create_connection((HOST, port), timeout=1).close()
                break
            except OSError:
                assert time.monotonic() < until
                time.sleep(0.2)
        loaded = load(listed(), port, CONNECTIONS, seconds)
        assert loaded.failed < 0.05 * loaded.answers, loaded  # some take longer than wrk waits
        return loaded
    finally:
        process.terminate()
        process.wait(60)


def encoder(bundle: Path, folder: Path) -> Any:
    """Give the exported encoder in ONNX Runtime, as it comes."""
    import onnxruntime

    import narrows

    narrows.export.write(folder / "encoder.onnx", bundle, part="encoder")
    return onnxruntime.InferenceSession(folder / "encoder.onnx", providers=["CPUExecutionProvider"])


def bare(session: Any, n: int, seconds: float) -> float:
    """Give rows a second of a bare loop over batches of n rows."""
    rows = np.random.default_rng(0).integers(0, 256, (n, SHAPE[0])).astype(np.float32)
    session.run(["codes"], {"rows": rows})
    done, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        session.run(["codes"], {"rows": rows})
        done += n
    return done / (time.perf_counter() - started)


def products(n: int, seconds: float) -> float:
    """Give rows a second of the encoder's matrix products alone, by NumPy's BLAS, everything in place."""
    rng = np.random.default_rng(0)
    values = [rng.random((n, width), np.float32) for width in SHAPE]
    kernels = [rng.random(shape, np.float32) for shape in itertools.pairwise(SHAPE)]
    done, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        for x, kernel, y in zip(values[:-1], kernels, values[1:], strict=True):
            np.matmul(x, kernel, out=y)
        done += n
    return done / (time.perf_counter() - started)


def figures(arguments: Any, folder: Path) -> dict[str, list[float]]:
    """Measure everything in turns; give each figure round by round."""
    seconds = 1.0 if arguments.quick else 8.0
    one, _ = fitted(folder)
    session = encoder(one, folder)
    found: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        found.setdefault(name, []).append(value)

    for _ in range(arguments.rounds):
        with served(one, folder) as (port, started, process):
            note("start", started)
            load(binary(1), port, CONNECTIONS, 1)
            for name, ask in (("empty", Ask("GET", "/v2/health/live")), ("single", binary(1)), ("json", listed())):
                loaded = load(ask, port, CONNECTIONS, seconds)
                assert not loaded.failed, loaded
                note(name, loaded.a_second)
                note(f"{name}_p99", loaded.p99)
            loaded = load(binary(BATCH), port, 4, seconds)
            assert not loaded.failed, loaded
            note("rows", BATCH * loaded.a_second)
            note("memory", resident(process))
        with served(one, folder, "--workers", str(PROCESSES)) as (port, _, _):
            load(binary(1), port, CONNECTIONS, 1)
            for name, ask in (("single", binary(1)), ("json", listed())):
                loaded = load(ask, port, CONNECTIONS, seconds)
                assert not loaded.failed, loaded
                note(f"{name}_shared", loaded.a_second)
        note("bare", bare(session, BATCH, seconds))
        note("wide", bare(session, WIDE, seconds))
        note("products", products(WIDE, seconds))
        note("keras", keras_side(one, seconds).a_second)
    return found


def show(found: dict[str, list[float]]) -> None:
    """Print the figures beside their targets."""
    middle = {name: statistics.median(values) for name, values in found.items()}

    def ratio(ours: str, theirs: str) -> float:
        return statistics.median(a / b for a, b in zip(found[ours], found[theirs], strict=True))

    def held(name: str, value: float, target: float, *, at_least: bool = False, by: float = 1.0) -> tuple[Any, ...]:
        words = f"{by * target:g} or {'more' if at_least else 'less'}"
        return name, by * value, words, _report.reached(value, target, at_least=at_least)

    def plain(name: str, value: float, target: str = "") -> tuple[Any, ...]:
        return name, value, target, ""

    rows = [
        held("seconds until the first answer", middle["start"], START),
        held("MB of the process after the load", middle["memory"], MEMORY, by=1e-6),
        plain("requests/s, an empty handler", middle["empty"]),
        plain("requests/s, single rows, binary", middle["single"], "3000, if the machine allows"),
        held("… over the empty handler's", ratio("single", "empty"), EMPTY, at_least=True),
        held("… 99th percentile, ms", middle["single_p99"], P99, by=1e3),
        plain("requests/s, single rows, JSON", middle["json"]),
        plain("requests/s, plain FastAPI and Keras predict, JSON", middle["keras"]),
        held("… binary over that", ratio("single", "keras"), KERAS, at_least=True),
        held("… JSON over that", ratio("json", "keras"), KERAS, at_least=True),
        plain(f"requests/s, --workers {PROCESSES}, single rows, binary", middle["single_shared"]),
        held("… over Keras's one process", ratio("single_shared", "keras"), KERAS, at_least=True),
        plain(f"requests/s, --workers {PROCESSES}, single rows, JSON", middle["json_shared"]),
        held("… over Keras's one process", ratio("json_shared", "keras"), KERAS, at_least=True),
        plain(f"rows/s, batches of {BATCH}, binary, 4 connections", middle["rows"]),
        plain(f"rows/s, ONNX Runtime in a bare loop, batches of {BATCH}", middle["bare"]),
        held("… ours over that", ratio("rows", "bare"), ROWS, at_least=True),
        plain(f"rows/s, the exported encoder in ONNX Runtime, batches of {WIDE}", middle["wide"]),
        plain(f"rows/s, its matrix products alone (NumPy), batches of {WIDE}", middle["products"]),
        held("… the encoder over that", ratio("wide", "products"), BOUND, at_least=True),
    ]
    _report.table(("figure", "median", "target", "reached"), rows)


def abused(arguments: Any, folder: Path) -> tuple[int, _abuse.Abused]:
    """Abuse a server, and say how it fared; give the exit code, and what was found."""
    bundles = fitted(folder)
    path = folder / "served.narrows"
    path.write_bytes(bundles[0].read_bytes())
    ask = binary(1)
    ask = Ask(ask.method, "/v2/models/served/infer", ask.body, ask.headers)
    minutes = arguments.minutes
    with served(path, folder, "--receive-seconds", "5", "--no-log-requests") as (port, _, _):
        found = _abuse.abuse(port, ask, bundles, path, minutes)
        failures = [line for line in (folder / "log").read_text().splitlines() if '"event": "error"' in line or '"reload_failed"' in line]
    loaded = found.loaded
    assert loaded is not None
    settled = min(60.0, 20 * minutes)
    growth = found.growth(settled)
    good = [
        ("good requests that failed", loaded.failed, "0", loaded.failed == 0),
        (f"growth of memory after {settled:g} s", f"{100 * growth:.1f} %", f"{100 * _abuse.GROWTH:g} % or less", growth <= _abuse.GROWTH),
        ("malformed requests that were neither refused nor good", len(found.strange), "0", not found.strange),
        ("errors in the server's log", len(failures), "0", not failures),
    ]
    _report.table(
        ("minutes", "good requests", "a second", "99th percentile, ms", "reloads", "hung up", "slow lorises", "malformed"),
        [[minutes, loaded.answers, loaded.a_second, 1e3 * loaded.p99, found.reloads, found.hung_up, found.lorises, found.malformed]],
    )
    _report.table(("", "found", "target", "reached"), [(*line[:3], "yes" if line[3] else "**no**") for line in good])
    for line in (found.strange + failures)[:5]:
        print(line[:1500])
    return 0 if all(line[3] for line in good) else 1, found


def main() -> None:
    """Measure, or abuse."""
    parser = _report.options(__doc__ or "", 3)
    parser.add_argument("--abuse", action="store_true", help="full load with reloads, clients that hang up, slow lorises and nonsense")
    parser.add_argument("--minutes", type=float, default=10.0, help="of abuse (default 10)")
    arguments = _report.start(parser)
    with tempfile.TemporaryDirectory() as folder:
        if arguments.abuse:
            code, found = abused(arguments, Path(folder))
            _report.finish(arguments, found)
            sys.exit(code)
        measured = figures(arguments, Path(folder))
    show(measured)
    _report.finish(arguments, measured)


if __name__ == "__main__":
    main()
