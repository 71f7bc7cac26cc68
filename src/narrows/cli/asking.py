"""What a run of ``narrows fit`` is asked for: by flags, over a file of settings or those of a bundle."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from narrows.cli import settings, toml_files
from narrows.cli.reading import Source
from narrows.data.label_files import is_label_file

if TYPE_CHECKING:
    from narrows.bundle import Manifest

BUNDLE = ".narrows"
KEPT = ("data", "label", "validation", "test", "target", "recipe")  # what a bundle keeps of a run, beside its parameters


@dataclass(frozen=True)
class Asked:
    """What the flags of ``narrows fit`` ask for.

    Attributes
    ----------
    source : str or list of str
    label, validation, test, target, recipe : str or None
    supervised : bool, "classes", "numbers" or None
        What the labels are for; by the recipe if None.
    output, config : Path or None
    parts : Parts
        The choices of the estimator.
    """

    source: Source
    label: str | None
    validation: str | None
    test: str | None
    target: str | None
    recipe: str | None
    supervised: bool | str | None
    output: Path | None
    config: Path | None
    parts: settings.Parts

    @property
    def column(self) -> str | None:
        """The column of the labels, where they are not in a file of their own."""
        return None if self.label is None or is_label_file(self.label) else self.label

    @property
    def kept(self) -> dict[str, Source]:
        """What a bundle keeps, so that the run can be repeated."""
        values = (self.source, self.label, self.validation, self.test, self.target, self.recipe)
        return {name: value for name, value in zip(KEPT, values, strict=True) if value is not None}


def asked(flags: dict[str, Any], assignments: list[str], config: Path | None) -> Asked:
    """Bring together what was asked for.

    Parameters
    ----------
    flags : dict
        Settings by name; "noise" in short.
    assignments : list of str
        Further ones, as "NAME=VALUE".
    config : Path or None
        A TOML file or a bundle; flags go over it.

    Raises
    ------
    ValueError, OSError
        If a setting is unknown or not what it may be, or the file cannot be read.
    """
    below = {} if config is None else _read(config)
    if "noise" in flags:
        flags = {name: value for name, value in flags.items() if name != "noise"} | settings.noise(flags["noise"], "--noise")
    if isinstance(flags.get("supervised"), bool) and any(one.partition("=")[0].strip() == "supervised" for one in assignments):
        flags = {name: value for name, value in flags.items() if name != "supervised"}  # --set says as what
    above = flags | _assigned(assignments, flags)
    if config is not None and "recipe" in above and (config.suffix == BUNDLE or settings.complete(below)):
        raise ValueError(
            f"'{config}' says every choice itself, so that the recipe {above['recipe']!r} would change nothing: leave one of the two out"
        )
    found = settings.merged(below, above)
    if "data" not in found:
        raise ValueError(f"'{config}' names no data: say 'narrows fit DATA --config {config}', or write data = \"rows.csv\" into it")
    parts = settings.parts(found)
    parts.plain["random_state"] = found.get("seed", 0)
    source, output = _one_or_all(found["data"]), Path(found["output"]) if "output" in found else None
    label, validation, test, target, recipe = (found.get(name) for name in KEPT[1:])
    return Asked(source, label, validation, test, target, recipe, found.get("supervised"), output, config, parts)


def settings_of(path: Path) -> dict[str, Any]:
    """Give the settings of the run that made a bundle, by name.

    Raises
    ------
    ValueError, OSError
        If it is no bundle, or was made in Python with objects that no settings can name.
    """
    from narrows.bundle import read_manifest
    from narrows.training.optimizers import options_of

    manifest = read_manifest(path)
    where = f"'{path}'"
    if manifest.state.map is not None:
        raise ValueError(f"{where} holds a map in two steps, which 'narrows map DATA --two-step' makes, and 'narrows fit' does not")
    found = _parameters(manifest, where)
    if manifest.state.learned.table is not None:
        found |= {f"{settings.COLUMNS}{name}": kind for name, kind in _kinds(manifest).items()}
        if found["n_components"] == "auto":  # what a table gets by itself
            del found["n_components"]
    layers = found.pop("layers")
    if layers is None:
        raise ValueError(f"{where}: its layers are Keras models of the user's own, which no file of settings can name")
    optimizer = found["optimizer"]
    if not isinstance(optimizer, str):
        found["optimizer"], options = options_of(optimizer)
        if found["learning_rate"] is not None:
            options.pop("learning_rate", None)  # the run did not use it
        found |= {f"{settings.OPTIONS}{name}": value for name, value in options.items()}
    about = manifest.metadata.get("data")
    if isinstance(about, dict) and about.get("image_shape") and hasattr(layers, "filters"):
        if layers.replace(image_shape=about["image_shape"]) == layers:
            layers = layers.replace(image_shape=None)  # the data said it, and will say it again
    head, noise = found.pop("head", None), found.pop("noise", None)  # version 0.1.0 knew of neither
    found |= _within(settings.INSIDE, layers)
    found |= {} if head is None else _within(settings.HEAD, head, leave_out=settings.NO_HEAD)
    if noise != "auto":
        found |= {"noise.kind": settings.NONE} if noise is None else _noise(noise)
    run = manifest.metadata.get("settings")
    # Never where to write: a bundle of somebody else's must not choose that.
    run = {name: run[name] for name in KEPT if name in run} if isinstance(run, dict) else {}
    seed = manifest.state.params.get("random_state")
    run |= {} if seed is None else {"seed": seed}
    run |= {"supervised": settings.TASKS[manifest.state.estimator]} if head is not None else {}
    return settings.ordered(settings.check(run | {name: _plain(name, value, where) for name, value in found.items()}, where))


def _kinds(manifest: Manifest) -> dict[str, str]:
    """Give the kinds of columns that a run was told."""
    from narrows.estimators._state import params_of

    return dict(params_of(manifest.state)["kinds"] or {})


def _within(start: str, layers: Any, leave_out: Collection[str] = ()) -> dict[str, Any]:
    """Give the choices of layers by their names; a tuple of widths, and "auto", stand for themselves."""
    inside = layers.get_params() if hasattr(layers, "get_params") else {"widths": layers}
    return {f"{start}{name}": value for name, value in inside.items() if name not in leave_out}


def _noise(noise: Any) -> dict[str, Any]:
    word = next(word for word, kind in settings.noise_kinds().items() if type(noise) is kind)
    return {"noise.kind": word, **{f"{settings.NOISE}{name}": value for name, value in noise.get_params().items()}}


def _parameters(manifest: Manifest, where: str) -> dict[str, Any]:
    from narrows.estimators._state import params_of

    try:
        found = params_of(manifest.state)
    except ValueError as problem:
        raise ValueError(f"{where}: {problem}") from None
    return {name: value for name, value in found.items() if name not in settings.ELSEWHERE - {"layers", "head", "noise"}}


def _plain(name: str, value: Any, where: str) -> Any:
    if value is None:
        return "none"
    if isinstance(value, tuple | list):
        return [_plain(name, item, where) for item in value]
    if not isinstance(value, str | int | float):
        raise ValueError(f"{where}: its {name} is an object made in Python ({type(value).__name__}), which no file of settings can name")
    return value


def _read(config: Path) -> dict[str, Any]:
    if config.suffix == BUNDLE:
        return settings_of(config)
    return settings.check(toml_files.read(config), f"'{config}'")


def _assigned(assignments: list[str], flags: dict[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for assignment in assignments:
        name, sign, text = (part.strip() for part in assignment.partition("="))
        if not (name and sign and text):
            raise ValueError(f"--set {assignment} is no setting: give a name and a value, as in --set code_l1=1e-4")
        document[name] = toml_files.value(text)
    found = settings.check(document, "--set") if document else {}
    if twice := sorted(set(found) & set(flags)):
        raise ValueError(f"--set {twice[0]} is given by another flag too: give it once")
    return found


def _one_or_all(source: Source) -> Source:
    return source[0] if isinstance(source, list) and len(source) == 1 else source
