"""A comparison makes each map in a process of its own, keeps it, goes on where it was stopped, and says what it found."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from narrows import quality
from narrows.data import Rows, load
from narrows.networks import scale
from narrows.study import Comparison, comparable, comparing
from narrows.study.apart import Ended
from narrows.study.comparing import compare
from narrows.study.mapping import map_rows, write_job
from narrows.study.ways import WAYS

pytest.importorskip("matplotlib")

QUICK = ["pca", "tsne", "sklearn_tsne"]


class Processes:
    """Stands for processes: writes the first two columns as places, and counts which ways were asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.limits: list[float] = []
        self.ends: dict[str, Ended | BaseException] = {}  # of ways that do not come to their end

    def __call__(self, target, argument, *, limit, hear):
        asked = json.loads(argument)
        self.asked.append(asked["way"])
        self.limits.append(limit)
        end = self.ends.get(asked["way"])
        if isinstance(end, BaseException):
            raise end
        if end is not None:
            return end
        hear({"done": 0.5, "text": "half"})
        for kind in ("fitted", "held_out"):
            if kind in asked:
                name = "fitted.npy" if kind == "fitted" else "held-out.npy"
                np.save(asked[kind], np.load(Path(asked["job"]) / name)[:, :2].astype(np.float32))
        way = WAYS[asked["way"]]
        found = {"fit_seconds": 1.5, "place_seconds": 0.25 if way.places else None, "squared_error": 0.125 if way.decodes else None}
        return Ended(found, "", False, 2.0, 99.0)


STOPPED = Ended(None, "", True, 5.0, 50.0)


@pytest.fixture
def processes(monkeypatch):
    made = Processes()
    monkeypatch.setattr(comparing, "run_apart", made)
    monkeypatch.setitem(comparing.PACKAGES, "umap", "umap-learn")
    monkeypatch.setattr(comparing, "find_spec", lambda name: None)
    return made


@pytest.fixture
def rows(rng):
    """Give rows of two kinds, which lie apart."""
    labels = np.repeat([3, 7], 40)
    return Rows(rng.normal(size=(80, 4)) + 8 * (labels[:, None] == 7), labels=labels, name="toys")


def states(found: Comparison) -> dict[str, str]:
    return {one.method: one.state for one in found.methods}


def test_all_ways_are_compared(processes, rows, tmp_path):
    found = compare(rows, tmp_path / "out")

    assert processes.asked == [method for method in WAYS if method != "umap"]
    assert states(found) == {**dict.fromkeys(WAYS, "done"), "umap": "left out"}
    assert (found.data, found.n_rows, found.n_held_out, found.n_features) == ("toys", 64, 16, 4)
    assert found.notes()[-1] == "UMAP: umap-learn is not installed (pip install umap-learn)."
    assert list(comparable()) == list(WAYS)


def test_figures_are_those_of_the_places(processes, rows, tmp_path):
    figures = compare(rows, tmp_path / "out", methods=["pca"]).methods[0].figures
    held = rows.X[np.setdiff1d(np.arange(80), kept_rows(rows))]
    scaled = scale.learn("auto", rows.X[kept_rows(rows)]).apply(held)

    assert figures["trustworthiness"] == quality.trustworthiness(scaled, held[:, :2].astype(np.float32), 7)
    assert figures["continuity"] == quality.continuity(scaled, held[:, :2].astype(np.float32), 7)
    assert (figures["accuracy_1nn"], figures["accuracy_5nn"]) == (1.0, 1.0)
    assert (figures["fit_seconds"], figures["place_seconds"], figures["peak_megabytes"], figures["squared_error"]) == (1.5, 0.25, 99, 0.125)


def kept_rows(rows: Rows) -> list[int]:
    from narrows.data import hold_out

    kept, _ = hold_out(rows, 0.2)
    return [int(np.flatnonzero((rows.X == row).all(1))[0]) for row in kept.X]


def test_what_is_written(processes, rows, tmp_path):
    processes.ends["tsne"] = STOPPED
    found = compare(rows, tmp_path / "out", methods=["sklearn_tsne", "tsne", "pca"], time_limit=5)

    lines = list(csv.DictReader((tmp_path / "out" / "comparison.csv").read_text().splitlines()))
    assert [(line["method"], line["state"], line["measured_on"], line["squared_error"]) for line in lines] == [
        ("pca", "done", "rows held out", "0.125"),
        ("tsne", "stopped", "", ""),
        ("sklearn_tsne", "done", "fitted rows", ""),
    ]
    values = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert values == json.loads(json.dumps(found.to_dict()))
    assert values["methods"][1]["reason"] == "ended at its time limit of 5 s"
    assert (tmp_path / "out" / "comparison.png").read_bytes().startswith(b"\x89PNG")


