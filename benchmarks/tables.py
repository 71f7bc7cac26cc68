"""Tables: seconds from a file to a bundle beside pandas, one-hot and Keras; and how well holes are filled, beside scikit-learn.

    python benchmarks/tables.py            # a million rows of 30 columns; takes some ten minutes
    python benchmarks/tables.py --quick    # few rows: shows that it works
    python benchmarks/tables.py --only seconds | holes

Seconds: each side is a process of its own, from its first line to its last, imports included; the sides take turns, and the ratio of each
round counts. Both read the same Parquet file and train the same widths, batches, epochs and learning rate by Adam. The other side fills
holes with the mean, adds a column for each that says where they were, standardizes, spreads categories out by `pandas.get_dummies`, and
minimizes the squared error of it all, which is less work than a cross-entropy for each column.

Holes: a share of the cells is taken out of a table, each method sees what is left, fills it, and is measured on what was taken out:
numbers by the root of the mean squared error in units of the column's deviation, categories by the share told right.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

import numpy as np

ROWS, NUMBERS, CATEGORIES, HOLES = 1_000_000, 20, 10, 0.05
WIDTHS, CODE, BATCH, EPOCHS, RATE = (128, 64), 15, 512, 2, 0.002
ROUNDS = 5
MISSING = 0.2
SEEDS = 5


def make_file(path: Path, n: int) -> None:
    """Write a table whose columns share five hidden numbers; 5 % of its cells are missing."""
    import pyarrow as pa
    from pyarrow import parquet

    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(n, 5)).astype(np.float32)
    columns: dict[str, Any] = {}
    for place in range(NUMBERS):
        values = hidden @ rng.normal(size=5) * 10.0 ** rng.integers(-2, 4) + rng.normal(size=n)
        columns[f"number_{place}"] = pa.array(values, mask=rng.random(n) < HOLES)
    for place in range(CATEGORIES):
        units = int(rng.integers(2, 24))
        scores = hidden @ rng.normal(size=(5, units)).astype(np.float32) + rng.gumbel(size=(n, units)).astype(np.float32)
        names = np.array([f"kind {unit}" for unit in range(units)], object)
        columns[f"category_{place}"] = pa.array(names[scores.argmax(1)], mask=rng.random(n) < HOLES)
    parquet.write_table(pa.table(columns), path)


def narrows_side(path: str) -> None:
    """Go from the file to a bundle."""
    import narrows
    from narrows.data.table_files import load_table

    made = narrows.TableAutoencoder(
        CODE,
        layers=WIDTHS,
        linear_path=False,
        batch_size=BATCH,
        epochs=EPOCHS,
        early_stopping=False,
        learning_rate=RATE,
        schedule="constant",
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # verdicts on so short a fit
        made.fit(load_table(path).frame)
    narrows.save(made, path + ".narrows")


def keras_side(path: str) -> None:
    """Do what people do by hand."""
    import pandas as pd

    frame = pd.read_parquet(path)
    numbers = frame.select_dtypes("number")
    missing = numbers.isna().add_suffix("_missing")
    numbers = numbers.fillna(numbers.mean())
    numbers = (numbers - numbers.mean()) / numbers.std()
    dummies = pd.get_dummies(frame.select_dtypes(exclude="number"), dtype="float32")
    rows = pd.concat([numbers.astype("float32"), missing.astype("float32"), dummies], axis=1).to_numpy("float32")

    import keras

    widths = [*WIDTHS, CODE, *WIDTHS[::-1]]
    layers: list[Any] = [keras.Input((rows.shape[1],))]
    layers += [keras.layers.Dense(width, activation=None if width == CODE else "gelu") for width in widths]
    model = keras.Sequential([*layers, keras.layers.Dense(rows.shape[1])])
    model.compile(optimizer=keras.optimizers.Adam(RATE), loss="mean_squared_error")
    model.fit(rows, rows, batch_size=BATCH, epochs=EPOCHS, verbose=0)
    model.save(path + ".keras")


def seconds(quick: bool, rounds: int) -> None:
    """Let the sides take turns, and print what they took: seconds of a clock, and of all cores together, which other work hardly moves."""
    n, rounds = (20_000, 1) if quick else (ROWS, rounds)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "table.parquet")
        make_file(Path(path), n)
        taken: dict[str, list[float]] = {"narrows": [], "keras": []}
        cores: dict[str, list[float]] = {"narrows": [], "keras": []}
        for number in range(rounds):
            for side in list(taken)[:: 1 if number % 2 else -1]:
                began, busy = time.perf_counter(), _busy()
                subprocess.run([sys.executable, __file__, "--side", side, path], check=True, env=_environment())
                taken[side].append(time.perf_counter() - began)
                cores[side].append(_busy() - busy)
            told = (f"{side} {taken[side][-1]:.1f} s, {cores[side][-1]:.1f} of cores" for side in taken)
            print(f"round {number + 1}: " + "; ".join(told), flush=True)
    print(
        f"\n{n:,} rows of {NUMBERS + CATEGORIES} columns, {100 * HOLES:.0f} % holes; {WIDTHS} to {CODE}, batches of {BATCH}, "
        f"{EPOCHS} epochs"
    )
    for what, found in (("seconds", taken), ("seconds of cores", cores)):
        ratios = [ours / theirs for ours, theirs in zip(found["narrows"], found["keras"], strict=True)]
        print(
            f"{what}: narrows {median(found['narrows']):.1f}, pandas and Keras {median(found['keras']):.1f}; ratio, median of {rounds}: "
            f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        )


def _busy() -> float:
    """Give the seconds of cores that processes took which have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _environment() -> dict[str, str]:
    import os

    return {**os.environ, "KERAS_BACKEND": "jax"}


