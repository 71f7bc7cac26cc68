"""``narrows info`` and ``narrows recipes``: what is known of a bundle, and which sets of choices there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from narrows._text import in_line
from narrows.cli.screen import Screen, aligned, counted, size
from narrows.cli.settings import TASKS
from narrows.data.names import listed

if TYPE_CHECKING:
    from narrows.bundle import Manifest
    from narrows.estimators._state import State
    from narrows.quality import Quality

EPOCHS_SHOWN = 8
_SCALES = {
    "none": "none",
    "bytes": "bytes, divided by 255",
    "minmax": "minmax, each feature to [0, 1]",
    "standard": "standard, each feature to mean 0 and deviation 1",
    "columns": "numbers and dates to mean 0 and deviation 1, categories to a place each",
}
_NOISES = {"Gaussian": "normal, of deviation", "Masking": "masking, a share of", "SaltAndPepper": "salt and pepper, a share of"}
_LOSSES = {
    "bce": "bce, binary cross-entropy",
    "mse": "mse, mean squared error",
    "columns": "of each column its own, squared error or cross-entropy, divided by that of the best constant guess",
}


def info(screen: Screen, path: Path) -> int:
    """Show what a bundle holds; give the exit code.

    Raises
    ------
    BundleError, OSError
        If it cannot be read.
    """
    from narrows.bundle import read_manifest
    from narrows.cli import tabling
    from narrows.networks.table import plan_table

    manifest = read_manifest(path)
    learned, state = manifest.state.learned, manifest.state
    table = None if state.plan is None else plan_table(state.plan)
    screen.facts([("bundle", f"{path} ({size(path.stat().st_size)}), format {manifest.format}"), *origin(manifest.metadata)])
    screen.say()
    if learned.table is not None:
        screen.table(tabling.columns_table(learned.table.columns))
        screen.say()
    if table is not None:
        screen.table(str(table))
    else:
        screen.prose(
            f"The layers are Keras models of the user's own: {learned.n_parameters:,} parameters, {learned.n_features:,} features."
        )
    screen.say()
    scale = learned.scale.kind if learned.table is None else "columns"
    chosen: dict[str, Any] = {"loss": learned.loss_name, "scale": scale, "precision": learned.precision}
    chosen |= {"task": TASKS.get(state.estimator), "outputs": len(learned.labels.classes) if learned.labels is not None else 1}
    chosen |= {"images": learned.image_shape, "classes": learned.labels and learned.labels.classes}
    screen.facts(settings_facts(_plain(state.params), chosen, _validated(manifest.metadata)))
    if state.map is not None:
        screen.facts(
            [("map", f"t-SNE of these codes, in {state.map.fit_seconds:.1f} s with them; divergence {state.map.kl_divergence:.4g}")]
        )
    if state.outliers is not None:
        share = state.outliers.params["contamination"]
        shares = share if share == "auto" else f"{100 * share:g} % of the rows"
        screen.facts([("outliers", f"rows of an error above {-state.outliers.offset:.4g}; contamination {shares}")])
    screen.say()
    screen.table(_history(learned.history))
    kept = f"; the weights are those of {f'epoch {learned.best_epoch}' if learned.best_epoch else 'the start'}"
    screen.prose(f"{counted(learned.n_epochs, 'epoch')} in {learned.fit_seconds:.1f} s{kept}")
    if (quality := quality_of(manifest)) is not None:
        screen.say()
        for line in quality_lines(quality, manifest.metadata.get("head"), manifest.metadata.get("denoising")):
            line(screen)
    if isinstance(figures := manifest.metadata.get("table_quality"), dict):
        screen.say()
        screen.table(tabling.quality_table(figures))
        screen.prose(tabling.saved(figures))
    if learned.diagnostics:
        from narrows.diagnostics import Verdict

        screen.say()
        screen.verdicts([Verdict(**verdict.model_dump()) for verdict in learned.diagnostics])
    screen.say()
    screen.facts([("written with", ", ".join(f"{name} {number}" for name, number in manifest.versions.items()))])
    if screen.json:
        screen.result(bundle_values(path, manifest))
    return 0


def config(path: Path) -> int:
    """Print the settings of the run that made a bundle; give the exit code.

    Raises
    ------
    ValueError, OSError
        If it cannot be read, or was made with what settings cannot name.
    """
    from narrows.cli import asking, settings, toml_files

    text = toml_files.text(settings.nested(asking.settings_of(path)))
    print(f"# the run that made {in_line(path.name)}, to be repeated by: narrows fit --config FILE\n{text}", end="")
    return 0


def recipes(screen: Screen) -> int:
    """List the recipes; give the exit code."""
    from narrows.estimators.recipes import RECIPES
    from narrows.estimators.recipes import recipes as known

    found = known()
    for name, (description, source) in found.items():
        needs = [("", f"needs {' and '.join(RECIPES[name].needs)}")] if RECIPES[name].needs else []
        screen.facts([(f"{name:{max(map(len, found))}}", description), ("", source), *needs])
        screen.say()
    screen.commands("to use one:", [["narrows", "fit", "digits", "--recipe", "supervised"]])
    values = {name: {"description": description, "source": source} for name, (description, source) in found.items()}
    screen.result({name: {**said, "needs": list(RECIPES[name].needs)} for name, said in values.items()})
    return 0


def bundle_values(path: Path, manifest: Manifest) -> dict[str, Any]:
    """Give all that a bundle says, as JSON has it."""
    from narrows.networks.table import plan_table

    state, learned = manifest.state, manifest.state.learned
    parts = {"map": state.map, "outliers": state.outliers}
    around = {name: {**part.model_dump(mode="json"), "parameters": _plain(part.params)} for name, part in parts.items() if part is not None}
    return {
        "bundle": str(path),
        "bytes": path.stat().st_size,
        "format": manifest.format,
        "versions": manifest.versions,
        "estimator": _kind(state),
        "parameters": _plain(state.params),
        "network": None if state.plan is None else plan_table(state.plan).to_dict(),
        "n_features": learned.n_features,
        "feature_names": learned.feature_names,
        "image_shape": learned.image_shape,
        "columns": None if learned.table is None else [asdict(column) for column in learned.table.columns],
        "task": TASKS.get(state.estimator),
        "classes": learned.labels and list(learned.labels.classes),
        "loss": learned.loss_name,
        "scale": learned.scale.kind,
        "precision": learned.precision,
        "epochs": learned.n_epochs,
        "best_epoch": learned.best_epoch,
        "seconds": learned.fit_seconds,
        "history": learned.history,
        "diagnostics": [verdict.model_dump() for verdict in learned.diagnostics],
        **around,
        **manifest.metadata,
    }


def _kind(state: State) -> str:
    """Give the class of what a bundle holds."""
    return "LatentMap" if state.map is not None else "AutoencoderOutlierDetector" if state.outliers is not None else state.estimator


def quality_lines(
    quality: Quality, head: dict[str, Any] | None = None, denoising: dict[str, float] | None = None
) -> list[Callable[[Screen], None]]:
    """Give what prints the figures of a quality, PCA's beside them, those of a head, and what is left of noise."""
    lines = [(row.figure, *_alike(row.autoencoder, row.pca), row.better) for row in quality.table()]
    for figure, title in (("accuracy", "accuracy of the head"), ("r2", "R² of the head")):
        if head and figure in head:
            lines.append((title, f"{head[figure]:.4f}", "", "higher"))
    notes = [f"{figure.replace('_', ' ')}: measured on {share}" for figure, share in quality.sampled.items()]
    notes += [f"{figure.replace('_', ' ')}: not measured, {reason}" for figure, reason in quality.skipped.items()]
    if denoising:
        noisy, cleaned = _alike(denoising["noisy"], denoising["cleaned"])
        notes.append(f"under the noise of training: squared error {noisy}; reconstructed from there: {cleaned}")
    if quality.pca_components_to_match is not None:
        notes.append(f"PCA needs {counted(quality.pca_components_to_match, 'component')} to explain as much variance")
    titles = (f"quality on {counted(quality.n_test, 'test row')}", "autoencoder", f"PCA, {quality.n_components}", "better")
    table = aligned(titles, lines)
    return [lambda screen: screen.table(table), *(lambda screen, note=note: screen.prose(note) for note in notes)]


