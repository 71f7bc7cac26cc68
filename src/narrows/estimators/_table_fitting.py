"""Fitting tables: what an estimator's parameters mean for columns, of which each has its own loss."""

from __future__ import annotations

from typing import Any

import numpy as np

from narrows.data.table_layout import Layout
from narrows.data.tables import Columns
from narrows.diagnostics import Verdict
from narrows.estimators import _fitting
from narrows.estimators._fitting import START_ROWS, Given
from narrows.estimators._judging import judge
from narrows.networks import computation as computations
from narrows.networks import linear_path
from narrows.networks.network import Network
from narrows.networks.plan import OutputGroup, Plan
from narrows.networks.scale import Scale
from narrows.quality import LinearCode
from narrows.training import noise as noises
from narrows.training.compact_rows import CompactRows
from narrows.training.table_terms import ColumnLosses, Hidden
from narrows.training.trainer import Outcome

HIDDEN = 0.2  # share of the cells that are hidden in training by default; benchmarks/tables.py measures what it is good for
JUDGED = 8192  # rows that are spread out for verdicts


class TableJob(_fitting.Job):
    """One call of the trainer for the compact rows of a table."""

    in_blocks = False

    @staticmethod
    def noise_of(noise: Any) -> Hidden | None:
        """Give what the parameter `noise` stands for; refuse what it cannot be."""
        return hiding(noise)

    @staticmethod
    def width(estimator: Any, network: Network) -> int:
        """Give how many numbers a row has that a network goes on with."""
        del network
        return int(estimator._columns.layout.columns)

    def judge(self, validation: Given | None, epochs: int, outcome: Outcome) -> list[Verdict]:
        """Give the verdicts on a run, by some of its rows, spread out."""
        layout = self.estimator._columns.layout

        def spread(rows: Given) -> Given:
            step = -(-len(rows) // JUDGED)
            weight = None if rows.weight is None else rows.weight[::step]
            return Given(layout.spread(rows.rows[::step]), weight)

        held = None if validation is None else spread(validation)
        return judge(self.estimator, spread(self.given), held, epochs, outcome)

    def _begin(self, start: bool, n_rows: int | None) -> tuple[Network, Any, Any]:
        estimator, given = self.estimator, self.given
        if given.target is not None:
            raise ValueError(
                "target is for rows of nothing but numbers: a table is rebuilt as it is, with noise=Masking(...) from a part of it"
            )
        layout = estimator._columns.layout
        step = -(-len(given) // START_ROWS)
        sample = layout.spread(given.rows[::step])
        weight = np.ones(len(sample), np.float32) if given.weight is None else given.weight[::step]
        mean = mean_of(layout, sample, weight)
        scale = Scale("none", np.zeros(layout.width), np.ones(layout.width), bounded=False, mean=mean)
        plan = planned(estimator, layout, n_rows)
        weights = computations.first_weights(plan, self.seeds.weights, mean)
        if plan.linear_path and start:
            pca = LinearCode.fit(sample, plan.n_components, weight=weight)
            weights.update(linear_path.first_weights(plan, mean, pca.components))
        # What says that a value is missing, or a category is one that no row had: where training never shows it, it says nothing.
        for name in {f"{plan.encoder[0].name}/kernel", "code_path/kernel"} & weights.keys():
            weights[name] = np.where(layout.quiet[:, None], np.float32(0), weights[name])
        return Network(scale, weights, plan), "columns", "linear"

    def _reconstruction(self) -> Any:
        return ColumnLosses(self.estimator._columns.layout)

    def _noise(self) -> tuple[noises.Noise | None, noises.Bounds | None]:
        hidden = self.noise_of(self.estimator.noise)
        nothing = np.zeros(1, np.float32)
        return hidden, None if hidden is None else (nothing, nothing)

    def row_set(self, given: Given) -> CompactRows:
        return CompactRows(given.rows, self.network.scale, given.weight)


def planned(estimator: Any, layout: Layout, n_rows: int | None) -> Plan:
    """Give the plan of a network for the columns of a table."""
    plan: Plan = estimator._make_plan(layout.width, n_rows, "linear")
    return plan.model_copy(update={"output_groups": groups(layout)})


def preview(estimator: Any, columns: Columns, n_rows: int) -> Plan:
    """Give the plan that an estimator would make for the columns of a table, without rows of it.

    Raises
    ------
    ValueError, TypeError
        As `fit` does for parameters out of range.
    """
    _fitting.check_params(estimator)
    estimator._columns = columns
    return planned(estimator, columns.layout, n_rows)


def hiding(noise: Any) -> Hidden | None:
    """Give the noise of a table.

    Raises
    ------
    TypeError
        If it is one that a table's columns cannot suffer.
    """
    if noise is None:
        return None
    if isinstance(noise, str) and noise == "auto":
        return Hidden(HIDDEN)
    if type(noise) is not noises.Masking:
        raise TypeError(
            f"noise of a table must be 'auto', None or Masking(...), which hides cells from the network, got {noise!r}: "
            f"categories and dates cannot suffer any other"
        )
    return Hidden(noise.strength)


def groups(layout: Layout) -> tuple[OutputGroup, ...]:
    """Give the activations of the outputs for the columns of a table."""
    found = [OutputGroup(activation="linear", units=layout.numbers)] if layout.numbers else []
    if shares := layout.binaries + layout.plain:  # with what says of each number and binary value that it is missing
        found.append(OutputGroup(activation="sigmoid", units=shares))
    return (*found, *(OutputGroup(activation="softmax", units=units, times=times) for units, times in layout.groups))


def mean_of(layout: Layout, spread: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Give the mean of spread rows (width,), float64, each column's over the rows in which it is known."""
    total = max(float(weight.sum()), 1e-30)
    mean = (weight @ spread.astype(np.float64)) / total
    missing = mean[layout.plain : 2 * layout.plain]
    mean[: layout.plain] /= np.maximum(1 - missing, 1e-12)
    for part in layout.parts:
        if part.loss == "categorical":
            shares = mean[part.outputs].reshape(-1, part.units)
            mean[part.outputs] = (shares / np.maximum(shares.sum(1, keepdims=True), 1e-12)).reshape(-1)
    return mean
