"""What a person sees: sentences, tables, warnings and errors, plain where there is no terminal."""

from __future__ import annotations

import logging
import os
import shlex
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from narrows import _json
from narrows._text import in_line, printable, within_strings
from narrows.errors import NarrowsWarning
from narrows.progress import Bar, Progress, Silent

if TYPE_CHECKING:
    from rich.console import Console

    from narrows.diagnostics import Verdict

_LEVELS = {"good": "green", "note": "cyan", "warning": "yellow"}


class Screen:
    """Where a command speaks, and how much.

    Attributes
    ----------
    quiet, verbose, debug, json : bool
        As the flags say.
    """

    def __init__(self) -> None:
        self.quiet = self.verbose = self.debug = self.json = self._mute = False

    def mute(self) -> None:
        """Say nothing more but errors, and give no result: another process speaks for this one."""
        self.quiet, self.verbose, self.json = True, False, False
        self._mute = True

    def say(self, text: str = "", style: str = "") -> None:
        """Print a line for people; it is not broken, so that what is to be copied stays whole."""
        if not self.quiet:
            self._people().print(printable(text), style=style, soft_wrap=True)

    def prose(self, text: str) -> None:
        """Print a sentence for people, broken at the width of the terminal."""
        if not self.quiet:
            self._people().print(printable(text))

    def detail(self, text: str) -> None:
        """Print a line for people who asked for more."""
        if self.verbose and not self.quiet:
            _console(sys.stderr).print(printable(text), style="dim", soft_wrap=True)

    def facts(self, facts: Sequence[tuple[str, str]]) -> None:
        """Print names with what there is to say of each."""
        self._columns(facts, lambda name: "bold")

    def table(self, text: str) -> None:
        """Print a table of plain text; its head stands out."""
        if not self.quiet:
            head, *lines = text.splitlines()
            self.say(head, style="bold")
            for line in lines:
                self.say(line, style="dim" if set(line) <= {"-", " "} else "")

    def verdicts(self, verdicts: Sequence[Verdict]) -> None:
        """Print verdicts with their remedies; those that warn also if all else is silent."""
        if self.quiet:
            for verdict in verdicts:
                if verdict.level == "warning":
                    self.warning(str(verdict))
            return
        self._columns([(verdict.level, str(verdict)) for verdict in verdicts], _LEVELS.__getitem__)

    def commands(self, title: str, commands: Sequence[Sequence[str]]) -> None:
        """Print commands to copy."""
        self.say(title, style="bold")
        for command in commands:
            self.say(f"  {shlex.join(command)}")

    def warning(self, text: str) -> None:
        """Print a warning as one line on standard error."""
        if self._mute:
            return
        _console(sys.stderr).print(f"warning: {printable(text)}", style="yellow", soft_wrap=True)

    def error(self, text: str, command: str = "narrows") -> None:
        """Print an error as one line on standard error."""
        _console(sys.stderr).print(f"{command}: {printable(text)}", style="red", soft_wrap=True)

    def result(self, values: dict[str, Any]) -> None:
        """Print one JSON object on standard output, if it was asked for; what is not finite becomes null."""
        if self.json:
            print(within_strings(_json.dumps(values, indent=2, ensure_ascii=False)))

    def progress(self) -> Progress:
        """Give what shows progress on standard error."""
        return Silent() if self.quiet else Bar(sys.stderr)

    @contextmanager
    def only_own_messages(self) -> Iterator[None]:
        """Show narrows's own warnings as one line each; those of libraries, and their logs, with --verbose only."""
        if not self.verbose:
            os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # XLA's
        logging.basicConfig(level=logging.WARNING if self.verbose else logging.CRITICAL, format="%(name)s: %(message)s")
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            warnings.showwarning = self._show
            yield

    def _show(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        del filename, lineno, file, line
        if self.verbose or issubclass(category, NarrowsWarning):
            self.warning(" ".join(str(message).split()))

    def _people(self) -> Console:
        return _console(sys.stderr if self.json else sys.stdout)

    def _columns(self, lines: Sequence[tuple[str, str]], style: Any) -> None:
        from rich.table import Table
        from rich.text import Text

        if self.quiet or not lines:
            return
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")
        for name, text in lines:
            grid.add_row(Text(name, style(name)), Text(in_line(text)))  # no text may look like another line
        console = _console(sys.stderr if self.json else sys.stdout)
        with console.capture() as drawn:
            console.print(grid)
        console.file.write("\n".join(line.rstrip() for line in drawn.get().splitlines()) + "\n")


def one_line(problem: BaseException) -> str:
    """Give the message of an error without line breaks and error numbers."""
    text = str(problem)
    if isinstance(problem, OSError) and problem.strerror:
        text = problem.strerror if problem.filename is None else f"'{problem.filename}': {problem.strerror}"
    return " ".join(text.split()) or type(problem).__name__


def size(n_bytes: int) -> str:
    """Give a file's size as people say it."""
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes >= 1e6 else f"{max(1, round(n_bytes / 1e3))} kB"


def counted(n: int, thing: str) -> str:
    """Give a number of things: "1 row", "1,797 rows"."""
    return f"{n:,} {thing}{'s' * (n != 1)}"


def aligned(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Lay out a table of plain text: the first column to the left, the others to the right."""
    widths = [max(len(line[column]) for line in (head, *lines)) for column in range(len(head))]

    def text(line: Sequence[str]) -> str:
        first, *others = (
            cell.rjust(width) if place else cell.ljust(width) for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        return "  ".join([first, *others]).rstrip()

    return "\n".join([text(head), "  ".join("-" * width for width in widths), *map(text, lines)])


def _console(stream: TextIO) -> Console:
    from rich.console import Console

    plain: Any = {"color_system": None} if os.environ.get("NO_COLOR") else {}
    return Console(file=stream, highlight=False, markup=False, emoji=False, **plain)
