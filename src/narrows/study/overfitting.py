"""Whether the head of a supervised autoencoder learns its rows by heart, and what keeps it from that."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from narrows import plot
from narrows.estimators import Autoencoder, SupervisedAutoencoder
from narrows.estimators.recipes import recipe
from narrows.networks import Dense
from narrows.study.experiment import Experiment, Material, Measured, Results, Setting
from narrows.study.findings import Finding, exceeds, falls_below
from narrows.study.measuring import ERRORS, errors, fitted

ROWS, EPOCHS, BATCH = 10_000, 30, 32  # as many steps as the textbook's: 20 epochs of 60,000 rows in batches of 128
EARLY = 10
WEIGHTS = (1.0, 0.5, 0.1, 0.01)  # of the labels
TEXTBOOK, LARGEST, SMALLEST = 0.1, 1.0, 0.01
ALLOWED = 0.005  # of accuracy, by which "at least as high" may fall short
DROPOUT = 0.5
DEFAULT, DEFAULT_DROPOUT = "default settings, no dropout", f"default settings, dropout {DROPOUT:g}"


def name_of(weight: float, dropout: bool) -> str:
    """Give the name of a setting."""
    return f"label weight {weight:g}, {f'dropout {DROPOUT:g}' if dropout else 'no dropout'}"


def _textbook(weight: float, dropout: bool, epochs: int) -> Autoencoder:
    return recipe("supervised_dropout" if dropout else "supervised", label_weight=weight, batch_size=BATCH, epochs=epochs)


def _default(dropout: bool, epochs: int) -> Autoencoder:
    return SupervisedAutoencoder(2, head=Dense(64, 128, dropout=DROPOUT if dropout else 0.0), epochs=epochs)


def _measure(make: Callable[[int], Autoencoder], twice: bool, material: Material, seed: int) -> Measured:
    made = make(EPOCHS)
    fitted(made, material, seed, validation_data=(material.test.X, material.test_labels))
    train, test = _accuracies(made, material)
    figures = {"train": train, "test": test, "gap": train - test, **errors(made, material.test.X)}
    if twice:
        early = make(EARLY)
        train, test = _accuracies(fitted(early, material, seed), material)
        figures["early gap"] = train - test
    curves = {name: made.history_.get(source, []) for name, source in (("train", "accuracy"), ("test", "val_accuracy"))}
    return Measured(figures, curves)


def _accuracies(made: Any, material: Material) -> tuple[float, float]:
    """Give the accuracy of the head on training and on test rows."""
    return made.score(material.train.X, material.labels), made.score(material.test.X, material.test_labels)


def judge(results: Results) -> list[Finding]:
    """Tell of the gap, and of what makes it smaller, with the textbook's settings and with the default ones."""
    found: list[Finding] = []
    for who, without, dropped in (("textbook", *_pair(TEXTBOOK)), ("default", DEFAULT, DEFAULT_DROPOUT)):
        gap, test = results.values(without, "gap"), results.values(without, "test")
        higher = f"{who} settings: with dropout, the test accuracy is at least as high (but for {100 * ALLOWED:g} points of a hundred)"
        found += [
            exceeds(f"{who} settings: the head does better on its training rows than on test rows", results.values(without, "train"), test),
            falls_below(f"{who} settings: dropout makes that gap smaller", results.values(dropped, "gap"), gap),
            exceeds(higher, results.values(dropped, "test"), test - ALLOWED),
            falls_below(
                f"{who} settings: after {EARLY} epochs the gap is smaller than after {EPOCHS}", results.values(without, "early gap"), gap
            ),
        ]
    for smaller, larger in ((TEXTBOOK, LARGEST), (SMALLEST, TEXTBOOK)):
        gaps = [results.values(name_of(weight, False), "gap") for weight in (smaller, larger)]
        found.append(falls_below(f"a label weight of {smaller:g} in place of {larger:g} makes the gap smaller", *gaps))
    errors_of = [results.values(name_of(weight, False), "squared error") for weight in (SMALLEST, LARGEST)]
    found.append(falls_below(f"a label weight of {SMALLEST:g} in place of {LARGEST:g} rebuilds rows better", *errors_of))
    return found


def _pair(weight: float) -> tuple[str, str]:
    return name_of(weight, False), name_of(weight, True)


def draw(results: Results) -> Any:
    """Draw the accuracy on training and on test rows over epochs, for each label weight and for the default settings."""
    grid = plot.new_grid(2, 3, size=3.6)
    panels = {**{f"label weight {weight:g}": _pair(weight) for weight in WEIGHTS}, "default settings": (DEFAULT, DEFAULT_DROPOUT)}
    for (title, pair), ax in zip(panels.items(), grid.flat, strict=False):
        lines = {}
        for setting, said in zip(pair, ("no dropout", "dropout"), strict=True):
            for name, rows in (("train", "training"), ("test", "test")):
                values = results.series(setting, name)
                lines[f"{rows}, {said}"] = (range(1, len(values) + 1), values)
        plot.curves(lines, across="epochs", up="accuracy of the head, first seed", ax=ax)  # type: ignore[arg-type]
        for line, color, style in zip(ax.get_lines(), ("C0", "C0", "C1", "C1"), ("--", "-", "--", "-"), strict=True):
            line.set(color=color, linestyle=style, marker="")
        ax.legend(frameon=False, fontsize="small", loc="lower right")
        ax.set_title(title, fontsize="medium")
        ax.set_ylim(0, 1.02)
        ax.locator_params(axis="x", integer=True)
    grid.flat[-1].set_visible(False)
    return grid.flat[0]


EXPERIMENT = Experiment(
    name="overfitting",
    shows="the gap of the head between training and test rows, without and with dropout, by label weight and over epochs",
    claim="The head of a supervised autoencoder learns its rows by heart; dropout of 0.5 in the head, a smaller label weight, and fewer "
    "epochs keep it from that.",
    method=f"The textbook's supervised networks train on {ROWS:,} rows, fewer than MNIST has, which shows the gap sooner; for {EPOCHS} "
    f"epochs in batches of {BATCH}, which are as many steps as 20 epochs of all its rows in batches of 128: with fewer they stay on the "
    f"plateau of the mean image. Beside them the default settings, {EPOCHS} epochs as well. The accuracies of the table are predictions "
    f"after training, without dropout; those after {EARLY} epochs are of fits that end there. In the picture, accuracies of training rows "
    "are as measured while training, with dropout at work, over each epoch.",
    figures={
        "train": "accuracy, training rows",
        "test": "accuracy, test rows",
        "gap": "gap",
        "early gap": f"gap after {EARLY} epochs",
        **ERRORS,
    },
    settings=(
        *(
            Setting(name_of(weight, dropout), partial(_measure, partial(_textbook, weight, dropout), weight == TEXTBOOK and not dropout))
            for weight in WEIGHTS
            for dropout in (False, True)
        ),
        Setting(DEFAULT, partial(_measure, partial(_default, False), True)),
        Setting(DEFAULT_DROPOUT, partial(_measure, partial(_default, True), False)),
    ),
    judge=judge,
    draw=draw,
    n_rows=ROWS,
)
