"""What DATA may be: several files, patterns, standard input, folders of images, files of labels; and what is wrong with them."""

from __future__ import annotations

import io
import json
import re
import sys

import numpy as np
import pytest
from PIL import Image

import narrows as package
from narrows.data import load

QUICK = ["--layers", "8", "--epochs", "1", "--precision", "float32"]


@pytest.fixture
def parts(flowers, tmp_path):
    """Cut the flowers into two files, the second with its columns in another order and without labels."""
    head, *lines = flowers.path.with_suffix(".csv").read_text().splitlines()
    (tmp_path / "part1.csv").write_text("\n".join([head, *lines[:30]]))
    turned = ["height,width,length", *(f"{c},{a},{b}" for a, b, c, _ in (line.split(",") for line in lines[30:]))]
    (tmp_path / "part2.csv").write_text("\n".join(turned))
    return ["part1.csv", "part2.csv"]


@pytest.fixture
def photos(tmp_path, rng):
    """Give a folder of twenty images of two kinds."""
    for kind in ("cats", "dogs"):
        (tmp_path / "photos" / kind).mkdir(parents=True)
        for number in range(10):
            pixels = rng.integers(0, 256, (4, 5), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / kind / f"{number}.png")
    return "photos"


def whole(flowers) -> np.ndarray:
    return package.load(flowers.path).transform(load(flowers.path.with_suffix(".csv"), label="species").X)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize("pattern", [True, False])
def test_several_files_are_encoded_as_one(narrows, flowers, tmp_path, parts, pattern):
    done = narrows("encode", flowers.path, *(["part?.csv"] if pattern else parts), "-o", "codes.npy")

    assert (done.code, done.err) == (0, "")
    assert done.out.endswith("the codes of part1.csv and 1 more, 80 rows of 1 number\n")
    np.testing.assert_array_equal(load(tmp_path / "codes.npy").X, whole(flowers))


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_standard_input_is_a_table(narrows, flowers, tmp_path, monkeypatch):
    content = flowers.path.with_suffix(".csv").read_bytes()

    def piped(*arguments):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        done = narrows(*arguments)
        assert done.code == 0, done.err
        return done

    piped("encode", flowers.path, "-", "-o", "codes.npy")
    np.testing.assert_array_equal(load(tmp_path / "codes.npy").X, whole(flowers))
    piped("reconstruct", flowers.path, "-", "-o", "back.csv")
    assert load(tmp_path / "back.csv").feature_names == ["width", "length", "height"]
    assert json.loads(piped("score", flowers.path, "-", "--json").out)["rows"] == 80
    said = piped("fit", "-", "--label", "species", *QUICK).out
    assert "wrote 'rows.narrows'" in said
    assert "narrows encode rows.narrows - -o rows-codes.csv" in said


def test_several_files_are_fitted_as_one(narrows, tmp_path):
    for name in ("a", "b"):
        np.savetxt(
            tmp_path / f"{name}.csv", np.random.default_rng(ord(name)).normal(size=(20, 3)), delimiter=",", header="x,y,z", comments=""
        )

    done = narrows("fit", "a.csv", "b.csv", *QUICK)

    assert done.code == 0, done.err
    assert "a.csv b.csv\n" in done.out
    assert "narrows encode rows.narrows a.csv b.csv -o rows-codes.csv" in done.out
    about = json.loads(narrows("info", "rows.narrows", "--json").out)["data"]
    assert (about["source"], about["rows"] + about["test_rows"]) == (["a.csv", "b.csv"], 40)
    assert "a.csv b.csv: 36 rows" in narrows("info", "rows.narrows").out


def test_images_are_called_by_their_files(narrows, tmp_path, photos):
    done = narrows("fit", photos, *QUICK)
    assert done.code == 0, done.err
    assert "images of 4x5, labels of 2 kinds" in " ".join(done.out.split())
    assert "wrote 'photos.narrows'" in done.out
    files = [f"{kind}/{number}.png" for kind in ("cats", "dogs") for number in range(10)]

    said = json.loads(narrows("score", "photos.narrows", photos, "--json", "--top", "20", "-o", "errors.csv").out)
    assert sorted(line["file"] for line in said["worst"]) == files
    assert {line["file"].partition("/")[0] == line["label"] for line in said["worst"]} == {True}
    table = load(tmp_path / "errors.csv", label="file")
    assert table.labels.tolist() == [line["file"] for line in said["worst"]]
    assert "counted" not in narrows("score", "photos.narrows", photos).out

    for command in ("encode", "reconstruct"):
        assert narrows(command, "photos.narrows", photos, "-o", f"{command}.csv").code == 0
        assert load(tmp_path / f"{command}.csv", label="file").labels.tolist() == files
        assert narrows(command, "photos.narrows", photos, "-o", f"{command}.npy").code == 0
        np.testing.assert_allclose(load(tmp_path / f"{command}.npy").X, load(tmp_path / f"{command}.csv", label="file").X)
    assert narrows("decode", "photos.narrows", "encode.csv", "-o", "rows.npy").code == 0
    assert load(tmp_path / "rows.npy").X.shape == (20, 20)