def test_the_table_fits_into_80_columns(processes, rows, tmp_path):
    head, lines = compare(rows, tmp_path / "out").table()

    widths = [max(map(len, column)) for column in zip(head, *lines, strict=True)]
    assert sum(widths) + 2 * (len(widths) - 1) + 3 <= 80  # seconds and megabytes may have more digits
    assert lines[0] == ("PCA", "1.5", "0.25", "99", *lines[0][4:8], "0.1250")
    assert [line[0] for line in lines if line[0][-1] in "*†"] == ["t-SNE (scikit-learn)*", "autoencoder + labels†"]
    assert set(lines[-1][1:]) == {"—"}


def test_a_stopped_comparison_goes_on(processes, rows, tmp_path):
    processes.ends["neighbors"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        compare(rows, tmp_path / "out")
    assert processes.asked == ["pca", "autoencoder", "neighbors"]
    assert not (tmp_path / "out" / "comparison.csv").exists()
    del processes.ends["neighbors"], processes.asked[:]

    found = compare(rows, tmp_path / "out")

    assert processes.asked == ["neighbors", "latent_map", "pca_tsne", "tsne", "sklearn_tsne", "supervised"]
    assert found.methods == compare(rows, tmp_path / "out").methods
    assert len(processes.asked) == 6  # nothing twice


def test_a_way_that_took_too_long_runs_again_only_with_more_time(processes, rows, tmp_path):
    processes.ends["pca"] = STOPPED
    runs = []
    for limit in (10, 10, 5, 20):
        found = compare(rows, tmp_path / "out", methods=["pca"], time_limit=limit)
        runs.append((len(processes.asked), found.methods[0].reason))
    del processes.ends["pca"]
    assert runs == [(1, said := "ended at its time limit of 10 s"), (1, said), (1, said), (2, "ended at its time limit of 20 s")]

    assert states(compare(rows, tmp_path / "out", methods=["pca"], time_limit=30)) == {"pca": "done"}
    assert states(compare(rows, tmp_path / "out", methods=["pca"], time_limit=1)) == {"pca": "done"}  # what is done is done


def test_a_way_that_failed_says_why_and_runs_again(processes, rows, tmp_path):
    processes.ends["pca"] = Ended(None, "a map needs at least 8 rows.", False, 1.0, 1.0)
    found = compare(rows, tmp_path / "out", methods=["pca"])

    assert (found.methods[0].state, found.methods[0].reason) == ("failed", "a map needs at least 8 rows")
    assert found.done == []
    assert found.sentences() == ["There are no figures to choose a map by."]
    compare(rows, tmp_path / "out", methods=["pca"])
    assert processes.asked == ["pca", "pca"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"random_state": 1}, "whose seed is 0, and not 1: give another folder, or empty it"),
        ({"epochs": 3}, "whose epochs is 'auto', and not 3"),
        ({"n_rows": 50}, "whose rows is 64, and not 50"),
        ({"test": 0.5}, "whose rows is 64, and not 40"),
        ({"rows": "moved"}, "whose digest of the rows is"),
        ({"rows": "relabeled"}, "whose digest of the rows is"),
    ],
    ids=str,
)
def test_a_folder_belongs_to_one_comparison(processes, rows, tmp_path, options, words):
    compare(rows, tmp_path / "out", methods=["pca"])
    other = {"moved": replace(rows, X=rows.X + 1), "relabeled": replace(rows, labels=rows.labels + 1)}

    with pytest.raises(ValueError, match=words):
        compare(other.get(options.pop("rows", ""), rows), tmp_path / "out", methods=["pca"], **options)


