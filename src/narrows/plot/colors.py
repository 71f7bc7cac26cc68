"""Colors of kinds."""

from __future__ import annotations

from collections.abc import Sequence

from narrows.data.names import listed

# Chosen one after the other behind the first six of Okabe and Ito, each as far as can be (in OKLab) from all before it, to the eyes of
# all and of those who lack one kind of cone. A test measures it.
SAFE = (
    *("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#520a00", "#0a0085", "#5cf5cc", "#8f3329", "#0000eb", "#f5d65c"),
    *("#9970ff", "#334770", "#3d1447", "#99c28f", "#6614ad", "#66d6eb", "#8f5c7a", "#b84733", "#701f3d", "#d600c2", "#ff4766", "#7a47f5"),
    *("#d6d699", "#858feb"),
)
TAB10 = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf")
PALETTES = {"tab10": TAB10, "safe": SAFE}
KINDS = len(SAFE)  # that colors can tell apart


def colors_of(palette: str | Sequence[str], n: int) -> list[str]:
    """Give colors of n kinds.

    Parameters
    ----------
    palette : {"auto", "tab10", "safe"} or sequence of color
        "auto" is "tab10" for up to ten kinds, else "safe".
    n : int

    Returns
    -------
    list of str
        As many as there are kinds, or fewer, where they come round again.

    Raises
    ------
    ValueError
        If there is no such palette, or no color in it.
    """
    if isinstance(palette, str):
        name = palette if palette != "auto" else "tab10" if n <= len(TAB10) else "safe"
        if name not in PALETTES:
            raise ValueError(f"palette is {palette!r}; give one of {listed(['auto', *PALETTES])}, or a list of colors")
        palette = PALETTES[name]
    colors = list(palette)[: max(n, 1)]
    _check(colors)
    return colors


def _check(colors: list[str]) -> None:
    from matplotlib.colors import is_color_like

    wrong = [color for color in colors if not is_color_like(color)]
    if wrong or not colors:
        what = f"holds {wrong[0]!r}, which is no color" if wrong else "is an empty list"
        raise ValueError(f"palette {what}; give names such as 'black', or '#0072b2'")
