"""The help of every command of narrows, printed by the commands themselves."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

COLUMNS = 96


class CommandHelp(SphinxDirective):
    """A section for each command, with its help as a wide terminal shows it."""

    def run(self) -> list[nodes.Node]:
        """Ask the command line itself."""
        import typer

        from narrows.cli.app import app

        self.env.note_reread()  # the pages that were built before do not know that a command has changed
        group: Any = typer.main.get_command(app)
        whole = group.make_context("narrows", [], resilient_parsing=True, terminal_width=COLUMNS)
        commands = [(name, group.get_command(whole, name)) for name in group.list_commands(whole)]
        return [_section(name, command, whole) for name, command in commands if not command.hidden]


def _section(name: str, command: Any, whole: Any) -> nodes.section:
    title = f"narrows {name}"
    text = command.get_help(command.make_context(name, [], parent=whole, resilient_parsing=True))
    section = nodes.section(ids=[title.replace(" ", "-")], names=[title])
    section += nodes.title("", title)
    section += nodes.literal_block(text, text, language="text")
    return section


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("command-help", CommandHelp)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
