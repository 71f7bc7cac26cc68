"""What single backticks mean in docstrings: a link where the name is documented, code where it is a parameter or a word."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from docutils.nodes import Element
from sphinx.application import Sphinx
from sphinx.domains.python import PyXRefRole


class Mention(PyXRefRole):
    """A reference to a Python object that need not exist."""

    def result_nodes(self, document: nodes.document, env: Any, node: Element, is_ref: bool) -> Any:
        """Mark the reference, so that it may lead nowhere."""
        node["refdomain"], node["reftype"], node["mention"] = "py", "obj", True
        return super().result_nodes(document, env, node, is_ref)


def plain(app: Sphinx, env: Any, node: Element, content: Element) -> Element | None:
    """Give code without a link for a mention that leads nowhere; other references are warned of, as ever."""
    del app, env
    return content if node.get("mention") else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the role."""
    app.add_role("mention", Mention())
    app.connect("missing-reference", plain)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
