"""Help in groups of options, as plain text."""

from __future__ import annotations

from typing import Any

import typer.core

COLUMN = 24  # characters, for names of options; a longer one has its line alone


class Panelled(typer.core.TyperCommand):
    """A command whose options stand under the titles that they name as their panel.

    typer itself draws panels with rich only, and its boxes leave no room for text at 80 columns.
    """

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write one section a title, in the order in which titles come; options without one stand last."""
        last: list[tuple[str, str]] = []
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is None:
                continue
            title = "Arguments" if param.param_type_name == "argument" else getattr(param, "rich_help_panel", None)
            (sections.setdefault(title, []) if title else last).append(record)
        for title, records in {**sections, "Other options": last}.items():
            with formatter.section(title):
                formatter.write_dl(records, col_max=COLUMN)
