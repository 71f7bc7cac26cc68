"""The picture of a comparison: maps side by side, colored by label, each with its name and what it takes."""

from __future__ import annotations

import math
import textwrap
from pathlib import Path
from typing import Any

import numpy as np

from narrows import plot
from narrows.data.rows import has_label
from narrows.study.comparison import Compared, Comparison
from narrows.study.ways import WAYS

COLUMNS = 3
SIZE = 3.4  # inches on a side of a map
DRAWN = 4000  # rows of each kind
PALE = 0.25  # how much of the ink is left for rows that a map is made of, under those held out
WIDTH, WIDE = 30, 40  # characters of a line in an empty place, and across a map in the title


def files_of(method: str) -> list[str]:
    """Give the files of a way's places: of the rows that the map is made of and, where it has places for them, of those held out."""
    return [f"{method}-fitted.npy", *([f"{method}-held-out.npy"] if WAYS[method].places else [])]


def draw(found: Comparison, folder: Path, fitted: np.ndarray | None, held_out: np.ndarray | None) -> Any:
    """Draw maps side by side.

    Parameters
    ----------
    found : Comparison
    folder : Path
        Of the places.
    fitted, held_out : ndarray of shapes (n,) and (m,) or None
        Labels.

    Returns
    -------
    matplotlib.axes.Axes
    """
    compared = found.methods
    columns = min(COLUMNS, len(compared))
    grid = plot.new_grid(math.ceil(len(compared) / columns), columns, size=SIZE)
    for ax in grid.flat[len(compared) :]:
        ax.set_axis_off()
    done = [ax for one, ax in zip(compared, grid.flat, strict=False) if one.state == "done"]
    for one, ax in zip(compared, grid.flat, strict=False):
        if one.state == "done":
            places = [np.load(folder / name, allow_pickle=False) for name in files_of(one.method)]
            _map(places, fitted, held_out, ax, legend=ax is done[-1])
        else:
            ax.set(xticks=[], yticks=[])
            why = textwrap.fill(one.reason, WIDTH)
            ax.text(0.5, 0.5, why, ha="center", va="center", color="0.4", transform=ax.transAxes, parse_math=False)
        ax.set_title(one.name, fontsize="medium", fontweight="bold")
        ax.set_xlabel(_below(one), fontsize="small", color="0.3")
        ax.spines[:].set_color("0.85")
        ax.set_box_aspect(1)
    _say_colors(done, grid)
    said = f"{found.data}: {found.n_held_out:,} rows held out over the {found.n_rows:,} that maps are made of, which are pale"
    if max(found.n_held_out, found.n_rows) > DRAWN:
        said += f"; {DRAWN:,} of them at most are drawn"
    grid.flat[0].figure.suptitle(textwrap.fill(said, WIDE * columns), parse_math=False)
    return grid.flat[0]


def _map(places: list[np.ndarray], fitted: np.ndarray | None, held_out: np.ndarray | None, ax: Any, *, legend: bool) -> None:
    """Draw rows held out over the rows that the map is made of, which are pale; these alone where there are no others."""
    chosen = [np.sort(np.random.RandomState(0).permutation(len(part))[:DRAWN]) for part in places]
    points = np.concatenate([part[rows] for part, rows in zip(places, chosen, strict=True)])
    pale = np.arange(len(points)) < len(chosen[0]) if len(places) > 1 else np.zeros(len(points), bool)
    strength = np.where(pale, PALE, 1.0)
    if fitted is None or held_out is None:
        plot.codes(points, ax=ax)
        ax.collections[0].set_alpha(strength)
    else:
        names = np.concatenate([part[rows] for part, rows in zip((fitted, held_out), chosen, strict=False)])
        kinds = names.dtype.kind == "O"
        if kinds:  # a label has the same color in all maps if each of them has all labels, be it unseen
            every = np.array(_kinds(fitted, held_out), object)
            points, names = np.concatenate([points, np.repeat(points[:1], len(every), 0)]), np.concatenate([names, every])
            strength = np.concatenate([strength, np.zeros(len(every))])
        known = has_label(names)
        plot.codes(points, labels=names, legend=ax if legend and kinds else None, ax=ax)
        ax.collections[-1].set_alpha(strength[known])
        if not known.all():
            ax.collections[0].set_alpha(strength[~known])
        if not kinds:
            numbers = np.concatenate([fitted, held_out])
            ax.collections[-1].set_clim(np.nanmin(numbers), np.nanmax(numbers))
    ax.set_aspect("equal", "datalim")
    ax.margins(0.04)


def _kinds(*several: np.ndarray) -> list[Any]:
    kinds = {label for labels in several for label in labels.tolist() if label is not None}
    return sorted(kinds)


def _say_colors(maps: list[Any], grid: np.ndarray) -> None:
    """Move the last map's legend, or a scale of its colors, out beside all maps."""
    if not maps:
        return
    last = maps[-1]
    own = last.get_legend()
    if own is not None:
        names = [text.get_text() for text in own.get_texts()]
        moved = last.figure.legend(
            own.legend_handles, [f"{place}" for place in range(len(names))], loc="outside right center", frameon=False
        )
        own.remove()
        for text, name in zip(moved.get_texts(), names, strict=True):  # afterwards: a legend leaves names out that begin with "_"
            text.set_parse_math(False)
            text.set_text(name)
    elif last.collections and last.collections[-1].get_array() is not None:
        last.figure.colorbar(last.collections[-1], ax=list(grid.flat), shrink=0.5)


def _below(one: Compared) -> str:
    if one.state != "done":
        return {"stopped": "no map in time", "failed": "failed", "left out": "left out"}[one.state]
    said = [f"{one.figures['fit_seconds']:.1f} s"]
    told = {"5-NN": one.figures["accuracy_5nn"], "trustworthiness": one.figures["trustworthiness"]}
    name = next((name for name, value in told.items() if value is not None), None)
    if name is not None:
        said.append(f"{name} {told[name]:.3f}" + " on fitted rows" * (not one.places_new_rows))
    return ", ".join(said)