def settings_facts(parameters: dict[str, Any], chosen: dict[str, Any], validated: str | None = None) -> list[tuple[str, str]]:
    """Say in words what a network was, or will be, trained with; `validated` names validation rows of their own."""
    loss = chosen["loss"] if isinstance(chosen["loss"], str) else getattr(chosen["loss"], "name", repr(chosen["loss"]))
    rate, schedule = parameters["learning_rate"], parameters["schedule"]
    how_fast = f"learning rate {_named(rate)}, schedule {_named(schedule)}"
    stops = parameters["early_stopping"]
    held = validated or f"{100 * parameters['validation_fraction']:g} % of the rows"
    ends = stops is True or (stops == "auto" and parameters["epochs"] == "auto")
    validation = f"; stops by validation on {held}" if ends else f"; validation on {held}" if validated else ""
    noise = noise_words(parameters.get("noise"))
    task = chosen.get("task")
    learns = "numbers to predict" if task == "numbers" else f"{chosen.get('outputs')} classes"
    weights = "{label_weight:g} beside the reconstruction's {reconstruction_weight:g}".format_map(parameters) if task else ""
    images = chosen.get("images")
    drawn = parameters.get("neighbor_weight", 0)  # older bundles know nothing of it
    neighbors = f"each of the {parameters.get('n_neighbors')} nearest may be drawn beside a row; they count {drawn:g}"
    return [
        *([("images", "x".join(map(str, images)))] if images else []),
        *([("classes", listed(chosen["classes"]))] if chosen.get("classes") else []),
        *([("noise", noise)] if noise else []),
        *([("labels", f"{learns}, which count {weights}")] if task else []),
        *([("neighbors", neighbors)] if drawn else []),
        ("loss", _LOSSES.get(loss, loss)),
        ("scale", _SCALES.get(chosen["scale"], chosen["scale"])),
        ("precision", chosen["precision"] if chosen["precision"] == "float32" else f"{chosen['precision']} in training, float32 in use"),
        ("optimizer", f"{_named(parameters['optimizer'])}, {how_fast}, batches of {parameters['batch_size']:,}"),
        ("epochs", f"{parameters['epochs']}{validation}"),
        ("seed", f"{parameters['random_state']}"),
    ]


