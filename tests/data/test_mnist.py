"""MNIST: looked for near, then far, and believed only by its checksum. No test uses the network."""

from __future__ import annotations

import gzip
import hashlib
import io
import shutil

import numpy as np
import pooch
import pytest
import requests

from narrows.data import load, mnist
from narrows.errors import NarrowsWarning

FILES = {
    f"{part}-{kind}-ubyte": bytes([0, 0, 8, len(shape)]) + np.array(shape, ">u4").tobytes() + bytes(range(np.prod(shape)))
    for part, n in (("train", 3), ("t10k", 2))
    for kind, shape in (("images-idx3", (n, 2, 2)), ("labels-idx1", (n,)))
}


class Recorder:
    def __init__(self):
        self.said = []

    def begin(self, name, total, unit=""):
        self.said.append(("begin", name, total, unit))

    def advance(self, done, text=""):
        self.said.append(("advance", done))

    def end(self, text=""):
        self.said.append(("end",))


class Mirrors:
    """What stands for the network: answers `requests.get` from a table of functions by mirror."""

    def __init__(self):
        self.asked = []
        self.answers = {mirror: gzip.compress for mirror in mnist.MIRRORS}

    def get(self, url, **kwargs):
        self.asked.append(url)
        mirror, _, name = url.rpartition("/")
        answer = self.answers[f"{mirror}/"](FILES[name.removesuffix(".gz")])
        response = requests.Response()
        response.status_code = 404 if answer is None else 200
        response.raw = io.BytesIO(answer or b"")
        response.headers["content-length"] = str(len(answer or b""))
        return response


@pytest.fixture(autouse=True)
def mirrors(monkeypatch, tmp_path):
    """Four tiny files in place of MNIST's, a cache folder of the test's own, and a network that is none."""
    network = Mirrors()
    monkeypatch.setattr(requests, "get", network.get)
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "cache" / name)
    monkeypatch.setattr(mnist, "SHA256", {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()})
    monkeypatch.delenv("NARROWS_DATA", raising=False)
    return network


def place(folder, *, gzipped=True, names=FILES):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / f"{name}{'.gz' if gzipped else ''}").write_bytes(gzip.compress(FILES[name]) if gzipped else FILES[name])


def check(rows):
    assert rows.X.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert rows.X.dtype == np.uint8
    assert rows.labels.tolist() == [0, 1, 2]
    assert rows.image_shape == rows.test.image_shape == (2, 2)
    assert rows.test.X.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert rows.test.labels.tolist() == [0, 1]


@pytest.mark.parametrize("gzipped", [True, False])
@pytest.mark.parametrize("inside", ["mnist", ""])
def test_a_folder_of_ones_own_comes_first(tmp_path, monkeypatch, mirrors, inside, gzipped):
    """NARROWS_DATA/mnist or NARROWS_DATA, gzipped or not, and no network."""
    place(tmp_path / "own" / inside, gzipped=gzipped)
    monkeypatch.setenv("NARROWS_DATA", str(tmp_path / "own"))

    check(load("mnist"))
    assert not mirrors.asked


def test_a_wrong_file_in_ones_own_folder_is_an_error(tmp_path, monkeypatch):
    """What a person put there is neither believed nor silently passed over."""
    place(tmp_path / "own")
    (tmp_path / "own" / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(b"something else"))
    monkeypatch.setenv("NARROWS_DATA", str(tmp_path / "own"))

    with pytest.raises(
        ValueError, match=r"is not MNIST's file t10k-labels-idx1-ubyte \(its SHA-256, .*\): replace it, or unset NARROWS_DATA"
    ):
        load("mnist")


def test_what_is_missing_is_downloaded_once(tmp_path, monkeypatch, mirrors):
    """A folder without MNIST is passed over; the second time the cache has the files."""
    monkeypatch.setenv("NARROWS_DATA", str(tmp_path / "empty"))

    check(load("mnist"))
    assert mirrors.asked == [f"{mnist.MIRRORS[0]}{name}.gz" for name in sorted(FILES, key=lambda name: name[:2] != "t1")]

    check(load("mnist"))
    assert len(mirrors.asked) == 4


def test_a_damaged_cache_is_downloaded_again(tmp_path, mirrors):
    """The cache is ours to mend."""
    place(tmp_path / "cache" / "narrows")
    whole = tmp_path / "cache" / "narrows" / "train-images-idx3-ubyte.gz"
    whole.write_bytes(whole.read_bytes()[:20])

    check(load("mnist"))
    assert mirrors.asked == [f"{mnist.MIRRORS[0]}train-images-idx3-ubyte.gz"]
    assert gzip.decompress(whole.read_bytes()) == FILES["train-images-idx3-ubyte"]


@pytest.mark.parametrize(
    "broken",
    [lambda content: None, lambda content: gzip.compress(content)[:-5], lambda content: b"<html>", lambda content: gzip.compress(b"else")],
    ids=["missing", "cut", "page", "other"],
)
def test_the_second_mirror_helps_the_first(mirrors, broken):
    """A mirror that is gone, breaks off, answers with a page or has other bytes is passed over."""
    mirrors.answers[mnist.MIRRORS[0]] = broken

    check(load("mnist"))


def test_no_mirror_at_all_is_one_sentence(tmp_path, mirrors):
    """It says what was tried and how to do without; nothing is left in the cache."""
    mirrors.answers = {mnist.MIRRORS[0]: lambda content: None, mnist.MIRRORS[1]: lambda content: gzip.compress(b"else")}

    with pytest.raises(
        OSError, match=r"neither here nor could it be downloaded \(.*404.*SHA-256.*\): try again, or set NARROWS_DATA"
    ) as caught:
        load("mnist")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "cache").exists()


def test_a_cache_that_cannot_be_written_is_a_warning(tmp_path):
    """The rows are there all the same."""
    (tmp_path / "cache").write_text("a file where the folder should be")

    with pytest.warns(NarrowsWarning, match=r"MNIST was downloaded and cannot be kept in .*: make room there, or set NARROWS_DATA"):
        check(load("mnist"))


def test_progress_is_told_of_each_download(mirrors, capfd):
    """Four tasks in bytes, each ended, and nothing is written to the terminal by anyone else."""
    recorder = Recorder()

    load("mnist", progress=recorder)

    total = len(gzip.compress(FILES["t10k-images-idx3-ubyte"]))
    assert recorder.said[:2] == [("begin", "downloading t10k-images-idx3-ubyte", total, "bytes"), ("advance", total)]
    assert [line[0] for line in recorder.said].count("end") == 4
    assert capfd.readouterr() == ("", "")


def test_no_progress_is_begun_for_what_is_here(tmp_path):
    """Files that are read from disk are not announced."""
    place(tmp_path / "cache" / "narrows")
    recorder = Recorder()

    load("mnist", progress=recorder)

    assert recorder.said == []
    shutil.rmtree(tmp_path / "cache")


def test_the_real_mnist(mnist_path, monkeypatch):
    """The files that the checksums in the source belong to."""
    monkeypatch.undo()
    monkeypatch.setenv("NARROWS_DATA", str(mnist_path.parent))

    rows = load("mnist")

    assert (rows.X.shape, rows.test.X.shape) == ((60_000, 784), (10_000, 784))
    assert rows.X.dtype == np.uint8
    assert rows.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert rows.image_shape == (28, 28)
