"""MNIST and Fashion-MNIST: looked for near, then far, and believed only by their checksums. No test uses the network."""

from __future__ import annotations

import gzip
import hashlib
import io
import shutil
from dataclasses import replace
from urllib.parse import urlsplit

import numpy as np
import pooch
import pytest
import requests

from narrows.data import idx_sets, load
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

    def __init__(self, addresses):
        self.asked = []
        self.answers = {mirror: gzip.compress for mirror in addresses}

    def get(self, url, **kwargs):
        self.asked.append(url)
        mirror, _, name = url.rpartition("/")
        answer = self.answers[f"{mirror}/"](FILES[name.removesuffix(".gz")])
        response = requests.Response()
        response.status_code = 404 if answer is None else 200
        response.raw = io.BytesIO(answer or b"")
        response.headers["content-length"] = str(len(answer or b""))
        return response


@pytest.fixture(params=["MNIST", "FASHION_MNIST"])
def which(request, monkeypatch):
    """Give one of the sets, with four tiny files in place of its own."""
    real = getattr(idx_sets, request.param)
    algorithm = real.checksums["train-images-idx3-ubyte"].partition(":")[0]
    tiny = {name: f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}" for name, content in FILES.items()}
    made = replace(real, checksums=tiny)
    monkeypatch.setattr(idx_sets, request.param, made)
    return made


@pytest.fixture(autouse=True)
def mirrors(which, monkeypatch, tmp_path):
    """A cache folder of the test's own, and a network that is none."""
    network = Mirrors(which.mirrors)
    monkeypatch.setattr(requests, "get", network.get)
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "cache" / name)
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
def test_a_folder_of_ones_own_comes_first(which, tmp_path, monkeypatch, mirrors, gzipped):
    """NARROWS_DATA/mnist and the like, gzipped or not, and no network."""
    place(tmp_path / "own" / which.name, gzipped=gzipped)
    monkeypatch.setenv("NARROWS_DATA", str(tmp_path / "own"))

    check(load(which.name))
    assert not mirrors.asked


def test_files_right_in_ones_own_folder_are_taken_for_mnist_only(which, tmp_path, monkeypatch, mirrors):
    """The files of both sets have the same names: so the older set keeps the older place."""
    place(tmp_path / "own")
    monkeypatch.setenv("NARROWS_DATA", str(tmp_path / "own"))

    check(load(which.name))
    assert len(mirrors.asked) == (0 if which.name == "mnist" else 4)


def test_a_wrong_file_in_ones_own_folder_is_an_error(which, tmp_path, monkeypatch):
    """What a person put there is neither believed nor silently passed over."""
    place(tmp_path / "own" / which.name)
    (tmp_path / "own" / which.name / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(b"something else"))
    monkeypatch.setenv("NARROWS_DATA", str(tmp_path / "own"))

    with pytest.raises(
        ValueError,
        match=rf"is not {which.title}'s file t10k-labels-idx1-ubyte \(its (SHA-256|MD5), .*\): replace it, or unset NARROWS_DATA",
    ):
        load(which.name)


def test_what_is_missing_is_downloaded_once(which, tmp_path, monkeypatch, mirrors):
    """A folder without MNIST is passed over; the second time the cache has the files."""
    monkeypatch.setenv("NARROWS_DATA", str(tmp_path / "empty"))

    check(load(which.name))
    assert mirrors.asked == [f"{which.mirrors[0]}{name}.gz" for name in sorted(FILES, key=lambda name: name[:2] != "t1")]

    check(load(which.name))
    assert len(mirrors.asked) == 4


def test_a_damaged_cache_is_downloaded_again(which, tmp_path, mirrors):
    """The cache is ours to mend."""
    place(tmp_path / "cache" / "narrows" / which.cache)
    whole = tmp_path / "cache" / "narrows" / which.cache / "train-images-idx3-ubyte.gz"
    whole.write_bytes(whole.read_bytes()[:20])

    check(load(which.name))
    assert mirrors.asked == [f"{which.mirrors[0]}train-images-idx3-ubyte.gz"]
    assert gzip.decompress(whole.read_bytes()) == FILES["train-images-idx3-ubyte"]