def test_labels_may_lie_in_a_file_of_their_own(narrows, tmp_path, rng):
    np.save(tmp_path / "rows.npy", rng.random((40, 3)))
    np.save(tmp_path / "kinds.npy", np.arange(40) % 2)

    done = narrows("fit", "rows.npy", "--label", "kinds.npy", *QUICK)

    assert done.code == 0, done.err
    assert "rows.npy, labels from 'kinds.npy'" in done.out
    assert "k-NN accuracy" in done.out
    assert re.search(r"^labels +from kinds.npy$", narrows("info", "rows.narrows").out, re.MULTILINE)
    np.save(tmp_path / "new.npy", rng.random((5, 3)))
    assert narrows("encode", "rows.narrows", "new.npy", "-o", "codes.npy").code == 0  # other rows have other labels


def image(width: int, height: int) -> bytes:
    file = io.BytesIO()
    Image.new("L", (width, height)).save(file, "PNG")
    return file.getvalue()


BAD = {
    "truncated.npy": (b"\x93NUMPY\x01\x00v\x00{'descr'", "is not a .npy file that can be read"),
    "magic.idx": (b"PK\3\4....", "which are not IDX's magic number"),
    "ragged.csv": (b"a,b\n1,2\n3\n", "has 1 cells in row 2 where the header has 2"),
    "text.csv": (b"a,b\n1,2\n3,x\n", "has 2 rows and is taken as a table (column 'b' holds text)"),
    "empty.csv": (b"", "is empty"),
    "hole.csv": (b"a,b\n1,\n", "holds nan in column 'b', row 1"),
    "cut.arrow": (b"ARROW1\0\0....", "is cut short, damaged or no Arrow file"),
    "old.feather": (b"FEA1....", "is of Feather's first version"),
    "cut.parquet": (b"PAR1....", "is cut short, damaged or no Parquet file"),
    "cut.png": (image(50, 50)[:50], "is cut short or damaged"),
    "none/x.txt": (b"", "is a folder without PNG or JPEG images"),
    "mixed/a.png": (image(2, 2), "b.png' has 2x3 pixels and 'mixed/a.png' 2x2"),
    "mixed/b.png": (image(2, 3), ""),
    "few.idx": (bytes([0, 0, 8, 1, 0, 0, 0, 1, 7]), ""),
}


@pytest.mark.parametrize(
    "arguments",
    [
        *(["fit", name] for name in BAD if "/" not in name and name != "few.idx"),
        ["fit", "none"],
        ["fit", "mixed"],
        ["fit", "mixed/*.png"],
        ["fit", "ragged.csv", "text.csv"],
        ["fit", "good.csv", "hole.csv"],
        ["fit", "*.xyz"],
        ["fit", "good.csv", "other.csv"],
        ["fit", "good.csv", "--label", "few.idx"],
        ["fit", "-"],
        ["fit", "digits", "good.csv"],
    ],
    ids=" ".join,
)
def test_bad_data_is_one_line_and_2(narrows, tmp_path, monkeypatch, arguments):
    monkeypatch.setattr(sys, "stdin", None)
    for name, (content, _) in BAD.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "good.csv").write_text("a,b\n1,2\n3,4\n")
    (tmp_path / "other.csv").write_text("a,c\n1,2\n")
    words = {
        "none": BAD["none/x.txt"][1],
        "mixed": BAD["mixed/a.png"][1],
        "mixed/*.png": BAD["mixed/a.png"][1],
        "*.xyz": "no file matches the pattern '*.xyz'",
        "good.csv": "'other.csv' lacks 'b' and has 'c' besides",
        "-": "standard input, which '-' stands for, is closed",
        "digits": "'digits' is a data set, which is loaded alone",
    }
    expected = BAD["hole.csv"][1] if "hole.csv" in arguments else words.get(arguments[1]) or BAD.get(arguments[1], ("", ""))[1]
    if "--label" in arguments:
        expected = "'few.idx' has 1 label and good.csv 2 rows"
    before = sorted(tmp_path.iterdir())

    done = narrows(*arguments)

    assert done.code == 2
    assert expected
    assert expected in done.only_line
    assert sorted(tmp_path.iterdir()) == before


def test_an_output_among_the_files_of_a_pattern_is_refused(narrows, flowers, parts, tmp_path):
    before = (tmp_path / "part2.csv").read_bytes()

    done = narrows("encode", flowers.path, "part*.csv", "-o", "part2.csv")

    assert done.code == 2
    assert "the output 'part2.csv' is what is read: write elsewhere" in done.only_line
    assert (tmp_path / "part2.csv").read_bytes() == before


def test_files_left_out_are_said_in_one_line(narrows, photos, tmp_path):
    (tmp_path / "photos" / "notes.txt").write_text("")

    done = narrows("-q", "fit", photos, *QUICK)

    assert done.code == 0
    assert "warning: 'photos' holds a file that is no PNG or JPEG image and is left out: 'notes.txt'\n" in done.err
