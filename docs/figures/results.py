"""Writes docs/results.md from what the studies found: ``python docs/figures/results.py``.

``narrows study NAME --data mnist -o docs/results/NAME`` runs a study (or goes on with one that was stopped); what it writes there is
what stands on the page. ``--out FOLDER`` writes the page elsewhere. ``--quick`` does the same: it takes a moment anyway.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from narrows.study import studies

DOCS = Path(__file__).parents[1]
FOUND = DOCS / "results"
HEAD = """# Results

What the textbook says of autoencoders, put to the test: each section is a study of `narrows study`, with the command that repeats it.
This page is written by `python docs/figures/results.py` from what the studies wrote; nobody types its figures.

A verdict follows from the spread over seeds, by Student's one-sided t test at 95 %: *confirmed* where a claim holds by more than chance,
*refuted* where the opposite does, *not confirmed* where seeds disagree.
Figures are means and standard deviations over seeds, of test rows that nothing was trained on.
Each study had one core to itself (on Linux, `taskset -c 0` before the command): with more cores sums are rounded in another order, and a
fit ends elsewhere within the spread over seeds.
Seconds are those of a shared machine of two cores under other work, and no measure of speed: those in `benchmarks/` are.
"""
NOTES = {
    "convolution": "The textbook's own example contradicts itself here: its encoder ends in a feature map of 7x7x16, 784 numbers, "
    "as many as the image has, and its comment calls them a code of shape (n, 20).\nSuch a network may copy its input; "
    "a bottleneck needs `n_components`.",
}


def page() -> str:
    """Give the whole page."""
    parts = [HEAD]
    for name, shows in studies().items():
        if not (FOUND / name / "verdict.md").exists():
            continue
        about = json.loads((FOUND / name / "study.json").read_text("utf-8"))
        verdict, table = ((FOUND / name / file).read_text("utf-8").strip() for file in ("verdict.md", "table.md"))
        note = f"{NOTES[name]}\n\n" if name in NOTES else ""
        parts.append(
            f"## {name.capitalize()}: {shows}\n\n```text\nnarrows study {name} --data {about['data']} -o docs/results/{name}\n```\n\n"
            f"On {about['rows']:,} training and {about['test_rows']:,} test rows of {about['data']}.\n{note}\n{verdict}\n\n{table}\n\n"
            f"![What the study {name} found, drawn](results/{name}/figure.png)\n"
        )
    missing = [name for name in studies() if not (FOUND / name / "verdict.md").exists()]
    if missing:
        parts.append(f"## Not run yet\n\nOf these studies no full run is on record: {', '.join(f'`{name}`' for name in missing)}.\n")
    return "\n".join(parts)


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path, default=DOCS)
    arguments = parser.parse_args()
    (arguments.out / "results.md").write_text(page(), "utf-8")
    print(f"wrote {arguments.out / 'results.md'}")


if __name__ == "__main__":
    main()
