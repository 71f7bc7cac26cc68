"""From settings to an estimator: which class of it, its layers, its head and its noise."""

from __future__ import annotations

from inspect import signature
from typing import TYPE_CHECKING, Any

from narrows import data
from narrows.cli import settings
from narrows.cli.reading import is_images
from narrows.cli.screen import counted

if TYPE_CHECKING:
    from narrows.cli.asking import Asked


def check(asked: Asked) -> None:
    """Refuse before rows are read what cannot be made for any: that needs no Keras.

    Raises
    ------
    ValueError, TypeError
        If so.
    """
    from narrows.estimators.recipes import RECIPES, recipe

    if asked.recipe is not None and asked.recipe not in RECIPES:
        recipe(asked.recipe)  # refuses it
    chosen, parts = RECIPES[asked.recipe or "default"].params, asked.parts
    layers(chosen.get("layers", "auto"), parts.layers)
    noise(chosen.get("noise"), parts.noise)
    if not _wanted(asked):
        _refuse_settings(asked, settings.of_labels(), "needs labels: add --supervised, or leave it out")
    if asked.target is not None and (asked.test or asked.validation):
        given = "--test" if asked.test else "--validation"
        raise ValueError(
            f"--target gives no clean rows for {given}: leave {given} out, and a tenth of the rows is held out with their targets"
        )


def check_no_table(asked: Asked) -> None:
    """Refuse settings of tables where rows are none.

    Raises
    ------
    ValueError
        If so.
    """
    _refuse_settings(asked, settings.of_tables(), "is about tables of text, truth values, dates or holes, and this one is of numbers")


def task(asked: Asked, rows: data.Rows) -> str | None:
    """Tell what the head is to learn from the labels of some rows: "classes", "numbers", or nothing.

    Raises
    ------
    ValueError
        If there are no labels to learn from.
    """
    wanted = _wanted(asked)
    if not wanted:
        return None
    if rows.labels is None:
        who = "--supervised" if asked.supervised else f"the recipe {asked.recipe!r}"
        raise ValueError(f"{who} needs labels, and {rows.name} came without: name their column or their file, as in --label species")
    from narrows.quality.probes import is_continuous

    if wanted is True:
        wanted = "numbers" if is_continuous(rows.labels) else "classes"
    if wanted == "classes" and is_continuous(rows.labels):
        raise ValueError(f"the labels of {rows.name} have fractions, and are no classes: say supervised = 'numbers', to predict numbers")
    known = sorted({label for label in rows.labels.tolist() if label != asked.parts.plain.get("unlabeled")}, key=str)
    if wanted == "classes" and len(known) < 2:
        which = f"are all {known[0]!r}" if known else "are none"
        raise ValueError(f"the labels of {rows.name} {which}: give rows of two classes at least, or leave out --supervised")
    if wanted == "numbers":
        if rows.labels.dtype.kind == "U":
            raise ValueError(
                f"the labels of {rows.name} are text, such as {known[0]!r}, and not numbers to predict: say supervised = 'classes'"
            )
        _refuse_settings(asked, {"class_weight", "unlabeled"}, "is about classes, and these labels are numbers to predict: leave it out")
    return str(wanted)


def estimator(asked: Asked, task: str | None, rows: data.Rows) -> Any:
    """Make the estimator that was asked for, for these rows.

    Parameters
    ----------
    asked : Asked
    task : "classes", "numbers" or None
        What its head is to learn.
    rows : Rows
        To learn from.

    Raises
    ------
    ValueError, TypeError
        If a choice is not one.
    """
    from narrows.estimators import Autoencoder, SupervisedAutoencoder, SupervisedAutoencoderRegressor
    from narrows.estimators.recipes import follow
    from narrows.training.optimizers import with_options

    kinds: dict[str | None, Any] = {None: Autoencoder, "classes": SupervisedAutoencoder, "numbers": SupervisedAutoencoderRegressor}
    parts = asked.parts
    made = follow(asked.recipe or "default", kinds[task], **parts.plain)
    made.set_params(layers=layers(made.layers, parts.layers, len(rows.X)), noise=noise(made.noise, parts.noise))
    if task is not None:
        made.set_params(head=head(made.head, parts.head))
    if parts.options:
        made.set_params(optimizer=with_options(made.optimizer, parts.options))
    _, conv = settings.layer_classes()
    if made.n_components is None and not isinstance(made.layers, conv):
        raise ValueError(
            "n_components = 'none' makes the last feature map of convolutional layers the code, and these are dense: say how many"
        )
    if isinstance(made.layers, conv) and made.layers.image_shape is None:
        if not is_images(rows):
            raise ValueError(
                f"convolutional layers need images, and {rows.name} has rows of {counted(rows.X.shape[1], 'number')}: "
                f"say which images these are, as in --image-shape 28x28"
            )
        made.set_params(layers=made.layers.replace(image_shape=rows.image_shape))
    return made