def test_other_things_are_left_alone(processes, rows, tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")

    with pytest.raises(ValueError, match="holds other things than a comparison: give an empty or a new folder"):
        compare(rows, tmp_path)


@pytest.mark.parametrize("damaged", ["pca.json", "pca-held-out.npy"])
def test_a_damaged_map_is_named(processes, rows, tmp_path, damaged):
    compare(rows, tmp_path / "out", methods=["pca"])
    (tmp_path / "out" / "maps" / damaged).write_text('{"state')

    with pytest.raises(ValueError, match=r"pca.json' is of no map that this version can read: remove it, and it is made again"):
        compare(rows, tmp_path / "out", methods=["pca"])


def test_without_labels_neighborhoods_decide(processes, rows, tmp_path):
    found = compare(replace(rows, labels=None), tmp_path / "out")

    assert states(found)["supervised"] == "left out"
    assert "autoencoder + labels: the rows have no labels to learn from." in found.notes()
    assert found.sentences()[0].startswith("PCA keeps neighborhoods best (trustworthiness ")
    assert found.methods[0].figures["accuracy_1nn"] is None


@pytest.mark.parametrize(
    ("labels", "classes", "told"),
    [
        ([None, "cat"] * 40, ["cat"], True),
        ([np.nan, 1.0, 2.0, 2.0] * 20, [1, 2], True),
        ([None] * 80, None, False),
        ([np.nan] * 80, None, False),
        (["one"] * 80, ["one"], True),
        (np.linspace(0, 1, 80), None, False),
        ([*np.linspace(0, 1, 79), np.nan], None, False),
        (["$a$", "_b"] * 40, ["$a$", "_b"], True),
        (list(range(40)) * 2, list(range(40)), True),
    ],
    ids=["some are none", "some are NaN", "all are none", "all are NaN", "one class", "numbers", "numbers and NaN", "odd words", "many"],
)
def test_labels_of_all_kinds(processes, rows, tmp_path, labels, classes, told):
    given = replace(rows, labels=np.array(labels, object if None in list(labels) else None))
    split = comparing.split(given)
    found = compare(given, tmp_path / "out", methods=["pca", "sklearn_tsne"])

    assert (None if split.classes is None else split.classes.tolist()) == classes
    assert [one.figures["accuracy_1nn"] is not None for one in found.methods] == [told, told]
    assert found.files["picture"].stat().st_size > 10_000


def test_labels_that_are_all_the_same_are_not_learned(processes, rows, tmp_path):
    found = compare(replace(rows, labels=np.array(["one"] * 40 + [None] * 40, object)), tmp_path / "out", methods=["supervised"])

    assert (found.methods[0].state, found.methods[0].reason) == ("left out", "the labels are all the same")
    assert processes.asked == []


def test_rows_must_be_finite(processes, rows, tmp_path):
    with pytest.raises(ValueError, match="toys holds nan or infinite values: fill them in, or leave such rows out"):
        compare(replace(rows, X=np.where(np.arange(80)[:, None] == 7, np.nan, rows.X)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_rows_that_are_all_the_same(processes, tmp_path):
    found = compare(Rows(np.ones((30, 3)), labels=np.repeat([0, 1], 15)), tmp_path / "out", methods=["pca"])

    assert states(found) == {"pca": "done"}


def test_few_rows_have_few_figures(processes, rows, tmp_path):
    few = Rows(rows.X[::8], labels=rows.labels[::8])
    found = compare(few, tmp_path / "out", methods=["pca", "sklearn_tsne"])

    assert found.methods[0].figures["trustworthiness"] is None  # two are held out
    assert found.methods[0].figures["accuracy_5nn"] == 1.0
    with pytest.raises(ValueError, match="a comparison of maps needs at least 10 rows, and toys has 3: give more"):
        compare(Rows(rows.X[:3], name="toys"), tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_what_maps_are_measured_on(rows):
    others = replace(rows, X=rows.X[:12], labels=rows.labels[:12], name="others")

    assert len(comparing.split(rows).held_out.X) == 16
    assert len(comparing.split(rows, 0.5).held_out.X) == 40
    assert comparing.split(rows, others).held_out.X.tolist() == others.X.tolist()
    assert comparing.split(replace(rows, test=others)).held_out.X.tolist() == others.X.tolist()
    assert len(comparing.split(replace(rows, test=others), 0.5).held_out.X) == 40
    sample = comparing.split(replace(rows, test=others), None, 30)
    assert (len(sample.fitted.X), len(sample.held_out.X)) == (30, 12)
    assert sample.fitted.labels.tolist() == (sample.fitted.X.mean(1) > 4).astype(int).tolist()
    with pytest.raises(ValueError, match="others has rows of 2 numbers and toys of 4: give test rows of the same kind"):
        comparing.split(rows, replace(others, X=others.X[:, :2]))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"methods": ["pca", "psa"]}, "unknown method 'psa': methods may be pca, autoencoder, neighbors"),
        ({"methods": []}, "no method came: methods may be pca"),
        ({"time_limit": 0}, "time_limit=0 came; give the seconds that each way has, a number above 0"),
        ({"time_limit": float("nan")}, "time_limit=nan came"),
        ({"n_rows": 0}, "n_rows=0 came; give a whole number of at least 1"),
        ({"epochs": "many"}, "epochs='many' came"),
        ({"random_state": -1}, "random_state=-1 came; give a whole number of at least 0"),
        ({"test": 1.5}, "fraction=1.5 came; it is a share of the rows"),
    ],
    ids=str,
)
def test_bad_input(processes, rows, tmp_path, options, words):
    with pytest.raises(ValueError, match=words):
        compare(rows, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_a_name_alone_is_no_list_of_methods(rows, tmp_path):
    with pytest.raises(TypeError, match=r"methods='pca' came; give a list of them, such as \['pca'\]"):
        compare(rows, tmp_path / "out", methods="pca")


@pytest.mark.parametrize(
    "method", [pytest.param(method, marks=[pytest.mark.slow] * ("keras" in way.loads)) for method, way in WAYS.items() if method != "umap"]
)
def test_each_way_makes_its_map(method, rows, tmp_path):
    """In this process, beside what the way is said to do."""
    split = comparing.split(rows)
    (tmp_path / "job").mkdir()
    write_job(tmp_path / "job", split.fitted.X, split.held_out.X, split.fitted.labels, {"seed": 1, "epochs": 1})
    paths = {"fitted": str(tmp_path / "fitted.npy"), "held_out": str(tmp_path / "held.npy")}
    said: list[dict] = []

    found = map_rows(json.dumps({"job": str(tmp_path / "job"), "way": method, **paths}), said.append)

    way = WAYS[method]
    assert np.load(paths["fitted"]).shape == (64, 2)
    assert Path(paths["held_out"]).exists() == way.places == (found["place_seconds"] is not None)
    assert (found["squared_error"] is not None) == way.decodes
    assert found["fit_seconds"] > 0
    assert bool(said) == bool(way.tasks)
    assert all(0 <= message["done"] <= 1 for message in said)


def test_the_autoencoder_is_that_of_the_library(rows, tmp_path):
    from narrows import Autoencoder

    split = comparing.split(rows)
    write_job(tmp_path, split.fitted.X, split.held_out.X, None, {"seed": 1, "epochs": 2})
    paths = {"fitted": str(tmp_path / "a.npy"), "held_out": str(tmp_path / "b.npy")}
    found = map_rows(json.dumps({"job": str(tmp_path), "way": "autoencoder", **paths}), lambda message: None)

    made = Autoencoder(2, epochs=2, random_state=1).fit(split.fitted.X)
    held = split.held_out.X
    np.testing.assert_array_equal(np.load(paths["held_out"]), made.transform(held))
    error = quality.mean_squared_error(made.scale_rows(held), made.scale_rows(made.reconstruct(held)))
    assert found["squared_error"] == pytest.approx(error, rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("labels", [np.repeat([0, 1, -1], 20), np.where(np.arange(60) < 9, np.nan, np.linspace(0, 1, 60))])
def test_labels_may_be_missing_or_numbers_where_they_are_learned(labels, rng, tmp_path):
    write_job(tmp_path, rng.random((60, 4)), rng.random((9, 4)), labels, {"seed": 1, "epochs": 1})
    paths = {"fitted": str(tmp_path / "a.npy"), "held_out": str(tmp_path / "b.npy")}

    map_rows(json.dumps({"job": str(tmp_path), "way": "supervised", **paths}), lambda message: None)

    assert np.load(paths["fitted"]).shape == (60, 2)


@pytest.mark.slow
def test_a_run_in_processes(tmp_path):
    digits = load("digits")
    few = replace(digits, X=digits.X[:120], labels=digits.labels[:120])

    found = compare(few, tmp_path / "out", methods=["pca", "autoencoder", "sklearn_tsne"], epochs=2)

    assert states(found) == {"pca": "done", "autoencoder": "done", "sklearn_tsne": "done"}
    pca = found.methods[0].figures
    assert pca["squared_error"] == pytest.approx(pca_error(few), rel=1e-6)
    assert all(20 < one.figures["peak_megabytes"] < 5000 for one in found.methods)
    assert found.methods[1].figures["peak_megabytes"] > pca["peak_megabytes"]


def pca_error(rows: Rows) -> float:
    scaling = scale.learn("auto", rows.X)
    return quality.pca_baseline(scaling.apply(rows.X), scaling.apply(rows.test.X), 2).mean_squared_error
