"""Whether all nodes are fit for the work."""

from __future__ import annotations

import re

import pytest

from narrows.cluster import _nodes
from narrows.cluster._nodes import check_nodes

NODE = r"node \S+ \([0-9a-f]{8}\) of the cluster"


def test_nodes_that_see_all(nodes, tmp_path):
    file = tmp_path / "rows.npy"
    file.write_bytes(b"rows")

    check_nodes([file, tmp_path], written=tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["rows.npy"]


def test_a_file_of_this_machine_alone(nodes, tmp_path, monkeypatch):
    monkeypatch.setattr(_nodes, "_seen", lambda path: (1, 2))

    with pytest.raises(
        FileNotFoundError, match=rf"^{NODE} does not see '{tmp_path}/gone': all machines need the same folder under the same"
    ):
        check_nodes([tmp_path / "gone"])


def test_another_file_there(nodes, tmp_path, monkeypatch):
    (tmp_path / "rows").write_bytes(b"")
    monkeypatch.setattr(_nodes, "_seen", lambda path: (1, 2))

    with pytest.raises(FileNotFoundError, match=rf"^{NODE} sees another file at '{tmp_path}/rows' than this machine: all machines"):
        check_nodes([tmp_path / "rows"])


def test_a_folder_of_this_machine_alone(nodes, tmp_path, monkeypatch):
    monkeypatch.setattr(_nodes.Path, "touch", lambda self: None)

    with pytest.raises(FileNotFoundError, match=rf"^{NODE} does not see the folder '{tmp_path}' of this machine: all machines need"):
        check_nodes(written=tmp_path)


@pytest.mark.parametrize(
    ("theirs", "said"),
    [
        ({"narrows": "9.9", "keras": "1", "jax": "1"}, "has narrows 9.9, and this process 1: install the same on all machines"),
        ({"narrows": "1", "keras": None, "jax": "1"}, "has no keras: install there what is installed here, keras 1"),
    ],
)
def test_other_versions(theirs, said):
    with pytest.raises(ConnectionError, match=f"^{re.escape(f'node a of the cluster {said}')}$"):
        _nodes._check_versions("a", theirs, {"narrows": "1", "keras": "1", "jax": "1"})


def test_versions_of_a_real_node_are_compared(nodes, monkeypatch):
    monkeypatch.setattr(_nodes, "LIBRARIES", ("narrows", "no-such-library"))

    with pytest.raises(ConnectionError, match=rf"^{NODE} has no no-such-library: install there what is installed here"):
        check_nodes()


def test_a_node_that_may_not_write():
    answer = {"paths": {}, "written": "forbidden"}

    with pytest.raises(PermissionError, match=r"^node a of the cluster may not write into 'out': let it, or write elsewhere$"):
        _nodes._check_paths("a", answer, {}, "out")


def test_a_node_that_does_not_answer(nodes, monkeypatch):
    monkeypatch.setattr(_nodes, "ANSWER", 0.0)

    with pytest.raises(ConnectionError, match=rf"^{NODE} did not answer within 0 s: see 'ray status'$"):
        check_nodes()