def layers(before: Any, choices: dict[str, Any], n_rows: int | None = None) -> Any:
    """Give layers with some choices changed; widths make them dense, filters convolutional.

    Parameters
    ----------
    before : "auto", tuple of int, Dense or Conv
    choices : dict
    n_rows : int, default=None
        To learn from, where that decides.

    Raises
    ------
    ValueError, TypeError
        If choices do not go together, or are out of range.
    """
    from narrows.estimators.autoencoder import default_widths

    dense, conv = settings.layer_classes()
    if "widths" in choices and "filters" in choices:
        raise ValueError("layers.widths makes layers dense and layers.filters convolutional (--layers, --conv): give one of the two")
    if choices.get("widths") == "auto":
        before, choices = "auto", {name: value for name, value in choices.items() if name != "widths"}
    if not choices:
        return before
    if not isinstance(before, dense | conv):
        before = dense(*(default_widths(n_rows) if before == "auto" else before))
    kind = conv if "filters" in choices else dense if "widths" in choices else type(before)
    if kind is dense and (odd := settings.only_conv(choices)):
        raise ValueError(f"layers.{odd[0]} is a choice of convolutional layers, and these are dense: name filters too, as in --conv 32,16")
    if kind is conv and (odd := settings.only_dense(choices)):
        raise ValueError(
            f"layers.{odd[0]} is a choice of dense layers, and these are convolutional: name widths too, as in --layers 500,300"
        )
    if kind is type(before):
        return before.replace(**choices)
    shared = {name: value for name, value in before.get_params().items() if name in signature(kind).parameters}
    return kind(*choices[("filters" if kind is conv else "widths")], **shared).replace(**choices)


def head(before: Any, choices: dict[str, Any]) -> Any:
    """Give a head with some choices changed.

    Parameters
    ----------
    before : tuple of int or Dense
    choices : dict

    Raises
    ------
    ValueError, TypeError
        If a choice is out of range.
    """
    dense, _ = settings.layer_classes()
    if not choices:
        return before
    return (before if isinstance(before, dense) else dense(*before)).replace(**choices)


def noise(before: Any, choices: dict[str, Any]) -> Any:
    """Give noise with some choices changed.

    Parameters
    ----------
    before : Noise or None
    choices : dict
        Its kind, as `settings.noise_kinds` has it, or None for no noise; strength and clip.

    Raises
    ------
    ValueError, TypeError
        If choices do not go together, or are out of range.
    """
    if not choices:
        return before
    if choices.get("kind", "") is None:
        return None
    kinds = settings.noise_kinds()
    kind = kinds[choices["kind"]] if "kind" in choices else kinds["gaussian"] if before is None else type(before)
    values = {**(before.get_params() if type(before) is kind else {}), **{name: value for name, value in choices.items() if name != "kind"}}
    if unknown := [name for name in values if name not in signature(kind).parameters]:
        raise ValueError(f"noise.{unknown[0]} is no choice of {kind.__name__}: leave it out")
    if "strength" not in values:
        raise ValueError(f"noise.strength is missing: say how strong {kind.__name__} is to be, as in noise.strength = 0.3")
    return kind(**values)


def _wanted(asked: Asked) -> bool | str:
    """Say whether labels are to be learned, and if it was said, as what."""
    from narrows.estimators.recipes import RECIPES

    return "labels" in RECIPES[asked.recipe or "default"].needs if asked.supervised is None else asked.supervised


def _refuse_settings(asked: Asked, names: set[str], why: str) -> None:
    given = [*asked.parts.plain, *(f"{settings.HEAD}{name}" for name in asked.parts.head)]
    if odd := [name for name in given if name in names]:
        raise ValueError(f"{odd[0]} {why}")
