"""Rows that are too many for memory on the command line: read in blocks, cut short, gone on with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import csv, feather, parquet

import narrows as package

QUICK = ["--layers", "16", "--epochs", "2", "--seed", "0"]


@pytest.fixture
def rows(tmp_path) -> np.ndarray:
    made = np.random.default_rng(0).normal(size=(1200, 6)).astype(np.float32)
    np.save(tmp_path / "a.npy", made[:700])
    np.save(tmp_path / "b.npy", made[700:])
    return made


def test_files_are_fitted_in_blocks(narrows, rows, tmp_path):
    done = narrows("fit", "*.npy", "--blocks", *QUICK, "-o", "made.narrows", "-v")

    assert done.code == 0
    assert "a.npy and 1 more: 1,200 rows are read in blocks" in done.err
    assert "120, held out, drawn at random" in " ".join(done.out.split())
    made = package.load(tmp_path / "made.narrows")
    blocks, held, _ = package.data.blocks(rows).hold_out(120, np.random.default_rng(0))
    same = package.Autoencoder(2, layers=(16,), epochs=2, random_state=0).fit(blocks)
    np.testing.assert_array_equal(made.transform(held), same.transform(held))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npy", "b.npy", "made.narrows"]


def test_many_rows_are_read_in_blocks_unless_somebody_says_otherwise(narrows, rows, monkeypatch):
    monkeypatch.setattr("narrows.cli.blocks.LARGE", 1000)

    assert "read in blocks" in narrows("fit", "*.npy", *QUICK, "-v").err
    assert "read in blocks" not in narrows("fit", "*.npy", "--no-blocks", *QUICK, "-v").err


def test_a_parquet_file_counts_as_what_it_holds(narrows, tmp_path, monkeypatch):
    parquet.write_table(pa.table({"x": np.zeros(10_000, np.float32), "y": np.ones(10_000, np.float32)}), tmp_path / "a.parquet")
    assert (tmp_path / "a.parquet").stat().st_size < 40_000
    monkeypatch.setattr("narrows.cli.blocks.LARGE", 80_000)

    assert "read in blocks" in narrows("fit", "a.parquet", *QUICK, "-v").err


def test_labels_are_a_column(narrows, rows, tmp_path):
    names = [f"c{place}" for place in range(6)]
    table = pa.table([*rows.T.copy(), np.where(rows[:, 0] > 0, "up", "down")], names=[*names, "way"])
    parquet.write_table(table, tmp_path / "rows.parquet", row_group_size=200)

    fitted = narrows("fit", "rows.parquet", "--blocks", "--label", "way", "--supervised", "--layers", "16", "--epochs", "20")

    assert fitted.code == 0, fitted.err
    made = package.load(tmp_path / "rows.narrows")
    assert made.feature_names_in_.tolist() == names
    assert made.classes_.tolist() == ["down", "up"]
    assert narrows("encode", "rows.narrows", "rows.parquet", "--blocks", "-o", "codes.csv").code == 0
    found = csv.read_csv(tmp_path / "codes.csv")
    np.testing.assert_allclose(np.column_stack([found["z0"], found["z1"]]), made.transform(table.drop("way")), rtol=1e-5, atol=1e-6)


@pytest.fixture
def bundle(narrows, rows):
    assert narrows("fit", "*.npy", "--blocks", *QUICK, "-o", "made.narrows").code == 0
    return "made.narrows"


@pytest.mark.parametrize("command", ["encode", "reconstruct"])
@pytest.mark.parametrize("ending", [".npy", ".csv"])
def test_what_is_streamed_is_what_is_made_at_once(command, ending, narrows, bundle, tmp_path, monkeypatch):
    monkeypatch.setattr("narrows.cli.blocks.ROWS_AT_ONCE", 256)

    for name, flag in (("streamed", "--blocks"), ("whole", "--no-blocks")):
        assert narrows(command, bundle, "a.npy", "b.npy", flag, "-o", name + ending).code == 0

    read = np.load if ending == ".npy" else lambda path: np.loadtxt(path, delimiter=",", skiprows=1)
    np.testing.assert_allclose(read(tmp_path / f"streamed{ending}"), read(tmp_path / f"whole{ending}"), rtol=1e-6, atol=1e-7)
    first = [(tmp_path / f"{name}{ending}").read_bytes()[:40] for name in ("streamed", "whole")]
    assert ending == ".npy" or first[0].splitlines()[0] == first[1].splitlines()[0]


def test_many_rows_are_read_at_once_if_that_is_said(narrows, bundle, monkeypatch):
    monkeypatch.setattr("narrows.cli.blocks.LARGE", 1000)

    for command in (["encode", bundle, "a.npy", "-o", "codes.npy"], ["score", bundle, "a.npy"]):
        assert "read in blocks" in narrows(*command, "-v").err
        assert "read in blocks" not in narrows(*command, "--no-blocks", "-v").err


@pytest.mark.parametrize("ending", [".npy", ".csv"])
def test_a_stream_that_was_cut_short_goes_on(ending, narrows, bundle, tmp_path, monkeypatch):
    monkeypatch.setattr("narrows.cli.blocks.ROWS_AT_ONCE", 256)
    narrows("encode", bundle, "?.npy", "--blocks", "-o", f"whole{ending}")
    monkeypatch.setattr("narrows.cli.blocks.SECONDS", 0.0)
    from narrows.cli.blocks import Growing

    save, left = Growing.save, [3]

    def cut(self, rows, size, file):
        save(self, rows, size, file)
        left[0] -= 1
        if not left[0]:
            file.write(b"half a row")
            raise KeyboardInterrupt

    monkeypatch.setattr(Growing, "save", cut)
    assert narrows("encode", bundle, "?.npy", "--blocks", "-o", f"codes{ending}").code == 130
    monkeypatch.setattr(Growing, "save", save)
    assert not (tmp_path / f"codes{ending}").exists()

    seen = []
    monkeypatch.setattr(Growing, "begun", lambda self, resume, begun=Growing.begun: seen.append(begun(self, resume)) or seen[-1])
    assert narrows("encode", bundle, "?.npy", "--resume", "-o", f"codes{ending}").code == 0

    assert seen[0][0] == 768
    assert (tmp_path / f"codes{ending}").read_bytes() == (tmp_path / f"whole{ending}").read_bytes()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


NAMES = [f"c{place}" for place in range(6)]


@pytest.fixture
def named(narrows, rows, tmp_path):
    """A bundle of rows whose columns have names, and two files of them: the second one's columns lie the other way round."""
    for name, part, order in (("a", rows[:700], NAMES), ("b", rows[700:], NAMES[::-1])):
        columns = pa.table({column: part[:, NAMES.index(column)].copy() for column in order})
        parquet.write_table(columns, tmp_path / f"{name}.parquet", row_group_size=150)
        feather.write_feather(columns, tmp_path / f"{name}.feather", chunksize=150)
        csv.write_csv(columns, tmp_path / f"{name}.csv")
    assert narrows("fit", "a.parquet", *QUICK, "-o", "named.narrows").code == 0
    return "named.narrows"


