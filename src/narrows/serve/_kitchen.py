"""Bundles are prepared in processes of their own, which end when that is done."""

from __future__ import annotations

import json
import subprocess
import sys

from narrows.errors import BundleError
from narrows.serve._prepared import Prepared

SECONDS = 120  # that a bundle may take
COMMAND = (sys.executable, "-P", "-m", "narrows.serve._preparing")  # -P: no file beside the bundle can pass for a library


class Preparation:
    """A bundle that is being prepared.

    Parameters
    ----------
    path : str
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._process = subprocess.Popen([*COMMAND, path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def result(self) -> Prepared:
        """Wait for it.

        Raises
        ------
        BundleError
            If the bundle cannot be served.
        """
        try:
            content, complaint = self._process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            raise BundleError(f"{self.path} took more than {SECONDS} seconds to prepare") from None
        if self._process.returncode == 0:
            return Prepared.from_bytes(content)
        if content.startswith(b"{"):
            raise BundleError(json.loads(content)["error"])
        last = complaint.decode(errors="replace").strip().splitlines()[-1:] or ["no more is known"]
        raise BundleError(f"{self.path} could not be prepared (exit code {self._process.returncode}): {last[0]}")

    def stop(self) -> None:
        """End it, whatever it is doing."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()
