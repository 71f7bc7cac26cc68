"""Images in files and folders: what a person sees becomes rows of bytes, and what is wrong is named by its file."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from narrows.data import hold_out, image_files, load
from narrows.errors import NarrowsWarning

GRAY = np.arange(12, dtype=np.uint8).reshape(3, 4)
COLORS = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)


def save(path: Path, pixels: np.ndarray | Image.Image, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    (pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)).save(path, **options)
    return path


@pytest.fixture
def pets(tmp_path):
    """Give a folder of two labels, three gray images of 3x4 pixels."""
    for place, name in enumerate(("dogs/rex.png", "cats/b.png", "cats/a.PNG")):
        save(tmp_path / "pets" / name, GRAY + place)
    return tmp_path / "pets"


def test_subfolders_are_labels_and_rows_come_in_order(pets):
    rows = load(pets)

    assert rows.X.dtype == np.uint8
    assert rows.X.tolist() == [(GRAY + place).ravel().tolist() for place in (2, 1, 0)]
    assert rows.labels.tolist() == ["cats", "cats", "dogs"]
    assert rows.names == ["cats/a.PNG", "cats/b.png", "dogs/rex.png"]
    assert rows.image_shape == (3, 4)
    assert repr(rows) == "Rows('pets': 3 x 12 uint8, labels, images 3x4)"


def test_images_that_lie_flat_have_no_labels(pets):
    rows = load(pets / "cats")

    assert rows.labels is None
    assert rows.names == ["a.PNG", "b.png"]


def test_names_stay_with_their_rows(pets):
    kept, held = hold_out(load(pets), 0.4)

    assert sorted([*kept.names, *held.names]) == ["cats/a.PNG", "cats/b.png", "dogs/rex.png"]
    for part in (kept, held):
        assert part.X[:, 0].tolist() == [{"cats/a.PNG": 2, "cats/b.png": 1, "dogs/rex.png": 0}[name] for name in part.names]


def test_colors_are_kept(tmp_path):
    """Red, green and blue of each pixel follow one another."""
    save(tmp_path / "a.png", COLORS)

    rows = load(tmp_path)

    assert rows.image_shape == (3, 4, 3)
    np.testing.assert_array_equal(rows.X, COLORS.reshape(1, -1))


@pytest.mark.parametrize("order", ["gray first", "colors first"])
def test_gray_among_colors_becomes_gray_of_three_channels(tmp_path, order):
    first, second = (GRAY, COLORS) if order == "gray first" else (COLORS, GRAY)
    save(tmp_path / "a.png", first)
    save(tmp_path / "b.png", second)
    save(tmp_path / "c.png", GRAY)

    rows = load(tmp_path)

    assert rows.image_shape == (3, 4, 3)
    three = np.repeat(GRAY.ravel(), 3).tolist()
    assert sorted(rows.X.tolist()) == sorted([COLORS.ravel().tolist(), three, three])


def test_a_jpeg_is_what_its_decoder_gives(tmp_path):
    gray, colors = (np.full(shape, 90, np.uint8) for shape in ((8, 8), (8, 8, 3)))
    save(tmp_path / "gray" / "a.jpg", gray)
    save(tmp_path / "colors" / "a.jpeg", colors)

    assert load(tmp_path / "gray").X.tolist() == [[90] * 64]
    assert load(tmp_path / "colors").image_shape == (8, 8, 3)


def test_the_content_decides_between_png_and_jpeg(tmp_path):
    save(tmp_path / "a.jpg", GRAY, format="PNG")

    assert load(tmp_path / "a.jpg").X.tolist() == [GRAY.ravel().tolist()]


@pytest.mark.parametrize(
    ("image", "becomes"),
    [
        (Image.fromarray(GRAY > 5), np.where(GRAY > 5, 255, 0)),
        (Image.merge("LA", [Image.new("L", (4, 3), 100), Image.new("L", (4, 3), 0)]), np.full((3, 4), 255)),
        (Image.merge("LA", [Image.new("L", (4, 3), 100), Image.new("L", (4, 3), 255)]), np.full((3, 4), 100)),
        (Image.new("RGBA", (4, 3), (10, 20, 30, 255)), np.tile([10, 20, 30], (3, 4, 1))),
        (Image.new("RGBA", (4, 3), (0, 0, 0, 0)), np.full((3, 4, 3), 255)),
        (Image.new("RGB", (4, 3), (200, 0, 0)).quantize(2), np.tile([200, 0, 0], (3, 4, 1))),
    ],
    ids=["bits", "transparent gray", "opaque gray", "opaque colors", "transparent colors", "palette"],
)
def test_what_a_person_sees_on_white_paper(tmp_path, image, becomes):
    save(tmp_path / "a.png", image)

    rows = load(tmp_path)

    assert rows.image_shape == becomes.shape
    np.testing.assert_array_equal(rows.X, becomes.reshape(1, -1))


def test_the_orientation_of_the_camera_is_followed(tmp_path):
    """Orientation 6: the camera was held upright, its rows are columns."""
    image, exif = Image.fromarray(GRAY), Image.Exif()
    exif[0x0112] = 6
    save(tmp_path / "a.png", image, exif=exif)

    rows = load(tmp_path)

    assert rows.image_shape == (4, 3)
    np.testing.assert_array_equal(rows.X, np.rot90(GRAY, -1).reshape(1, -1))


def test_one_image_is_one_row_and_a_pattern_is_many(pets):
    assert load(pets / "dogs" / "rex.png").names == ["rex.png"]

    rows = load(f"{pets}/*/*.png")
    assert rows.names == [f"{pets}/cats/b.png", f"{pets}/dogs/rex.png"]
    assert rows.labels is None
    np.testing.assert_array_equal(rows.X, [(GRAY + 1).ravel(), GRAY.ravel()])


def test_more_images_than_are_decoded_at_once_come_in_order(tmp_path):
    for place in range(300):
        save(tmp_path / f"{place:03}.png", np.full((2, 2), place % 256, np.uint8))

    np.testing.assert_array_equal(load(tmp_path).X[:, 0], np.arange(300) % 256)


def test_hidden_files_are_passed_over_and_others_are_spoken_of(pets):
    (pets / ".DS_Store").write_text("")
    (pets / ".cache").mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load(pets)

    (pets / "README.txt").write_text("about")
    with pytest.warns(NarrowsWarning, match=r"pets' holds a file that is no PNG or JPEG image and is left out: 'README.txt'$"):
        assert len(load(pets).X) == 3
    for number in range(4):
        (pets / "cats" / f"{number}.txt").write_text("about")
    with pytest.warns(NarrowsWarning, match=r"holds 5 files that are no PNG or JPEG images and are left out: 'README.txt', .* and 2 more$"):
        load(pets)


def bomb(width: int, height: int) -> bytes:
    """Make a PNG that promises more pixels than anyone has room for."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def png() -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 30), np.uint8)).save(file, "PNG")
    return file.getvalue()


