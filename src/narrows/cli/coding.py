"""``narrows encode``, ``decode`` and ``reconstruct``: a bundle put to use on files."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from narrows import data
from narrows.cli import blocks, tabling
from narrows.cli.reading import Source, as_input, check_output, load_rows, named, own_test_rows
from narrows.cli.screen import Screen, counted, size

FILE = "file"  # the column that says which image a row was

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from narrows.bundle import Manifest
    from narrows.data.one_pass import OnePass


def encode(
    screen: Screen, bundle: Path, source: Source, output: Path, *, test: bool, in_blocks: bool | None = None, resume: bool = False
) -> int:
    """Write the codes of rows; give the exit code.

    Raises
    ------
    ValueError, OSError
        If what came cannot be used, or the output cannot be written.
    """
    manifest = begin(bundle, source, output)
    if streams(manifest, source, in_blocks, resume):
        columns = [f"z{place}" for place in range(code_width(manifest))]
        return _stream(screen, manifest, bundle, source, output, "transform", columns, "the codes", resume)
    rows = rows_for(screen, manifest, bundle, source, test)
    codes = load(bundle).transform(as_input(rows))
    names = getattr(rows, "names", None)  # which tables have not
    return _end(screen, output, codes, [f"z{place}" for place in range(codes.shape[1])], f"the codes of {rows.name}", names)


def decode(screen: Screen, bundle: Path, source: str, output: Path) -> int:
    """Write the rows that codes stand for; give the exit code.

    Raises
    ------
    ValueError, OSError
        If what came cannot be used, or the output cannot be written.
    """
    manifest = begin(bundle, source, output)
    codes = load_rows(source, FILE, screen.progress())
    _check_width(codes.name, codes.X.shape[1], code_width(manifest), "codes", bundle)
    rows = load(bundle).inverse_transform(codes.X)
    if manifest.state.learned.table is not None:
        return tabling.end(screen, output, rows, f"the rows of {codes.name}")
    return _end(screen, output, rows, _feature_names(manifest), f"the rows of {codes.name}")


def reconstruct(
    screen: Screen, bundle: Path, source: Source, output: Path, *, test: bool, in_blocks: bool | None = None, resume: bool = False
) -> int:
    """Write reconstructions of rows; give the exit code.

    Raises
    ------
    ValueError, OSError
        If what came cannot be used, or the output cannot be written.
    """
    manifest = begin(bundle, source, output)
    if streams(manifest, source, in_blocks, resume):
        names = _feature_names(manifest)
        return _stream(screen, manifest, bundle, source, output, "reconstruct", names, "the reconstructions", resume)
    rows = rows_for(screen, manifest, bundle, source, test)
    made = load(bundle, "reconstruct").reconstruct(as_input(rows))
    if manifest.state.learned.table is not None:
        return tabling.end(screen, output, made, f"the reconstructions of {rows.name}")
    names = rows.feature_names or _feature_names(manifest)
    return _end(screen, output, made, names, f"the reconstructions of {rows.name}", rows.names)


def streams(manifest: Manifest, source: Source, in_blocks: bool | None, resume: bool) -> bool:
    """Tell whether rows are read some at a time.

    Raises
    ------
    ValueError
        If that is asked for, and the bundle's rows are those of a table.
    """
    wanted = True if resume else in_blocks
    if manifest.state.learned.table is None:
        return blocks.in_blocks(source, wanted)
    if wanted:
        raise ValueError("tables of text, truth values, dates or holes are read as a whole: leave out --blocks and --resume")
    return False


def _stream(
    screen: Screen,
    manifest: Manifest,
    bundle: Path,
    source: Source,
    output: Path,
    method: str,
    columns: list[str],
    what: str,
    resume: bool,
) -> int:
    """Write what a method makes of rows in blocks."""
    if output.suffix.lower() not in blocks.FORMATS:
        raise ValueError(f"'{output}': of rows in blocks narrows writes {', '.join(blocks.FORMATS)}: rename the output, or say --no-blocks")
    rows = once_for(screen, manifest, bundle, source)
    made = load(bundle, method)
    growing = blocks.Growing(output, {**blocks.identity(bundle, rows), "what": method})
    compute = getattr(made, method)
    n, d = blocks.stream(rows, compute, columns, growing, screen.progress(), resume=resume)
    screen.say(f"wrote '{output}' ({size(output.stat().st_size)}): {what} of {rows.name}, {counted(n, 'row')} of {counted(d, 'number')}")
    return 0


def once_for(screen: Screen, manifest: Manifest, bundle: Path, source: Source) -> OnePass:
    """Open rows that a bundle takes to go through them once, its label column left out.

    Raises
    ------
    ValueError, OSError
        If they cannot be read, or do not fit.
    """
    about = manifest.metadata.get("data")
    column = about.get("label") if isinstance(about, dict) else None
    rows = blocks.once(screen, source, column)
    _check_width(rows.name, rows.stream.width, manifest.state.learned.n_features, "rows", bundle)
    return rows


def begin(bundle: Path, source: Source, output: Path | None, formats: Collection[str] = data.FORMATS) -> Manifest:
    """Check what can be checked at once: the output, and the whole bundle.

    Raises
    ------
    ValueError, OSError
        If the output cannot be written, or the bundle is none.
    """
    if output is not None:
        check_output(output, formats, bundle, source)
    from narrows.bundle import read_manifest

    return read_manifest(bundle)


def code_width(manifest: Manifest) -> int:
    """Give how many numbers a bundle makes of a row: those of a code, or the two of a place on a map."""
    state = manifest.state
    if state.map is not None:
        return 2
    return int(state.params["n_components"]) if state.plan is None else state.plan.n_components


def rows_for(screen: Screen, manifest: Manifest, bundle: Path, source: Source, test: bool, label: str | None = None) -> Any:
    """Load rows that a bundle takes, or a table, its label column left out, or another one that is named.

    Raises
    ------
    ValueError, OSError
        If they cannot be read, or do not fit.
    """
    about = manifest.metadata.get("data")
    column = about.get("label") if isinstance(about, dict) else None
    progress = screen.progress()
    if manifest.state.learned.table is not None:
        if test:
            raise ValueError(f"{named(source)} brings no test rows, as named data sets do: leave out --test")
        return tabling.rows_of_bundle(manifest, bundle, source, column if label is None else label, progress, optional=label is None)
    rows = load_rows(source, column, progress) if label is None else data.load(source, label=label, progress=progress)
    if test:
        rows = own_test_rows(rows)
    _check_width(rows.name, rows.X.shape[1], manifest.state.learned.n_features, "rows", bundle)
    return rows


def _check_width(name: str, came: int, width: int, what: str, bundle: Path) -> None:
    if came != width:
        raise ValueError(f"{name} has {counted(came, 'column')}, but '{bundle}' takes {what} of {counted(width, 'number')}")


def load(bundle: Path, method: str = "transform") -> Any:
    """Load an estimator that has a method; of a detector of outliers, where only its autoencoder has it, that.

    Raises
    ------
    BundleError, OSError
        If it cannot be loaded.
    ValueError
        If it is a map, whose places have no such method.
    """
    from narrows import bundle as bundles
    from narrows.estimators import AutoencoderOutlierDetector

    made = bundles.load(bundle)
    if isinstance(made, AutoencoderOutlierDetector) and not hasattr(made, method):
        made = made.autoencoder_
    if not hasattr(made, method):
        raise ValueError(
            f"'{bundle}' holds a {type(made).__name__}, which places rows on a map and decodes places ('narrows encode' and 'decode') and "
            f"cannot do this: fit an autoencoder, or use the map's own, narrows.load('{bundle}').autoencoder_, in Python"
        )
    return made


def _feature_names(manifest: Manifest) -> list[str]:
    learned = manifest.state.learned
    return list(learned.feature_names or (f"x{place}" for place in range(learned.n_features)))


def _end(screen: Screen, output: Path, array: NDArray[Any], columns: list[str], what: str, files: list[str] | None = None) -> int:
    index = None if files is None or output.suffix.lower() == ".npy" else (FILE, files)  # .npy holds numbers only
    data.write(output, array, columns, index=index)
    n, d = array.shape
    screen.say(f"wrote '{output}' ({size(output.stat().st_size)}): {what}, {counted(n, 'row')} of {counted(d, 'number')}")
    return 0
