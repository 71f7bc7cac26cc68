"""``narrows compare``: a table, a picture and what they say; stopped, gone on with, refused."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
from tests.study.test_comparing import STOPPED, processes  # noqa: F401 (a fixture)

from narrows.cli import completion
from narrows.study.ways import WAYS

pytest.importorskip("matplotlib")

START = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from narrows.cli import main; main()"


@pytest.fixture
def table(tmp_path, rng) -> str:
    lines = [f"{a:.3f},{b:.3f},{c:.3f},{kind}" for kind in ("iris", "rose") for a, b, c in rng.normal(5 * (kind == "rose"), 1, (30, 3))]
    (tmp_path / "flowers.csv").write_text("\n".join(["width,length,height,species", *lines]) + "\n")
    return "flowers.csv"


def test_a_table_and_what_it_says(narrows, processes, table, tmp_path):  # noqa: F811
    done = narrows("compare", table, "--label", "species")

    assert done.code == 0, done.err
    assert max(map(len, done.out.splitlines()[:-1])) <= 80
    assert re.search(r"^map +fit  place  MB  trust  contin   1-NN   5-NN   error$", done.out, re.MULTILINE)
    assert re.search(r"^PCA +1\.5   0\.25  99 .* 0\.1250$", done.out, re.MULTILINE)
    words = " ".join(done.out.split())
    assert "rows 60 rows of 3 numbers (float64), labels of 2 kinds measured on 20 % of the rows, drawn at random and held out" in words
    assert "UMAP: umap-learn is not installed (pip install umap-learn)." in words
    assert "PCA tells the labels of rows held out best (5-NN 1.000); autoencoder, autoencoder + neighbors" in words
    assert "t-SNE (scikit-learn) cannot place new rows at all." in words
    assert done.out.splitlines()[-1].startswith("wrote 'comparison-flowers/comparison.csv', ")
    assert {path.name for path in (tmp_path / "comparison-flowers").iterdir()} == {
        *("settings.json", "maps", "comparison.csv", "comparison.json", "comparison.png")
    }


def test_as_json(narrows, processes, table):  # noqa: F811
    said = narrows("compare", table, "--label", "species", "-o", "out", "--methods", "tsne, pca", "--json").out
    values = json.loads(said)

    assert [one["method"] for one in values["methods"]] == ["pca", "tsne"]
    assert values["methods"][0]["figures"]["accuracy_5nn"] == 1.0
    assert values["files"]["picture"] == os.path.join("out", "comparison.png")
    assert json.loads(narrows("compare", table, "--label", "species", "-o", "out", "--methods", "pca,tsne", "--json", "-q").out) == values


@pytest.mark.parametrize(
    ("test", "words"),
    [("0.5", "50 % of the rows, drawn at random and held out"), ("other.csv", "20 rows of other.csv")],
)
def test_what_it_is_measured_on(narrows, processes, table, tmp_path, test, words):  # noqa: F811
    head, *lines = (tmp_path / table).read_text().splitlines()
    (tmp_path / "other.csv").write_text("\n".join([head, *lines[20:40]]))

    done = narrows("compare", table, "--label", "species", "--methods", "pca", "--test", test)

    assert done.code == 0, done.err
    assert words in " ".join(done.out.split())


def test_flags_arrive(narrows, processes, table, tmp_path):  # noqa: F811
    flags = ["--rows", "40", "--epochs", "3", "--seed", "5", "--time-limit", "2.5", "--methods", "pca"]
    assert narrows("compare", table, "--label", "species", "-o", "out", *flags).code == 0

    about = json.loads((tmp_path / "out" / "settings.json").read_text())
    assert (about["rows"], about["epochs"], about["seed"]) == (40, 3, 5)
    assert processes.limits == [2.5]


def test_one_that_takes_too_long(narrows, processes, table):  # noqa: F811
    processes.ends["tsne"] = STOPPED
    done = narrows("compare", table, "--label", "species", "--methods", "pca,tsne", "--time-limit", "5")

    assert done.code == 0
    assert "t-SNE (openTSNE): ended at its time limit of 5 s." in done.out
    assert re.search(r"^t-SNE \(openTSNE\)( +—){8}$", done.out, re.MULTILINE)


def test_no_map_at_all_is_a_failure(narrows, processes, table):  # noqa: F811
    processes.ends["tsne"] = STOPPED
    done = narrows("compare", table, "--label", "species", "--methods", "tsne", "-q")

    assert done.code == 1
    assert done.only_line == "narrows: no map was made: t-SNE (openTSNE): ended at its time limit of 600 s"


def test_interrupted(narrows, processes, table):  # noqa: F811
    processes.ends["tsne"] = KeyboardInterrupt()
    done = narrows("compare", table, "--label", "species", "--methods", "pca,tsne")

    assert done.code == 130
    last = done.err.splitlines()[-1]
    assert last == "narrows: interrupted; what has ended is kept in 'comparison-flowers': the same command goes on from there"
    del processes.ends["tsne"]
    assert narrows("compare", table, "--label", "species", "--methods", "pca,tsne").code == 0
    assert processes.asked == ["pca", "tsne", "tsne"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["flowers.csv", "--methods", "psa"], f"narrows: unknown method 'psa': methods may be {', '.join(WAYS)}"),
        (["flowers.csv", "--methods", ","], f"narrows: no method came: methods may be {', '.join(WAYS)}"),
        (["flowers.csv"], "holds 'iris' in column 'species', row 1"),
        (["flowers.csv", "--label", "kind"], "kind"),
        (["nothing.csv"], "nothing.csv"),
        (["few.npy"], "narrows: a comparison of maps needs at least 10 rows, and few.npy has 3: give more"),
        (["few.npy", "--time-limit", "0"], "time_limit=0.0 came; give the seconds that each way has, a number above 0"),
        (["few.npy", "--time-limit", "soon"], "Invalid value for '--time-limit'"),
        (["digits", "--test", "2"], "fraction=2.0 came; it is a share of the rows"),
        (["digits", "--test", "few.npy"], "few.npy has 3 columns and digits 64: give test rows of the same kind"),
        (["digits", "--rows", "0"], "Invalid value for '--rows'"),
        (["digits", "--epochs", "few"], "'few' is neither a whole number of at least 1 nor 'auto'"),
        (["digits", "-o", "few.npy"], "few.npy"),
        (["digits", "-o", "full"], "'full' holds other things than a comparison: give an empty or a new folder"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(narrows, table, tmp_path, given, words):
    np.save(tmp_path / "few.npy", np.eye(3))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("precious")
    before = sorted(path.name for path in tmp_path.rglob("*"))

    done = narrows("compare", "-q", *given)

    assert done.code == 2
    assert words in done.only_line
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_a_folder_that_cannot_be_written(narrows, table, mount):
    folder = mount("size=16k,ro")

    done = narrows("compare", table, "--label", "species", "-q", "-o", folder / "out")

    assert done.code == 2
    assert "Read-only file system" in done.only_line


def test_without_matplotlib_nothing_is_begun(narrows, table, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    done = narrows("compare", table, "--label", "species", "-q")

    assert done.code == 2
    assert "pip install 'narrows[plot]'" in done.only_line
    assert [path.name for path in tmp_path.iterdir()] == ["flowers.csv"]


def test_the_shell_knows_all_methods():
    assert completion.MAPS == tuple(WAYS)


@pytest.mark.slow
def test_ctrl_c_ends_the_process_of_the_map_too(narrows, tmp_path):
    """In processes: PCA ends, t-SNE is interrupted, and PCA is not made again."""
    command = ["compare", "digits", "-o", "out", "--methods", "pca,tsne"]
    process = subprocess.Popen(
        [sys.executable, "-c", START, *command], cwd=tmp_path, env=absolute(), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    for line in process.stderr:
        if "t-SNE (openTSNE)" in line:
            break
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)  # pipes of a process that went on would stay open

    assert process.returncode == 130
    assert "Traceback" not in err
    last = err.splitlines()[-1]
    assert last == "narrows: interrupted; what has ended is kept in 'out': the same command goes on from there"
    assert sorted(path.name for path in (tmp_path / "out" / "maps").iterdir()) == ["pca-fitted.npy", "pca-held-out.npy", "pca.json"]

    done = narrows(*command[:-1], "pca")
    assert done.code == 0
    assert "PCA done" not in done.err


def absolute() -> dict[str, str]:
    paths = [os.path.abspath(path) for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