def tables() -> Iterator[tuple[str, Any]]:
    """Give the tables that holes are punched into: three that scikit-learn bundles, and one with categories."""
    import pandas as pd
    from sklearn import datasets

    for name, load in (("breast cancer", datasets.load_breast_cancer), ("wine", datasets.load_wine), ("diabetes", datasets.load_diabetes)):
        yield name, load(as_frame=True).data
    wine = datasets.load_wine(as_frame=True)
    frame = wine.data.iloc[:, :7].assign(cultivar=np.array(["first", "second", "third"], object)[wine.target])
    for name in wine.data.columns[7:]:
        frame[name] = pd.qcut(wine.data[name], 4, labels=["low", "lower", "higher", "high"]).astype(object)
    yield "wine, half in words", frame


def by_constant(frame: Any) -> Any:
    """Fill with the mean, or the most frequent."""
    filled = frame.copy()
    for name in frame:
        filled[name] = frame[name].fillna(frame[name].mean() if _is_numbers(frame[name]) else frame[name].mode()[0])
    return filled


def by_sklearn(make: Callable[[], Any]) -> Callable[[Any], Any]:
    """Fill by an imputer of scikit-learn: numbers standardized, categories spread out but for the first of each, the likeliest taken."""

    def fill(frame: Any) -> Any:
        import pandas as pd

        numbers, words = frame.select_dtypes("number"), frame.select_dtypes(exclude="number")
        middle, spread = numbers.mean(), numbers.std().replace(0, 1)
        # All places of a category sum to 1: with all of them, an iterative imputer would tell each from the others, which are missing too.
        places = {name: pd.get_dummies(words[name], dtype=float).iloc[:, 1:].where(words[name].notna(), np.nan) for name in words}
        parts = [(numbers - middle) / spread, *(part.add_prefix(f"{name}=") for name, part in places.items())]
        whole = pd.concat(parts, axis=1)
        made = pd.DataFrame(make().fit_transform(whole), columns=whole.columns, index=whole.index)
        filled = frame.copy()
        for name in frame:
            holes = frame[name].isna()
            if name in numbers:
                filled.loc[holes, name] = (made[name] * spread[name] + middle[name])[holes]
            else:
                shares = made[[f"{name}={value}" for value in places[name]]].set_axis(list(places[name]), axis=1)
                first = sorted(frame[name].dropna().unique())[0]
                filled.loc[holes, name] = shares.assign(**{first: 1 - shares.sum(axis=1)}).idxmax(axis=1)[holes]
        return filled

    return fill


def by_narrows(frame: Any) -> Any:
    """Fill by an autoencoder of tables, all by default."""
    import narrows

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return narrows.TableAutoencoder(random_state=0).fit(frame).impute(frame)


def methods() -> dict[str, Callable[[Any], Any]]:
    """Give all methods by name."""
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401
    from sklearn.impute import IterativeImputer, KNNImputer

    return {
        "mean or mode": by_constant,
        "KNNImputer": by_sklearn(KNNImputer),
        "IterativeImputer": by_sklearn(lambda: IterativeImputer(random_state=0, max_iter=10)),
        "narrows": by_narrows,
    }


def holes(quick: bool) -> None:
    """Punch holes, have them filled, and print how well."""
    print(
        f"\n{100 * MISSING:.0f} % of the cells taken out; numbers: error in deviations (lower is better); categories: told right (higher)"
    )
    found = methods()
    print(f"{'table':22}" + "".join(f"{name:>20}" for name in found))
    for name, frame in tables():
        figures: dict[str, list[tuple[float, float]]] = {method: [] for method in found}
        taken = dict.fromkeys(found, 0.0)
        for seed in range(1 if quick else SEEDS):
            out = np.random.default_rng(seed).random(frame.shape) < MISSING
            punched = frame.mask(out)
            for method, fill in found.items():
                began = time.perf_counter()
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    filled = fill(punched)
                taken[method] += time.perf_counter() - began
                figures[method].append(_missed(frame, filled, out))
        for place, what in ((0, "numbers"), (1, "categories")):
            values = {method: [pair[place] for pair in pairs] for method, pairs in figures.items()}
            if not np.isnan(values["narrows"]).all():
                cells = (f"{mean(v):.3f} ± {stdev(v) if len(v) > 1 else 0:.3f}" for v in values.values())
                print(f"{(name if place == 0 else ''):<12.21}{what:>10}" + "".join(f"{cell:>20}" for cell in cells), flush=True)
        print(f"{'':12}{'seconds':>10}" + "".join(f"{value:>20.1f}" for value in taken.values()), flush=True)


def _is_numbers(column: Any) -> bool:
    import pandas as pd

    return bool(pd.api.types.is_numeric_dtype(column))


def _missed(frame: Any, filled: Any, out: np.ndarray) -> tuple[float, float]:
    errors, right = [], []
    for place, name in enumerate(frame):
        where = out[:, place]
        if not _is_numbers(frame[name]):
            right.append((filled[name][where] == frame[name][where]).to_numpy())
        else:
            errors.append(((filled[name] - frame[name])[where] / frame[name].std()).to_numpy(float))
    numbers = float(np.sqrt(np.square(np.concatenate(errors)).mean())) if errors else float("nan")
    return numbers, float(np.concatenate(right).mean()) if right else float("nan")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few rows and one round")
    parser.add_argument("--only", choices=["seconds", "holes"], help="one of the two")
    parser.add_argument("--side", nargs=2, metavar=("SIDE", "FILE"), help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of seconds")
    asked = parser.parse_args()
    if asked.side:
        {"narrows": narrows_side, "keras": keras_side}[asked.side[0]](asked.side[1])
    else:
        if asked.only in (None, "seconds"):
            seconds(asked.quick, asked.rounds)
        if asked.only in (None, "holes"):
            holes(asked.quick)
