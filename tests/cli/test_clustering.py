"""``narrows fit --cluster``: what it refuses at once, and one run by two processes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import numpy as np
import pytest

from narrows.cli import main


def refused(capsys, *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["fit", *arguments])
    assert ended.value.code == 2
    said: str = capsys.readouterr().err
    return said


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--workers", "2"], "--workers are those of a cluster: say which by --cluster, such as local:4"),
        (["--cluster", "local:2", "--no-blocks"], "a cluster reads rows in blocks: leave out --no-blocks"),
        (["--cluster", "local:2", "--target", "rows.npy"], "--target goes with a fit by one process"),
        (["--cluster", "env", "--workers", "2"], "with --cluster env the environment says how many workers there are"),
    ],
)
def test_what_does_not_go_together(flags, sentence, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("rows.npy", np.zeros((20, 3), np.float32))
    assert sentence in refused(capsys, "rows.npy", *flags)


def test_a_named_set_is_no_file(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "'digits' is read at once" in refused(capsys, "digits", "--cluster", "local:2")


def test_a_table_is_for_one_process(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "table.csv").write_text("a,b\n" + "1,x\n2,y\n" * 20)
    assert "tables are fitted by one process" in refused(capsys, "table.csv", "--cluster", "local:2")


@pytest.mark.slow
def test_two_processes_write_one_bundle(tmp_path):
    """The first speaks and writes; the other is silent; the codes are those of one process."""
    rng = np.random.default_rng(0)
    np.save(tmp_path / "rows.npy", rng.random((600, 8), np.float32))
    np.save(tmp_path / "held.npy", rng.random((90, 8), np.float32))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    flags = ["--seed", "0", "--epochs", "3", "--layers", "8", "--validation", "held.npy"]
    command = [sys.executable, "-m", "narrows", "fit", "rows.npy", *flags]

    def started(rank: int) -> subprocess.Popen[str]:
        where = {"JAX_COORDINATOR_ADDRESS": address, "JAX_NUM_PROCESSES": "2", "JAX_PROCESS_ID": str(rank), "NPROC": "1"}
        return subprocess.Popen(
            [*command, "--cluster", "env", "-o", "two.narrows", "--checkpoint", "run.checkpoint"],
            cwd=tmp_path,
            env=os.environ | where,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    both = [started(rank) for rank in range(2)]
    (said, complained), (silent, _) = [one.communicate(timeout=300) for one in both]
    subprocess.run([*command, "--blocks", "-o", "one.narrows"], cwd=tmp_path, check=True, capture_output=True)

    assert [one.returncode for one in both] == [0, 0], complained
    assert "wrote 'two.narrows'" in said
    assert "narrows" not in silent
    assert not (tmp_path / "run.checkpoint").exists()
    import narrows

    rows = np.load(tmp_path / "rows.npy")
    one, two = (narrows.load(tmp_path / f"{name}.narrows") for name in ("one", "two"))
    np.testing.assert_allclose(two.transform(rows), one.transform(rows), atol=1e-4)
    np.testing.assert_allclose(two.history_["val_loss"], one.history_["val_loss"], rtol=1e-4)
