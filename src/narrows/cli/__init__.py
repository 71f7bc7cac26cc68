"""The command line: flags in, sentences and exit codes out."""

from __future__ import annotations

import os
from typing import NoReturn


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit.

    Parameters
    ----------
    arguments : list of str, default=None
        What follows the name of the program; ``sys.argv[1:]`` if None.

    Raises
    ------
    SystemExit
        Always: with 0 if all went well, 1 if a run failed, 2 for bad usage or bad input, 130 after Ctrl-C.
    """
    try:
        from narrows.cli.app import run
    except KeyboardInterrupt:  # so early that there is nothing to say
        os._exit(130)
    run(arguments)