TABLES = ["parquet", "feather", "csv"]


@pytest.mark.parametrize("kind", TABLES)
def test_tables_are_streamed_and_not_written_on_the_way(kind, narrows, named, tmp_path, monkeypatch):
    assert narrows("encode", named, f"?.{kind}", "--no-blocks", "-o", "whole.npy").code == 0
    monkeypatch.setattr("narrows.data.converting._written", None)

    done = narrows("encode", named, f"?.{kind}", "--blocks", "-o", "streamed.npy")

    assert done.code == 0, done.err
    np.testing.assert_array_equal(np.load(tmp_path / "streamed.npy"), np.load(tmp_path / "whole.npy"))
    assert "1,200 rows" in done.out


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("cuts", [1, 2, 3, 4])
def test_a_stream_of_tables_that_was_cut_short_goes_on(kind, cuts, narrows, named, tmp_path, monkeypatch):
    monkeypatch.setattr("narrows.cli.blocks.ROWS_AT_ONCE", 256)
    assert narrows("reconstruct", named, f"?.{kind}", "--blocks", "-o", "whole.npy").code == 0
    from narrows.estimators import Autoencoder

    left = [cuts]

    def cut(self, rows, reconstruct=Autoencoder.reconstruct):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return reconstruct(self, rows)

    with monkeypatch.context() as patch:
        patch.setattr(Autoencoder, "reconstruct", cut)
        assert narrows("reconstruct", named, f"?.{kind}", "--blocks", "-o", "made.npy").code == 130
    assert json.loads((tmp_path / ".made.npy.part.json").read_text())["rows"] == cuts * 256

    assert narrows("reconstruct", named, f"?.{kind}", "--resume", "-o", "made.npy").code == 0

    assert (tmp_path / "made.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()


@pytest.mark.parametrize("kind", TABLES)
def test_a_file_that_is_damaged_in_the_middle_costs_what_comes_after(kind, narrows, named, tmp_path, monkeypatch):
    monkeypatch.setattr("narrows.cli.blocks.ROWS_AT_ONCE", 128)
    monkeypatch.setattr("narrows.data.streams.TABLE_BYTES", 1)
    monkeypatch.setattr("narrows.data.csv_files.LEAST_BLOCK", 4096)
    assert narrows("encode", named, f"?.{kind}", "--blocks", "-o", "whole.npy").code == 0
    path = tmp_path / f"b.{kind}"
    sound, about = path.read_bytes(), path.stat()

    def write(content: bytes) -> None:
        path.write_bytes(content)
        os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))

    half = len(sound) // 2
    write(sound[:half] + (b"\n,,,,oops,,,,,\n" if kind == "csv" else b"").ljust(200, b"\xff") + sound[half + 200 :])

    done = narrows("encode", named, f"?.{kind}", "--blocks", "-o", "made.npy")

    assert done.code == 2
    assert f"b.{kind}" in done.only_line
    assert not (tmp_path / "made.npy").exists()
    assert json.loads((tmp_path / ".made.npy.part.json").read_text())["rows"] >= 640
    write(sound)
    assert narrows("encode", named, f"?.{kind}", "--resume", "-o", "made.npy").code == 0
    assert (tmp_path / "made.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()


@pytest.mark.parametrize("kind", TABLES)
def test_errors_of_tables_are_streamed_with_labels_and_reasons(kind, narrows, rows, tmp_path):
    way = np.where(rows[:, 0] > 0, "up", "down")
    table = pa.table([*rows.T.copy(), way], names=[*NAMES, "way"])
    {"parquet": parquet.write_table, "feather": feather.write_feather, "csv": csv.write_csv}[kind](table, tmp_path / f"rows.{kind}")
    assert narrows("fit", f"rows.{kind}", "--label", "way", "--supervised", *QUICK, "-o", "made.narrows").code == 0

    told = [narrows("score", "made.narrows", f"rows.{kind}", flag, "--why", "--top", "4").out for flag in ("--blocks", "--no-blocks")]

    assert told[0] == told[1]
    assert "label" in told[0]
    files = [(flag, tmp_path / f"{flag[2:]}.csv") for flag in ("--blocks", "--no-blocks")]
    for flag, path in files:
        assert narrows("score", "made.narrows", f"rows.{kind}", flag, "-o", path.name).code == 0
    assert files[0][1].read_bytes() == files[1][1].read_bytes()


def test_images_are_streamed(narrows, tmp_path):
    (tmp_path / "pictures").mkdir()
    for place, image in enumerate(np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)):
        Image.fromarray(image).save(tmp_path / "pictures" / f"{place:02}.png")
    assert narrows("fit", "pictures", *QUICK, "-o", "made.narrows").code == 0

    for name, flag in (("streamed", "--blocks"), ("whole", "--no-blocks")):
        assert narrows("encode", "made.narrows", "pictures", flag, "-o", f"{name}.npy").code == 0

    np.testing.assert_array_equal(np.load(tmp_path / "streamed.npy"), np.load(tmp_path / "whole.npy"))
    assert narrows("score", "made.narrows", "pictures", "--blocks").code == 0


