"""What a reload leaves."""

from __future__ import annotations

import os
import platform

import pytest

from narrows.serve._reloading import give_back


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries give memory back by themselves")
def test_freed_memory_goes_back_to_the_system():
    """A small piece at the end of a heap keeps all before it with the process, until it is told to give it back."""
    pieces = [bytes(4096) for _ in range(20_000)]
    held = resident()
    kept = pieces.pop()
    del pieces

    give_back()

    assert resident() < held - 60e6
    assert not any(kept)


def resident() -> float:
    with open("/proc/self/statm") as file:
        return os.sysconf("SC_PAGE_SIZE") * int(file.read().split()[1])