def noise_words(noise: Any) -> str:
    """Say what rows suffer in training; nothing where they do not."""
    if not noise:
        return ""
    if noise == "auto":
        return "auto: a fifth of the cells is hidden; in training only"
    about = dict(noise) if isinstance(noise, dict) else {"class": type(noise).__name__, **noise.get_params()}
    clipped = ", clipped to the range of the data" if about.get("clip") else ""
    return f"{_NOISES.get(about['class'], about['class'])} {about.get('strength', 0):g}{clipped}; in training only"


def _named(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, str | int) or value is None:
        return str(value)
    return str(getattr(value, "name", None) or type(value).__name__)


def _plain(value: Any) -> Any:
    """Turn what a bundle writes for objects back into words and lists."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"tuple"}:
        return _plain(value["tuple"])
    if set(value) == {"choices", "values"}:
        return {"class": value["choices"], **_plain(value["values"])}
    if set(value) == {"dict"}:
        return {str(name): _plain(item) for name, item in value["dict"]}
    if set(value) == {"keras"}:
        inner = value["keras"]
        return str(inner.get("config", {}).get("name") or inner.get("class_name", "a Keras object"))
    return {name: _plain(item) for name, item in value.items()}


def quality_of(manifest: Manifest) -> Quality | None:
    """Give the figures in a bundle's metadata, if it has any."""
    from narrows.quality import Quality

    figures = manifest.metadata.get("quality")
    return Quality.from_dict(figures) if isinstance(figures, dict) else None


def origin(metadata: dict[str, Any]) -> list[tuple[str, str]]:
    """Say what a bundle was trained on, and how that ended."""
    about = metadata.get("data")
    facts = []
    if isinstance(about, dict):
        source = about.get("source")
        source = " ".join(source) if isinstance(source, list) else source
        tested = f"; {about['test_rows']:,} test rows ({about.get('test')})" if about.get("test_rows") else ""
        facts.append(("trained on", f"{source}: {about.get('rows', 0):,} rows{tested}"))
        if about.get("label"):
            facts.append(("label", f"{about['label']}, left out of the rows"))
        if about.get("label_file"):
            facts.append(("labels", f"from {about['label_file']}"))
        if about.get("target"):
            facts.append(("rebuilt as", str(about["target"])))
    if metadata.get("recipe"):
        facts.append(("recipe", str(metadata["recipe"])))
    if metadata.get("end", "done") != "done":
        facts.append(("training", f"was {metadata['end']}"))
    return facts


def _validated(metadata: dict[str, Any]) -> str | None:
    about = metadata.get("data")
    if not isinstance(about, dict) or not about.get("validation"):
        return None
    return f"{counted(about.get('validation_rows', 0), 'row')} of {about['validation']}"


def _history(history: dict[str, tuple[float, ...]]) -> str:
    """Lay out some epochs: the first, the last, and a few between."""
    wanted = (
        ("loss", "label_loss", "accuracy", "val_loss", "val_accuracy") if "label_loss" in history else ("loss", "val_loss", "learning_rate")
    )
    names = [name for name in wanted if history.get(name)]
    n = len(history.get("loss", ()))
    shown = sorted({round(place * (n - 1) / (EPOCHS_SHOWN - 1)) for place in range(EPOCHS_SHOWN)}) if n else []
    titles = {name: name.replace("val_", "validation ").replace("_", " ") for name in names}
    lines = [(f"{epoch + 1}", *(f"{history[name][epoch]:.4g}" for name in names)) for epoch in shown]
    return aligned(("epoch", *(titles[name] for name in names)), lines)


def _alike(*values: float) -> list[str]:
    """Write figures that are compared in one form: with four decimals where these tell enough."""
    form = ".4f" if 1e-3 <= max(map(abs, values)) < 1e4 else ".3e"
    return [format(value, form) for value in values]
