"""Whether the head of a supervised autoencoder learns its rows by heart, and what keeps it from that."""

from __future__ import annotations

from functools import partial
from typing import Any

from narrows import plot
from narrows.estimators import SupervisedAutoencoder
from narrows.estimators.recipes import recipe
from narrows.study.experiment import Experiment, Material, Measured, Results, Setting
from narrows.study.findings import Finding, exceeds, falls_below
from narrows.study.measuring import ERRORS, errors, fitted

ROWS = 10_000
EPOCHS, EARLY = 40, 10
WEIGHTS = (1.0, 0.5, 0.1, 0.01)  # of the labels; the textbook's is 0.1
TEXTBOOK, LARGEST, SMALLEST = 0.1, 1.0, 0.01
ALLOWED = 0.005  # of accuracy, by which "at least as high" may fall short
RECIPES = {False: "supervised", True: "supervised_dropout"}


def name_of(weight: float, dropout: bool) -> str:
    """Give the name of a setting."""
    return f"label weight {weight:g}, {'dropout 0.5' if dropout else 'no dropout'}"


def _measure(weight: float, dropout: bool, material: Material, seed: int) -> Measured:
    def fit(epochs: int) -> SupervisedAutoencoder:
        made = recipe(RECIPES[dropout], label_weight=weight, epochs=epochs)
        fitted(made, material, seed, validation_data=(material.test.X, material.test_labels))
        assert isinstance(made, SupervisedAutoencoder)
        return made

    # At a constant learning rate, a shorter fit is the beginning of a longer one.
    early_train, early_test = _accuracies(fit(EARLY), material)
    made = fit(EPOCHS)
    train, test = _accuracies(made, material)
    figures = {"train": train, "test": test, "gap": train - test, "early gap": early_train - early_test, **errors(made, material.test.X)}
    curves = {name: made.history_.get(source, []) for name, source in (("train", "accuracy"), ("test", "val_accuracy"))}
    return Measured(figures, curves)


def _accuracies(made: SupervisedAutoencoder, material: Material) -> tuple[float, float]:
    """Give the head's accuracy on training and on test rows."""
    return made.score(material.train.X, material.labels), made.score(material.test.X, material.test_labels)


def judge(results: Results) -> list[Finding]:
    """Tell of the gap, and of what makes it smaller."""

    def of(figure: str, weight: float = TEXTBOOK, dropout: bool = False) -> Any:
        return results.values(name_of(weight, dropout), figure)

    higher = f"with dropout, the test accuracy is at least as high (but for {100 * ALLOWED:g} points of a hundred)"
    return [
        exceeds("without dropout, the head does better on its training rows than on test rows", of("train"), of("test")),
        falls_below("dropout makes that gap smaller", of("gap", dropout=True), of("gap")),
        exceeds(higher, of("test", dropout=True), of("test") - ALLOWED),
        falls_below(f"a label weight of {TEXTBOOK:g} in place of {LARGEST:g} makes the gap smaller", of("gap"), of("gap", LARGEST)),
        falls_below(f"a label weight of {SMALLEST:g} in place of {TEXTBOOK:g} makes it smaller still", of("gap", SMALLEST), of("gap")),
        exceeds(f"without dropout, the gap grows from epoch {EARLY} to {EPOCHS}", of("gap"), of("early gap")),
        falls_below(
            f"a label weight of {SMALLEST:g} in place of {LARGEST:g} rebuilds rows better",
            of("squared error", SMALLEST),
            of("squared error", LARGEST),
        ),
    ]


def draw(results: Results) -> Any:
    """Draw the accuracy on training and on test rows over epochs, for each label weight."""
    grid = plot.new_grid(2, 2, size=4.0)
    for weight, ax in zip(WEIGHTS, grid.flat, strict=True):
        lines = {}
        for dropout in (False, True):
            for name in ("train", "test"):
                values = results.series(name_of(weight, dropout), name)
                called = f"{'training' if name == 'train' else 'test'}, {'dropout' if dropout else 'no dropout'}"
                lines[called] = (range(1, len(values) + 1), values)
        plot.curves(lines, across="epochs", up="accuracy of the head, first seed", ax=ax)  # type: ignore[arg-type]
        ax.set_title(f"label weight {weight:g}", fontsize="medium")
        for line, color, style in zip(ax.get_lines(), ("C0", "C0", "C1", "C1"), ("--", "-", "--", "-"), strict=True):
            line.set(color=color, linestyle=style)
        ax.legend(frameon=False, fontsize="small")
        ax.locator_params(axis="x", integer=True)
    lowest = min(ax.get_ylim()[0] for ax in grid.flat)
    for ax in grid.flat:
        ax.set_ylim(lowest, 1.01)
    return grid.flat[0]


EXPERIMENT = Experiment(
    name="overfitting",
    shows="the gap of the head between training and test rows, without and with dropout, by label weight and over epochs",
    claim="The head of a supervised autoencoder learns its rows by heart; dropout of 0.5 in the head, a smaller label weight, and fewer "
    "epochs keep it from that.",
    method=f"The textbook's supervised networks, without and with dropout, train on {ROWS:,} rows, fewer than MNIST has, which shows the "
    f"gap sooner, for {EPOCHS} epochs. The accuracies of the table are predictions after training, without dropout; in the picture "
    "those of training rows are as measured while training, with dropout at work, over each epoch.",
    figures={
        "train": "accuracy, training rows",
        "test": "accuracy, test rows",
        "gap": "gap",
        "early gap": f"gap after {EARLY} epochs",
        **ERRORS,
    },
    settings=tuple(
        Setting(name_of(weight, dropout), partial(_measure, weight, dropout)) for weight in WEIGHTS for dropout in (False, True)
    ),
    judge=judge,
    draw=draw,
    n_rows=ROWS,
)
