"""What a process holds, by looking again and again."""

from __future__ import annotations


class Watch:
    """The most that a process has held, in MB (10⁶ bytes), by looking again and again."""

    def __init__(self, pid: int) -> None:
        self._path = f"/proc/{pid}/status"
        self.now = self.peak = 0.0

    def look(self) -> None:
        """Look once."""
        held = 0
        with open(self._path) as file:
            for line in file:
                if line.startswith(("RssAnon:", "RssShmem:")):
                    held += int(line.split()[1])
        self.now = held * 1024 / 1e6
        self.peak = max(self.peak, self.now)