@pytest.mark.parametrize(
    "broken",
    [lambda content: None, lambda content: gzip.compress(content)[:-5], lambda content: b"<html>", lambda content: gzip.compress(b"else")],
    ids=["missing", "cut", "page", "other"],
)
def test_the_second_mirror_helps_the_first(which, mirrors, broken):
    """A mirror that is gone, breaks off, answers with a page or has other bytes is passed over."""
    mirrors.answers[which.mirrors[0]] = broken

    check(load(which.name))


def unreachable(content):
    """What requests raises without a network."""
    from urllib3.exceptions import MaxRetryError, NewConnectionError

    refused = NewConnectionError(None, "Failed to establish a new connection: [Errno 111] Connection refused")
    raise requests.ConnectionError(MaxRetryError(None, "/mnist/train-images-idx3-ubyte.gz", refused))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (unreachable, "could not be reached"),
        (lambda content: None, "answered 404"),
        (lambda content: b"<html>", "sent a damaged file"),
        (lambda content: gzip.compress(content)[:-5], "sent a damaged file"),
        (lambda content: gzip.compress(b"else"), "sent another file"),
    ],
    ids=["unreachable", "missing", "page", "cut", "other"],
)
def test_no_mirror_at_all_is_one_sentence(which, tmp_path, mirrors, answer, reason):
    """It says in plain words what was tried and how to do without; nothing is left in the cache."""
    mirrors.answers = {which.mirrors[0]: answer, which.mirrors[1]: lambda content: None}

    with pytest.raises(OSError, match=rf"^{which.title}'s file") as caught:
        load(which.name)

    first, second = (urlsplit(mirror).hostname for mirror in which.mirrors)
    assert str(caught.value) == (
        f"{which.title}'s file t10k-images-idx3-ubyte is neither here nor could it be downloaded, as {first} {reason} and {second} "
        f"answered 404: try again, or set NARROWS_DATA to a folder that holds {which.title}'s four files in its folder {which.name}"
    )
    assert isinstance(caught.value.__cause__, requests.HTTPError)
    assert not (tmp_path / "cache").exists()


def test_a_cache_that_cannot_be_written_is_a_warning(which, tmp_path):
    """The rows are there all the same."""
    (tmp_path / "cache").write_text("a file where the folder should be")

    with pytest.warns(
        NarrowsWarning, match=rf"{which.title} was downloaded and cannot be kept in .*: make room there, or set NARROWS_DATA"
    ):
        check(load(which.name))


def test_progress_is_told_of_each_download(which, mirrors, capfd):
    """Four tasks in bytes, each ended, and nothing is written to the terminal by anyone else."""
    recorder = Recorder()

    load(which.name, progress=recorder)

    total = len(gzip.compress(FILES["t10k-images-idx3-ubyte"]))
    assert recorder.said[:2] == [("begin", "downloading t10k-images-idx3-ubyte", total, "bytes"), ("advance", total)]
    assert [line[0] for line in recorder.said].count("end") == 4
    assert capfd.readouterr() == ("", "")


def test_no_progress_is_begun_for_what_is_here(which, tmp_path):
    """Files that are read from disk are not announced."""
    place(tmp_path / "cache" / "narrows" / which.cache)
    recorder = Recorder()

    load(which.name, progress=recorder)

    assert recorder.said == []
    shutil.rmtree(tmp_path / "cache")


@pytest.mark.parametrize(("which", "first"), [("MNIST", [5, 0, 4, 1, 9]), ("FASHION_MNIST", [9, 0, 0, 3, 0])], indirect=["which"])
def test_the_real_files(which, first, mnist_path, monkeypatch):
    """The files that the checksums in the source belong to."""
    if not (mnist_path.parent / which.name).is_dir():
        pytest.skip(f"{which.title} is not there: NARROWS_DATA does not hold {which.name}/")
    monkeypatch.undo()
    monkeypatch.setenv("NARROWS_DATA", str(mnist_path.parent))

    rows = load(which.name)

    assert (rows.X.shape, rows.test.X.shape) == ((60_000, 784), (10_000, 784))
    assert rows.X.dtype == np.uint8
    assert rows.labels[:5].tolist() == first
    assert rows.image_shape == (28, 28)