def jpeg() -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 30), np.uint8)).save(file, "JPEG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", r"b.png' is empty \(0 bytes\): copy it again, or leave it out"),
        (b"GIF89a" + bytes(50), r"b.png' is damaged or no PNG or JPEG image: save it again, or leave it out"),
        (png()[: len(png()) // 2], r"b.png' is cut short or damaged \(.*\): copy it again, or leave it out"),
        (jpeg()[: len(jpeg()) // 2], r"b.png' is cut short or damaged \(.*\): copy it again"),
        (png()[:60] + bytes(20) + png()[80:], r"b.png' is (cut short or damaged|damaged or no PNG)"),
        (bomb(9000, 9000), r"b.png' has 9000x9000 pixels; images of more than 67,108,864 pixels are not read: make it smaller first"),
        (bomb(12_000, 12_000), r"b.png' has 12000x12000 pixels; images of more than"),
        (bomb(60_000, 60_000), r"b.png' has too many pixels; images of more than 67,108,864 pixels"),
    ],
    ids=["empty", "a GIF", "half a PNG", "half a JPEG", "zeros inside", "large", "larger", "a bomb"],
)
def test_a_bad_image_is_refused_in_one_sentence(pets, content, words):
    """Nothing is decoded beyond the header of one that is too large."""
    (pets / "cats" / "b.png").write_bytes(content)

    with pytest.raises(ValueError, match=words) as caught:
        load(pets)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("whole", [png(), jpeg()], ids=["png", "jpeg"])
def test_an_image_cut_anywhere_gives_no_row(tmp_path, whole):
    for length in range(0, len(whole) - 12, len(whole) // 25):  # the last bytes of a PNG only say that it ends
        (tmp_path / "a.png").write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"a.png' is (empty|damaged|cut short)") as caught:
            load(tmp_path / "a.png")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "image", [Image.fromarray(GRAY.astype(np.uint16) * 5000), Image.frombytes("I;16", (4, 3), bytes(24))], ids=["values", "zeros"]
)
def test_sixteen_bits_are_refused(pets, image):
    """Half of their digits would be lost."""
    save(pets / "cats" / "b.png", image)

    with pytest.raises(ValueError, match=r"b.png' has 16 bits for each value, and images are read as 8: save it with 8, or put"):
        load(pets)


def test_images_of_another_size_are_named(pets):
    save(pets / "cats" / "b.png", np.zeros((5, 6), np.uint8))

    with pytest.raises(ValueError, match=r"cats/b.png' has 6x5 pixels and '.*cats/a.PNG' 4x3: all images need the same size; resize them"):
        load(pets)


def test_more_pixels_than_memory_is_a_sentence(pets, monkeypatch):
    def full(*arguments):
        raise MemoryError

    monkeypatch.setattr(image_files.np, "empty", full)

    with pytest.raises(ValueError, match=r"3 images of 3x4 need 0 GB of memory: make them smaller first"):
        load(pets)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (["notes.txt"], r"pets' is a folder without PNG or JPEG images; if it holds files of another kind, name one of them, or all by a"),
        ([], r"is a folder without PNG or JPEG images"),
        (["a.png", "cats/b.png"], r"holds images in itself \('a.png'\) and in subfolders \('cats'\), so that some have no label: move"),
        (
            ["cats/young/b.png"],
            r"cats/young' holds images two folders below '.*pets', where they have no label: give the folder .*pets/cats'",
        ),
    ],
    ids=["no images", "empty", "both ways", "too deep"],
)
def test_folders_that_leave_a_question_are_refused(tmp_path, files, words):
    (tmp_path / "pets").mkdir()
    for name in files:
        path = tmp_path / "pets" / name
        if path.suffix == ".png":
            save(path, GRAY)
        else:
            path.write_text("")

    with pytest.raises(ValueError, match=words) as caught:
        load(tmp_path / "pets")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("", r"is a folder of images, which has no label 'kind': its labels are the names of its subfolders, or stand in a file"),
        ("dogs/rex.png", r"rex.png' is an image, which has no label 'kind': give a folder whose subfolders are the labels, or name a file"),
    ],
)
def test_a_column_is_no_label_of_images(pets, source, words):
    with pytest.raises(ValueError, match=words):
        load(pets / source, label="kind")
    assert load(pets / source, label="kind", label_optional=True).X.shape[1] == 12
