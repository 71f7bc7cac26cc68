"""A bundle that changes takes the place of the one before, between two requests; one that cannot leaves the old one there."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import sys

from narrows.serve._desk import Desk
from narrows.serve._kitchen import Preparation
from narrows.serve._model import Model

EVERY = 1.0  # seconds between looks at the files
SETTLED = 0.5  # seconds after a reload in which what the model before had taken on is answered
Signature = tuple[int, int, int]


def signature_of(path: str) -> Signature | None:
    """Give what changes when a file does; None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def give_back() -> None:
    """Give freed memory back to the system: glibc keeps what a replaced model leaves, in pieces that the next one does not fit into."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # other C libraries do it by themselves
            ctypes.CDLL(None).malloc_trim(0)


class Reloading:
    """Watches the bundles of a desk.

    Parameters
    ----------
    desk : Desk
    before : dict of str to tuple or None
        The signatures of the files when they were first read.
    every : float, default=1.0
        Seconds between looks at the files.
    """

    def __init__(self, desk: Desk, before: dict[str, Signature | None], every: float = EVERY) -> None:
        self._desk, self._every = desk, every
        self._paths = desk.settings.bundles
        self._known = dict(before)
        self._asked = asyncio.Event()

    async def load(self, name: str, preparation: Preparation) -> None:
        """Serve a bundle that is being prepared.

        Raises
        ------
        ValueError
            If it cannot be served.
        """
        prepared = await asyncio.to_thread(preparation.result)
        self._desk.put(await asyncio.to_thread(Model, name, prepared, self._desk.meters.of(name)))

    def begin(self, name: str) -> Preparation:
        """Begin to prepare a bundle, as it is now."""
        self._known[name] = signature_of(self._paths[name])
        return Preparation(self._paths[name])

    def ask(self) -> None:
        """Have all bundles loaded again, changed or not."""
        self._asked.set()

    async def watch(self) -> None:
        """Reload what changes, until cancelled."""
        seen = dict(self._known)
        while True:
            try:
                await asyncio.wait_for(self._asked.wait(), self._every)
            except TimeoutError:
                pass
            asked = self._asked.is_set()
            self._asked.clear()
            replaced = False
            for name, path in self._paths.items():
                now = await asyncio.to_thread(signature_of, path)
                # A file that is still written to changes from look to look: it is read when it rests.
                rests, seen[name] = now == seen[name], now
                if asked or (now is not None and now != self._known[name] and rests):
                    replaced |= await self._reload(name)
            if replaced:
                await asyncio.sleep(SETTLED)
                await asyncio.to_thread(give_back)

    async def _reload(self, name: str) -> bool:
        """Reload a bundle; give whether it took the place of the one before."""
        preparation = self.begin(name)
        try:
            await self.load(name, preparation)
        except asyncio.CancelledError:
            preparation.stop()
            raise
        except Exception as problem:
            self._desk.meters.count("failed_reloads", name)
            self._desk.log.event("reload_failed", model=name, error=str(problem), serving="the one before")
        else:
            self._desk.meters.count("reloads", name)
            self._desk.log.event("reloaded", model=name)
            return True
        return False
