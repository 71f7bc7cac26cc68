"""How many dimensions the rows have, whatever the network made of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from narrows.diagnostics.verdict import Verdict

SHARES = (80, 90, 95, 99)  # percent of the variance


@dataclass(frozen=True)
class Dimensions:
    """What is known of the rows' dimensions without training.

    Attributes
    ----------
    n_rows : int
        The rows that were looked at.
    pca : dict of int to int or None
        For each of `SHARES`, the components that PCA needs; None where the known part of the spectrum does not reach it.
    intrinsic : float or None
        By TwoNN; None where rows are too few or lie on a grid.
    """

    n_rows: int
    pca: dict[int, int | None]
    intrinsic: float | None

    @property
    def figures(self) -> dict[str, float]:
        """What is known, by name."""
        known = {f"pca_{share}": float(needed) for share, needed in self.pca.items() if needed is not None}
        return known if self.intrinsic is None else {**known, "intrinsic": self.intrinsic}

    def __str__(self) -> str:
        known = {share: needed for share, needed in self.pca.items() if needed is not None}
        text = f"PCA needs {', '.join(f'{needed:,}' for needed in known.values())} components for {_listed(known)} of the variance"
        if not known:
            text = f"PCA's known components explain less than {_listed(SHARES[:1])} of the variance"
        elif further := [share for share in self.pca if share not in known]:
            text += f", and more than are known for {_listed(further)}"
        return text if self.intrinsic is None else f"{text}; the intrinsic dimension is about {self.intrinsic:.2g} (TwoNN)"


def _listed(shares: Iterable[int]) -> str:
    return f"{', '.join(map(str, shares))} %"


def dimensions(found: Dimensions) -> Verdict:
    """Say how many dimensions the rows have."""
    return Verdict("dimensions", "note", f"{found}, on {found.n_rows:,} rows.", figures=found.figures)
