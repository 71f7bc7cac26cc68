"""``narrows report``: a bundle and rows as one page to open in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from narrows.cli.coding import begin, load, rows_for
from narrows.cli.reading import Source, as_input, is_images
from narrows.cli.screen import Screen, counted, size
from narrows.cli.telling import origin, quality_of

if TYPE_CHECKING:
    from narrows.quality import Quality

PAGE = ".html"


def report(screen: Screen, bundle: Path, source: Source, output: Path, *, label: str | None, test: bool, most: int | None) -> int:
    """Write a page about a bundle and rows; give the exit code.

    Raises
    ------
    ValueError, OSError
        If what came cannot be used, or the output cannot be written.
    """
    manifest = begin(bundle, source, output, (PAGE,))
    rows = rows_for(screen, manifest, bundle, source, test, label)
    estimator = load(bundle)
    sources = [source] if isinstance(source, str) else source
    flags = [*(["--label", label] if label else []), *(["--test"] if test else []), *(["--rows", str(most)] if most else [])]
    command = ["narrows", "report", str(bundle), *sources, *flags, "-o", str(output)]
    facts = {"bundle": str(bundle), **dict(origin(manifest.metadata))}
    write_page(screen, output, estimator, rows, quality=quality_of(manifest), facts=facts, command=command, most=most)
    screen.result({"rows": n_rows(rows), "output": str(output)})
    return 0


def page_command(bundle: Path, page: Path, test: str | None, data_set: str | None = None) -> list[str]:
    """Give the command that writes the page of a fit again.

    Parameters
    ----------
    bundle, page : Path
    test : str or None
        Where the test rows are from, if from elsewhere.
    data_set : str, default=None
        The data set that brings them, if one does; else only a run like this one holds the same rows out.

    Returns
    -------
    list of str
    """
    if test is None and data_set is None:
        return ["narrows", "fit", "--config", str(bundle), "--report", "-o", str(bundle)]
    source = [test] if test is not None else [str(data_set), "--test"]
    return ["narrows", "report", str(bundle), *source, "-o", str(page)]


def n_rows(rows: Any) -> int:
    """Count rows of numbers, or those of a table."""
    return len(rows.X) if hasattr(rows, "X") else len(rows)


def write_page(
    screen: Screen,
    output: Path,
    estimator: Any,
    rows: Any,
    *,
    quality: Quality | None,
    facts: dict[str, str],
    command: list[str] | None,
    most: int | None = None,
) -> None:
    """Write a page, and say where it is.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    from narrows import report as reports

    reports.write(
        output,
        estimator,
        as_input(rows),
        rows.labels,
        title=rows.name,
        names=getattr(rows, "names", None),
        image_shape=rows.image_shape if hasattr(rows, "X") and is_images(rows) else None,
        quality=quality,
        facts=facts,
        command=command,
        max_rows=most or reports.ROWS,
        progress=screen.progress(),
    )
    screen.say(f"wrote '{output}' ({size(output.stat().st_size)}): {counted(n_rows(rows), 'row')} of {rows.name}; open it in a browser")
