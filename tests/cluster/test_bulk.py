"""Files to files on a cluster: what is written, and that each row is, once, whatever dies meanwhile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

import narrows
from narrows import cluster
from narrows.cluster import _bulk, _pool, _sources, _worker, _writing
from narrows.errors import BundleError
from narrows.progress import Silent

from .conftest import NAMES, table


def read(path: Path) -> pa.Table:
    return parquet.read_table(path, partitioning=None)


def numbers(made: pa.Table, *names: str) -> np.ndarray:
    return np.column_stack([made[name].to_numpy() for name in names])


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def check(lake: Path, output: Path, made: Any) -> None:
    """Compare codes with what the model makes here."""
    assert files(output) == files(lake)
    for name in files(lake):
        came, written = read(lake / name), read(output / name)
        assert written.column_names == ["number", "word", "z0", "z1"]
        assert written["number"].equals(came["number"])
        assert written["word"].equals(came["word"])
        if len(came):
            np.testing.assert_array_equal(numbers(written, "z0", "z1"), made.transform(came.select(NAMES)))


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sources, "PIECE", 1000)


@pytest.mark.usefixtures("small_pieces")
def test_codes_beside_what_the_bundle_does_not_take(nodes, fitted, lake, tmp_path):
    path, made = fitted
    (lake / ".hidden.parquet").write_bytes(b"none of the data")

    done = cluster.encode(path, lake, tmp_path / "codes")

    (lake / ".hidden.parquet").unlink()
    assert (done.files, done.skipped, done.rows, done.written) == (4, 0, 5160, 5160)
    check(lake, tmp_path / "codes", made)
    schema = parquet.read_schema(tmp_path / "codes" / "large.parquet")
    assert schema.field("z0").type == pa.float32()


def test_reconstructions_and_errors(here, fitted, lake, tmp_path):
    path, made = fitted

    cluster.reconstruct(path, lake / "small.parquet", tmp_path / "rebuilt")
    cluster.score(path, [lake / "small.parquet"], tmp_path / "errors")

    came = read(lake / "small.parquet").select(NAMES)
    rebuilt, errors = read(tmp_path / "rebuilt" / "small.parquet"), read(tmp_path / "errors" / "small.parquet")
    assert rebuilt.column_names == ["number", "word", *NAMES]
    np.testing.assert_array_equal(numbers(rebuilt, *NAMES), made.reconstruct(came))
    assert errors.column_names == ["number", "word", "error"]
    np.testing.assert_allclose(errors["error"].to_numpy(), -made.score_samples(came), rtol=1e-6)


@pytest.mark.usefixtures("small_pieces")
def test_rows_without_names(here, rng, tmp_path):
    rows = rng.random((2500, 4)).astype(np.float32)
    made = narrows.Autoencoder(2, layers=(8,), epochs=1, random_state=0).fit(rows[:200])
    made.save(tmp_path / "made.narrows")
    np.save(tmp_path / "rows.npy", rows)
    named = pa.table({"id": pa.array(range(2500)), **{f"c{place}": rows[:, place].copy() for place in range(4)}})
    parquet.write_table(named, tmp_path / "named.parquet")

    cluster.encode(tmp_path / "made.narrows", tmp_path / "rows.npy", tmp_path / "a")
    cluster.encode(tmp_path / "made.narrows", tmp_path / "named.parquet", tmp_path / "b", ids=["id"])

    for name, columns in (("a/rows", ["z0", "z1"]), ("b/named", ["id", "z0", "z1"])):
        written = read(tmp_path / f"{name}.parquet")
        assert written.column_names == columns
        np.testing.assert_array_equal(numbers(written, "z0", "z1"), made.transform(rows))
    with pytest.raises(
        ValueError, match=r"named.parquet' has 5 columns of numbers, and the bundle takes rows of 4; name those that are none of"
    ):
        cluster.encode(tmp_path / "made.narrows", tmp_path / "named.parquet", tmp_path / "c")


def test_a_detector_says_which_rows_are_outliers_and_a_table_is_taken_as_it_is(here, tmp_path):
    came = table(200, 5)
    detector = narrows.AutoencoderOutlierDetector(narrows.Autoencoder(2, layers=(8,), epochs=2, random_state=0)).fit(came.select(NAMES))
    detector.save(tmp_path / "detector.narrows")
    mixed = narrows.TableAutoencoder(2, epochs=2, random_state=0).fit(came.select([*NAMES, "word"]))
    mixed.save(tmp_path / "table.narrows")
    parquet.write_table(came, tmp_path / "rows.parquet")

    cluster.score(tmp_path / "detector.narrows", tmp_path / "rows.parquet", tmp_path / "odd")
    cluster.encode(tmp_path / "table.narrows", tmp_path / "rows.parquet", tmp_path / "codes")

    odd, codes = read(tmp_path / "odd" / "rows.parquet"), read(tmp_path / "codes" / "rows.parquet")
    assert odd.column_names == ["number", "word", "error", "outlier"]
    np.testing.assert_array_equal(odd["outlier"].to_numpy(zero_copy_only=False), detector.predict(came.select(NAMES)) == -1)
    assert codes.column_names == ["number", "z0", "z1"]
    np.testing.assert_allclose(numbers(codes, "z0", "z1"), mixed.transform(came.select([*NAMES, "word"])), atol=1e-6)
    with pytest.raises(
        ValueError, match=r"table.narrows' takes a table, whose reconstructions hold more than numbers .* encode or score there"
    ):
        cluster.reconstruct(tmp_path / "table.narrows", tmp_path / "rows.parquet", tmp_path / "rebuilt")


# What may die


class Killing:
    """Kills a worker when the first rows are done."""

    def __init__(self, stray: Path) -> None:
        self.pool: Any = None
        self.stray = stray
        self.killed = 0

    def begin(self, name: str, total: float, unit: str = "") -> None: ...

    def advance(self, done: float, text: str = "") -> None:
        if self.pool is not None and not self.killed:
            self.killed = next(iter(self.pool.pids))
            os.kill(self.killed, signal.SIGKILL)
            self.stray.write_bytes(b"what it was writing")

    def end(self, text: str = "") -> None: ...


@pytest.mark.usefixtures("small_pieces")
def test_a_worker_that_is_killed_is_replaced(nodes, fitted, lake, tmp_path, monkeypatch):
    path, made = fitted
    killing = Killing(tmp_path / "codes" / "..large.parquet.1600-3200.part.a1b2.part")

    class Watched(_pool.Pool):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            killing.pool = self

    monkeypatch.setattr(_bulk, "Pool", Watched)

    cluster.encode(path, lake, tmp_path / "codes", workers=1, progress=killing)

    assert killing.killed
    assert len(killing.pool.pids) == 2
    check(lake, tmp_path / "codes", made)


@pytest.mark.faults
@pytest.mark.usefixtures("small_pieces")
def test_a_node_that_goes_down_takes_no_row_with_it(nodes, fitted, lake, tmp_path):
    path, made = fitted
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as where the nodes are made
        third = nodes.add_node(num_cpus=1)
    gone = False

    class Removing(Silent):
        def advance(self, done: float, text: str = "") -> None:
            nonlocal gone
            if done > 100 and not gone:  # beyond the files of the plan, which are told of before
                gone = True
                nodes.remove_node(third, allow_graceful=False)

    cluster.encode(path, lake, tmp_path / "codes", workers=3, progress=Removing())

    assert gone
    check(lake, tmp_path / "codes", made)


def driver(nodes: Any, *arguments: str | Path) -> subprocess.Popen[str]:
    start = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from narrows.cli import main; main()"
    paths = [os.path.abspath(path) for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    return subprocess.Popen(
        [sys.executable, "-c", start, "encode", *arguments, "--cluster", nodes.address, "--workers", "1"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths), "KERAS_BACKEND": "jax"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.faults
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_cut_short_goes_on(nodes, fitted, tmp_path, how):
    path, made = fitted
    (tmp_path / "in").mkdir()
    for number in range(40):
        parquet.write_table(table(20_000, number), tmp_path / "in" / f"{number:02}.parquet")
    process = driver(nodes, path, tmp_path / "in", "-o", tmp_path / "out")
    while len(list((tmp_path / "out").glob("*.parquet"))) < 3:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(how)
    _, err = process.communicate(timeout=60)
    time.sleep(1)  # the last worker may just be ending
    first = {name: os.stat(tmp_path / "out" / name).st_mtime_ns for name in files(tmp_path / "out") if not name.startswith(".")}
    assert 3 <= len(first) < 40
    if how == signal.SIGINT:
        assert process.returncode == 130
        last = err.splitlines()[-1]
        assert last == f"narrows: interrupted; what is finished stays in '{tmp_path / 'out'}', and --resume goes on with the rest"
        assert "Traceback" not in err

    done = cluster.encode(path, tmp_path / "in", tmp_path / "out", resume=True)

    assert done.skipped == len(first)
    assert done.rows == 800_000
    check(tmp_path / "in", tmp_path / "out", made)
    assert {name: os.stat(tmp_path / "out" / name).st_mtime_ns for name in first} == first


@pytest.mark.usefixtures("small_pieces")
def test_parts_of_a_file_are_used_again(here, fitted, lake, tmp_path, monkeypatch):
    path, made = fitted
    out = tmp_path / "codes"
    out.mkdir()
    cut = 0

    def cut_short(plan: Any, job: Any, *more: Any) -> Any:
        nonlocal cut
        cut += 1
        if cut == 3:
            raise KeyboardInterrupt
        return went_on(plan, job, *more)

    went_on = _bulk._Plan._done
    with monkeypatch.context() as patched:
        patched.setattr(_bulk._Plan, "_done", cut_short)
        with pytest.raises(KeyboardInterrupt):
            cluster.encode(path, lake / "large.parquet", out)
    parts = sorted(path.name for path in _writing.leftovers(out))
    assert ".large.parquet.0-1600.part" in parts
    (out / ".another.parquet.0-10.part").write_bytes(b"of another run")
    (out / ".large.parquet.abc.part").write_bytes(b"of a worker that was killed")
    looked = []
    monkeypatch.setattr(_bulk._Plan, "_done", lambda plan, job, *more: (looked.append(job.span), went_on(plan, job, *more))[1])

    cluster.encode(path, lake / "large.parquet", out, resume=True)

    assert 0 not in [span.start for span in looked if span.stop < 5000]
    assert files(out) == [".another.parquet.0-10.part", "large.parquet"]
    written, came = read(out / "large.parquet"), read(lake / "large.parquet")
    np.testing.assert_array_equal(numbers(written, "z0", "z1"), made.transform(came.select(NAMES)))
    assert written["number"].equals(came["number"])


def test_what_changed_since_is_done_again_and_nothing_else_is_replaced(here, fitted, lake, tmp_path):
    path, made = fitted
    out = tmp_path / "codes"
    cluster.encode(path, lake, out)
    parquet.write_table(table(71, 9), lake / "small.parquet")

    done = cluster.encode(path, lake, out, resume=True)

    assert (done.files, done.skipped, done.written, done.rows) == (1, 3, 71, 5161)
    check(lake, out, made)
    assert cluster.encode(path, lake, out, resume=True).skipped == 4
    with pytest.raises(
        ValueError, match=rf"^the folder '{out}' is not empty: write elsewhere, or resume \(--resume\) to go on with what an"
    ):
        cluster.encode(path, lake, out)
    with pytest.raises(
        ValueError, match=r"was not written by this bundle, command and ids, and is not replaced: write elsewhere, or delete it$"
    ):
        cluster.score(path, lake, out, resume=True)
    (out / "small.parquet").write_bytes(b"somebody's own")
    with pytest.raises(ValueError, match=r"^'.*small.parquet' was not written by this bundle, command and ids"):
        cluster.encode(path, lake, out, resume=True)


# What may be wrong with what came


def test_a_damaged_file_is_named_and_the_others_stay(here, fitted, lake, tmp_path):
    path, _ = fitted
    damaged = lake / "large.parquet"
    content = bytearray(damaged.read_bytes())
    content[1000:9000] = bytes(8000)  # the end, by which it is known, stays
    damaged.write_bytes(content)
    holes = table(50, 6).to_pandas()
    holes.loc[7, "f2"] = np.nan
    parquet.write_table(pa.Table.from_pandas(holes, preserve_index=False), lake / "holes.parquet")

    with pytest.raises(
        ValueError, match=r"and 1 more of 5 files failed; 3 of 5 files are finished and stay, and resume \(--resume\)"
    ) as caught:
        cluster.encode(path, lake, tmp_path / "codes")

    said = str(caught.value)
    assert "large.parquet' is cut short, damaged or no Parquet file (" in said or "holes.parquet', after row 0, holds nan" in said
    assert files(tmp_path / "codes") == ["day=2/small.parquet", "empty.parquet", "small.parquet"]
    with pytest.raises(ValueError, match=r"damaged|without a finite number"):
        cluster.encode(path, lake, tmp_path / "codes", resume=True)


def test_a_file_that_is_written_to_meanwhile(fitted, lake, tmp_path):
    file = _sources.opened(str(lake / "small.parquet"), str(tmp_path / "small.parquet"))
    parquet.write_table(table(20, 1), lake / "small.parquet")

    with pytest.raises(ValueError, match=r"small.parquet' was written to while it was to be read: run again when it is whole"):
        _sources.check_unchanged(file)


def test_rows_that_are_not_those_that_were_computed(tmp_path):
    made = pa.table({"z0": pa.array([1.0, 2.0], pa.float32())})

    with pytest.raises(_writing.Unfaithful, match=r"does not hold what was computed \(2 rows were written and 2 are read again, of 3\)"):
        _writing.write(str(tmp_path / "a.parquet"), made.schema, [(made, 0)], ("z0",), {}, 0, 3)
    with pytest.raises(_writing.Unfaithful):
        _writing.write(str(tmp_path / "a.parquet"), made.schema, [(made, 0)], ("z0",), {}, 0, 2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("columns", "ids", "said"),
    [
        ({"f1": "g1"}, [], "has no column 'f1': it has 'number', 'f0', 'g1'"),
        ({"word": "z0"}, [], "has a column 'z0', which is what a column of the output is called: rename or leave out that of the file"),
        ({}, ["f1"], "the column 'f1' is one that the bundle takes, and cannot stay beside the row: leave it out of the ids"),
        ({}, ["nobody"], "has no column 'nobody'"),
    ],
)
def test_columns_that_do_not_fit(fitted, tmp_path, columns, ids, said):
    path, _ = fitted
    came = table(10, 1)
    parquet.write_table(came.rename_columns([columns.get(name, name) for name in came.column_names]), tmp_path / "rows.parquet")

    with pytest.raises(ValueError, match=said.replace("(", r"\(")):
        cluster.encode(path, tmp_path / "rows.parquet", tmp_path / "codes", ids=ids)
    assert not (tmp_path / "codes").exists()


def test_sources_that_are_none(fitted, lake, tmp_path):
    path, _ = fitted
    (tmp_path / "rows.csv").write_text("a\n1\n")
    (tmp_path / "none").mkdir()
    np.save(lake / "small.npy", np.zeros((2, 6), np.float32))
    (lake / "torn.parquet").write_bytes(b"")

    def told(source: Any, **settings: Any) -> str:
        with pytest.raises((ValueError, OSError)) as caught:
            cluster.encode(path, source, tmp_path / "codes", **settings)
        return str(caught.value)

    assert told(tmp_path / "no.parquet") == f"there is no file '{tmp_path}/no.parquet': check the path"
    assert told(tmp_path / "none") == f"the folder '{tmp_path}/none' holds no .parquet or .npy file: check the path"
    assert told(f"{tmp_path}/no*.parquet") == f"no file matches the pattern '{tmp_path}/no*.parquet': check the path"
    assert told(tmp_path / "rows.csv").endswith(
        "rows.csv' is no .parquet or .npy file, which are read on a cluster: leave it out, or convert it ('narrows convert')"
    )
    assert told("mnist") == "'mnist' is not on a disk that all machines see: on a cluster, give .parquet or .npy files"
    assert told([]) == "no source came: give files, folders or patterns"
    assert "would both be written to" in told([lake / "small.parquet", lake / "small.npy"])
    assert told(lake / "torn.parquet") == f"'{lake}/torn.parquet' is empty (0 bytes): write or copy it again"
    assert told(lake, workers=0) == "workers=0: must be at least 1"
    assert told(lake, ids="number") == "ids='number': give a list of names, such as ['number']"
    (tmp_path / "codes").write_bytes(b"")
    assert (
        told(lake / "small.parquet")
        == f"the output '{tmp_path}/codes' is a file; on a cluster it is a folder, of one .parquet file for each that is read"
    )


def test_no_bundle(lake, tmp_path):
    (tmp_path / "none.narrows").write_bytes(b"none")

    with pytest.raises(BundleError):
        cluster.encode(tmp_path / "none.narrows", lake, tmp_path / "codes")


def test_patterns_keep_their_folders(lake, tmp_path):
    pairs = _sources.found(f"{lake}/**/*.parquet", tmp_path / "out")
    flat = _sources.found([f"{lake}/day=2/*.parquet"], tmp_path / "out")

    assert sorted(os.path.relpath(target, tmp_path / "out") for _, target in pairs) == files(lake)
    assert [target for _, target in flat] == [str(tmp_path / "out" / "small.parquet")]


def test_a_map_only_encodes(here, tmp_path):
    made = narrows.LatentMap(3, autoencoder=narrows.Autoencoder(layers=(8,), epochs=1), random_state=0).fit(table(60, 1).select(NAMES))
    made.save(tmp_path / "map.narrows")
    parquet.write_table(table(9, 2), tmp_path / "rows.parquet")

    cluster.encode(tmp_path / "map.narrows", tmp_path / "rows.parquet", tmp_path / "places")

    assert read(tmp_path / "places" / "rows.parquet").column_names == ["number", "word", "z0", "z1"]
    with pytest.raises(ValueError, match=r"map.narrows' holds a map, which places rows and does no more: encode, or fit an autoencoder"):
        cluster.score(tmp_path / "map.narrows", tmp_path / "rows.parquet", tmp_path / "errors")


def test_a_cluster_without_a_free_cpu(nodes, fitted, lake, tmp_path, monkeypatch):
    import ray

    holding = [ray.remote(num_cpus=1)(_worker.Worker).remote(b"", "transform") for _ in range(2)]
    ray.get([one.__ray_ready__.remote() for one in holding])
    monkeypatch.setattr(_pool, "START", 0.5)
    try:
        with pytest.raises(
            ConnectionError, match=r"^no worker could be started within 0 s: each takes one CPU, and others may hold them all"
        ):
            cluster.encode(fitted[0], lake, tmp_path / "codes")
    finally:
        for one in holding:
            ray.kill(one)


def test_a_bundle_says_what_an_output_was_made_of(here, fitted, lake, tmp_path):
    cluster.encode(fitted[0], lake / "small.parquet", tmp_path / "codes")

    said = json.loads(parquet.read_metadata(tmp_path / "codes" / "small.parquet").metadata[b"narrows"])

    about = os.stat(lake / "small.parquet")
    assert said["what"] == "transform"
    assert said["source"] == ["small.parquet", about.st_size, about.st_mtime_ns, 70]
