"""Whether codes that were drawn to their neighbors' are a map of the rows."""

from __future__ import annotations

from dataclasses import dataclass

from narrows.diagnostics.verdict import Verdict

LESS = 0.05  # by which neighborhoods may be kept less well than PCA keeps them, which knows nothing of them

SAID = {
    "continuity": "The map is torn, and rows near each other lie apart",
    "trustworthiness": "The map is folded, and rows lie together that are not near each other",
}


@dataclass(frozen=True)
class Map:
    """How well codes keep the neighborhoods of rows, and how well PCA with as many components does.

    Attributes
    ----------
    trustworthiness, pca_trustworthiness : float
        Whether neighbors among codes are neighbors among rows, in [0, 1].
    continuity, pca_continuity : float
        Whether neighbors among rows are neighbors among codes, in [0, 1].
    n_components : int
    n_rows : int
        That were looked at.
    """

    trustworthiness: float
    continuity: float
    pca_trustworthiness: float
    pca_continuity: float
    n_components: int
    n_rows: int


def torn_map(found: Map) -> Verdict:
    """Tell whether neighbors among rows lie together on the map, and only they do."""
    figures = {name: float(getattr(found, name)) for name in ("trustworthiness", "continuity", "pca_trustworthiness", "pca_continuity")}
    on = f"on {found.n_rows:,} rows"
    for name, said in SAID.items():
        own, other = figures[name], figures[f"pca_{name}"]
        if own < other - LESS:
            sentence = f"{said}: {name} {own:.3f}, where PCA with {_components(found)} has {other:.3f}, {on}."
            remedy = "Use more neighbors (n_neighbors=30), more epochs, or wider layers."
            return Verdict("map", "warning", sentence, remedy, figures)
    kept = f"trustworthiness {found.trustworthiness:.3f} and continuity {found.continuity:.3f}"
    pca = f"{found.pca_trustworthiness:.3f} and {found.pca_continuity:.3f}"
    sentence = f"Rows near each other lie together: {kept}, where PCA with {_components(found)} has {pca}, {on}."
    return Verdict("map", "good", sentence, "", figures)


def _components(found: Map) -> str:
    return f"{found.n_components} component{'s' * (found.n_components != 1)}"
