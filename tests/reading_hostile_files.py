"""Reads each file of a list by each way that bundles are read by, and says what came of it; run by test_hostile_bundles.py."""

from __future__ import annotations

import ctypes
import gc
import json
import resource
import sys
import time
from pathlib import Path

import keras  # before anything is measured

import narrows
from narrows import bundle


@keras.saving.register_keras_serializable("tests")
class Half(keras.layers.Layer):
    """What the process knows, and a user may name."""

    def call(self, inputs):
        return inputs / 2


class Named(Half):
    """What this user does name."""


READERS = {
    "load": lambda path: narrows.load(path, custom_objects={"Named": Named}),
    "read_manifest": bundle.read_manifest,
    "read_network": bundle.read_network,
}


def memory(what: str) -> int:
    """Bytes that this process holds (VmRSS), or held at most since the peak was forgotten (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(what)).split()[1])


def before() -> int:
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # else what one case freed would hide what the next one takes
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak
    return memory("VmRSS:")


def tried(path: str, reader: str) -> dict:
    held, start = before(), time.perf_counter()
    try:
        found = type(READERS[reader](path)).__name__
        message = ""
    except Exception as problem:
        found, message = type(problem).__name__, str(problem)
    return {"found": found, "message": message, "seconds": time.perf_counter() - start, "memory": memory("VmHWM:") - held}


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (16 << 30, 16 << 30))  # a case that fails must not take the machine with it
    paths = json.load(sys.stdin)
    narrows.load(paths.pop("sound"))
    gc.freeze()  # what has been imported need not be looked through before each case
    for name, path in paths.items():
        for reader in READERS:
            print(json.dumps({"case": name, "reader": reader, **tried(path, reader)}), flush=True)


if __name__ == "__main__":
    main()