def test_what_is_of_other_rows_is_not_gone_on_with(narrows, bundle, rows, tmp_path, monkeypatch):
    monkeypatch.setattr("narrows.cli.blocks.SECONDS", 0.0)
    from narrows.cli.blocks import Growing

    monkeypatch.setattr(Growing, "end", lambda self: None)
    narrows("encode", bundle, "a.npy", "--blocks", "-o", "codes.npy")
    monkeypatch.undo()

    done = narrows("encode", str(tmp_path / bundle), str(tmp_path / "b.npy"), "--resume", "-o", str(tmp_path / "codes.npy"))

    assert done.code == 2
    assert "is of other rows or another bundle" in done.only_line


def test_errors_are_streamed(narrows, bundle, tmp_path):
    for name, flag in (("streamed", "--blocks"), ("whole", "--no-blocks")):
        done = narrows("score", bundle, "a.npy", "b.npy", flag, "--why", "--top", "3")
        assert done.code == 0, done.err
        assert narrows("score", bundle, "a.npy", "b.npy", flag, "-o", f"{name}.csv").out
        (tmp_path / f"{name}.txt").write_text(done.out)

    assert (tmp_path / "streamed.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert (tmp_path / "streamed.txt").read_text() == (tmp_path / "whole.txt").read_text()
    assert not list(tmp_path.glob("*errors*"))


REFUSED = {
    "a named set": (["fit", "digits", "--blocks"], "--blocks is for files and folders"),
    "a target": (["fit", "*.npy", "--blocks", "--target", "a.npy"], "--target goes with rows in memory"),
    "neighbors": (["fit", "*.npy", "--blocks", "--set", "neighbor_weight=0.1"], "takes rows in memory"),
    "a format that cannot grow": (["encode", "made.narrows", "*.npy", "--blocks", "-o", "codes.parquet"], "narrows writes .npy, .csv"),
    "a file with reasons": (["score", "made.narrows", "*.npy", "--blocks", "--why", "-o", "errors.csv"], "goes with rows in memory"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_blocks_cannot_do(name, narrows, bundle):
    arguments, said = REFUSED[name]

    done = narrows(*arguments)

    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err


def test_convert(narrows, tmp_path):
    (tmp_path / "rows.csv").write_text("x,y,kind\n1.5,2,a\n3,4,b\n")

    done = narrows("convert", "rows.csv", "--label", "kind", "--dtype", "float32", "-o", "rows.npy", "--json")

    assert done.code == 0
    np.testing.assert_array_equal(np.load(tmp_path / "rows.npy"), np.array([[1.5, 2], [3, 4]], np.float32))
    assert np.load(tmp_path / "rows.labels.npy").tolist() == ["a", "b"]
    assert '"rows": 2' in done.out
    assert "narrows fit rows.npy --label rows.labels.npy" in done.err


def test_two_runs_do_not_write_one_bundle(narrows, rows, tmp_path):
    fcntl = pytest.importorskip("fcntl")
    with open(tmp_path / ".made.narrows.lock", "a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("12345")
        lock.flush()

        done = narrows("fit", "a.npy", *QUICK, "-o", "made.narrows")

    assert done.code == 2
    assert "another run (process 12345) is writing 'made.narrows'" in done.only_line
    assert narrows("fit", "a.npy", *QUICK, "-o", "made.narrows").code == 0


def run(folder, *arguments: str) -> subprocess.Popen[str]:
    paths = [os.path.abspath(path) for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "narrows",
            "fit",
            "a.npy",
            "--blocks",
            "--seed",
            "0",
            "--layers",
            "32",
            "--checkpoint-minutes",
            "0.003",
            *arguments,
        ],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on_and_ends_the_same(tmp_path):
    """With kill -9, twice; the script of the benchmark does it twenty times."""
    np.save(tmp_path / "a.npy", np.random.default_rng(0).normal(size=(20_000, 32)).astype(np.float32))
    whole = run(tmp_path, "--epochs", "30", "-o", "whole.narrows")
    whole.communicate(timeout=120)
    assert whole.returncode == 0
    checkpoint = tmp_path / "made.narrows.checkpoint"
    resume: list[str] = []
    for _ in range(2):
        before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        process = run(tmp_path, "--epochs", "30", "-o", "made.narrows", *resume)
        while process.poll() is None and (not checkpoint.exists() or checkpoint.stat().st_mtime_ns == before):
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL, "it ended before it was killed"
        resume = ["--resume"]

    end = run(tmp_path, "--epochs", "30", "-o", "made.narrows", "--resume")
    out, err = end.communicate(timeout=120)

    assert end.returncode == 0, err
    assert "going on from 'made.narrows.checkpoint'" in out
    ours, theirs = (package.load(tmp_path / f"{name}.narrows") for name in ("whole", "made"))
    assert all((ours._network.weights[name] == theirs._network.weights[name]).all() for name in ours._network.weights)
    assert ours.history_ == theirs.history_
    assert not checkpoint.exists()


def test_a_checkpoint_that_nobody_asked_for_is_told_and_replaced(narrows, rows, tmp_path):
    (tmp_path / "made.narrows.checkpoint").write_bytes(b"of an earlier run")

    done = narrows("fit", "a.npy", *QUICK, "-o", "made.narrows")

    assert done.code == 0
    assert "an earlier run left 'made.narrows.checkpoint'" in done.err
    assert not (tmp_path / "made.narrows.checkpoint").exists()


def test_a_table_leaves_a_checkpoint_too(narrows, tmp_path, monkeypatch):
    (tmp_path / "t.csv").write_text("x,kind\n" + "".join(f"{row % 7}.5,{'ab'[row % 2]}\n" for row in range(60)))
    table = ["t.csv", "--layers", "8", "--epochs", "3", "--checkpoint-minutes", "0"]
    assert narrows("fit", *table, "-o", "whole.narrows").code == 0
    from narrows.training.checkpoints import Keeper

    def killed(self, position, write=Keeper.write):
        write(self, position)
        raise OSError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(Keeper, "write", killed)
        assert narrows("fit", *table, "-o", "made.narrows").code != 0

    assert (tmp_path / "made.narrows.checkpoint").exists()
    assert "going on from" in narrows("fit", *table, "-o", "made.narrows", "--resume").out
    ours, theirs = (package.load(tmp_path / f"{name}.narrows")._network.weights for name in ("whole", "made"))
    assert all((ours[name] == theirs[name]).all() for name in ours)
    assert not (tmp_path / "made.narrows.checkpoint").exists()


def test_a_checkpoint_of_another_run_is_refused(narrows, rows, tmp_path):
    (tmp_path / "made.narrows.checkpoint").write_bytes(b"of an earlier run")

    done = narrows("fit", "a.npy", *QUICK, "-o", "made.narrows", "--resume")

    assert done.code == 2
    assert "is damaged or no checkpoint" in done.err
