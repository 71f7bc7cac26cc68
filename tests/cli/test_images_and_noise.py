"""``narrows fit`` on images, under noise, and with clean rows beside noisy ones."""

from __future__ import annotations

import json
import re
import tomllib

import numpy as np
import pytest
from tests.cli.conftest import Fitted, call

import narrows as package
from narrows.data import hold_out, load

CONV = ["--conv", "4", "--kernel-size", "3", "--epochs", "1", "--precision", "float32"]
DENSE = ["--layers", "4", "--epochs", "1", "--precision", "float32"]


@pytest.fixture(scope="session")
def convolutional(tmp_path_factory):
    """Fit the digits by convolutions under noise, with their labels, once for all tests."""
    path = tmp_path_factory.mktemp("conv") / "digits.narrows"
    said = call("fit", "digits", *CONV, "--components", "none", "--noise", "masking:0.3", "--supervised", "--head", "4", "-o", path)
    assert said.code == 0, said.err
    return Fitted(path, said)


@pytest.fixture
def arrays(tmp_path, rng):
    """Write images, the same as flat rows, and what noise makes of these."""
    images = rng.random((40, 4, 4)).astype(np.float32)
    for name, values in {
        "images": images,
        "turned": images.reshape(40, 2, 8),
        "rows": images.reshape(40, 16),
        "noisy": images.reshape(40, 16) * rng.random((40, 16)).astype(np.float32),
        "few": images.reshape(40, 16)[:30],
        "narrow": images.reshape(40, 16)[:, :8],
        "colors": rng.integers(0, 255, (40, 4, 4, 3), dtype=np.uint8),
    }.items():
        np.save(tmp_path / f"{name}.npy", values)
    return tmp_path


def same_bits(first, second) -> bool:
    one, other = (package.load(path)._network.weights for path in (first, second))
    return one.keys() == other.keys() and all((one[name] == other[name]).all() for name in one)


def test_convolutions_noise_and_labels_go_together(convolutional):
    made, out = package.load(convolutional.path), convolutional.said.out

    assert made.layers == package.Conv(4, image_shape=(8, 8))
    assert (made.n_components, made.noise, made.head.widths) == (None, package.Masking(0.3), (4,))
    assert re.search(r"\nencoder_1 +conv 3x3 +8x8x4 .*\nencoder_1_pooling +max pooling +4x4x4", out)
    assert "noise      masking, a share of 0.3; in training only\n" in out
    assert "accuracy of the head" in out


def test_info_tells_of_images_and_noise(narrows, convolutional):
    shown, values = narrows("info", convolutional.path).out, json.loads(narrows("info", convolutional.path, "--json").out)

    assert "images     8x8x1\n" in shown
    assert "noise      masking, a share of 0.3; in training only\n" in shown
    assert values["image_shape"] == [8, 8, 1]
    assert values["parameters"]["noise"] == {"class": "Masking", "strength": 0.3}
    assert values["parameters"]["layers"]["class"] == "Conv"


def test_such_a_run_is_repeated_from_its_bundle_and_from_its_settings(narrows, convolutional, tmp_path):
    assert narrows("-q", "fit", "--config", convolutional.path, "-o", "again.narrows").code == 0
    (tmp_path / "run.toml").write_text(narrows("info", convolutional.path, "--config").out)
    assert narrows("-q", "fit", "--config", "run.toml", "-o", "third.narrows").code == 0

    assert same_bits(convolutional.path, tmp_path / "again.narrows")
    assert same_bits(convolutional.path, tmp_path / "third.narrows")
    kept = tomllib.loads((tmp_path / "run.toml").read_text())
    assert (kept["n_components"], kept["noise"]) == ("none", {"kind": "masking", "strength": 0.3})
    assert (kept["layers"]["filters"], kept["layers"]["image_shape"]) == ([4], "none")  # the data say it, and so may others


def test_a_bundle_of_convolutions_is_put_to_use(narrows, convolutional, tmp_path):
    for command, output in {"encode": "codes.npy", "reconstruct": "back.npy", "predict": "kinds.npy"}.items():
        assert narrows("-q", command, convolutional.path, "digits", "--test", "-o", output).code == 0
    assert narrows("-q", "decode", convolutional.path, "codes.npy", "-o", "rows.npy").code == 0
    assert narrows("-q", "score", convolutional.path, "digits", "-o", "errors.csv").code == 0

    assert np.load(tmp_path / "codes.npy").shape == (359, 64)
    np.testing.assert_allclose(np.load(tmp_path / "rows.npy"), np.load(tmp_path / "back.npy"), rtol=1e-5, atol=1e-6)


def test_images_come_as_arrays_and_keep_their_shape(narrows, arrays):
    assert narrows("-q", "fit", "colors.npy", *CONV, "-o", "conv.narrows").code == 0
    assert narrows("-q", "fit", "images.npy", *DENSE, "-o", "dense.narrows").code == 0

    assert package.load(arrays / "conv.narrows").layers.image_shape == (4, 4, 3)
    assert package.load(arrays / "dense.narrows").image_shape_ == (4, 4, 1)
    done = narrows("encode", "dense.narrows", "turned.npy", "-o", "codes.npy")
    assert (done.code, "X holds images of shape (2, 8, 1), but Autoencoder was fitted on images (4, 4, 1)" in done.only_line) == (2, True)
    assert narrows("-q", "encode", "dense.narrows", "rows.npy", "-o", "codes.npy").code == 0


def test_flat_rows_are_images_if_it_is_said(narrows, arrays):
    assert narrows("-q", "fit", "rows.npy", *CONV, "--image-shape", "4x4").code == 0

    assert package.load(arrays / "rows.narrows").layers.image_shape == (4, 4, 1)
    assert tomllib.loads(narrows("info", "rows.narrows", "--config").out)["layers"]["image_shape"] == [4, 4, 1]


def test_a_recipe_of_convolutions_knows_the_images_of_named_sets(narrows, tmp_path):
    given = ["--recipe", "denoising", "--conv", "2", "--epochs", "1", "--noise", "0.1"]
    assert narrows("-q", "fit", "digits", *given).code == 0

    made, recipe = package.load(tmp_path / "digits.narrows"), package.recipe("denoising")
    assert made.layers == recipe.layers.replace(filters=(2,), image_shape=(8, 8))
    assert (made.noise, made.batch_size) == (package.Gaussian(0.1), 256)


def test_choices_that_both_kinds_of_layers_have_stay_where_one_takes_the_place_of_the_other(narrows, arrays):
    given = ["-q", "fit", "images.npy", "--epochs", "1"]
    assert narrows(*given, "--recipe", "small", "--conv", "2", "--set", "n_components=2", "-o", "conv.narrows").code == 0
    assert narrows(*given, "--recipe", "convolutional", "--layers", "3", "--components", "1", "-o", "dense.narrows").code == 0
    assert narrows("-q", "fit", "--config", "conv.narrows", "--layers", "3", "-o", "back.narrows").code == 0

    conv, dense, back = (package.load(arrays / f"{name}.narrows").layers for name in ("conv", "dense", "back"))
    common = {"kernel_initializer": "glorot_uniform", "bias_initializer": "zeros", "code_gain": 1.0, "mean_bias": False}
    assert conv == package.Conv(2, activation="tanh", image_shape=(4, 4), **common)
    assert dense == package.Dense(3, activation="relu", **common)
    assert back == package.Dense(3, activation="tanh", **common)


@pytest.mark.parametrize(
    ("given", "noise", "said"),
    [
        (["--noise", "0.4"], package.Gaussian(0.4), "noise      normal, of deviation 0.4, clipped to the range of the data; in"),
        (
            ["--noise", "gaussian:0.4", "--set", "noise.clip=false"],
            package.Gaussian(0.4, clip=False),
            "normal, of deviation 0.4; in training",
        ),
        (["--set", "noise.strength=0.2"], package.Gaussian(0.2), "of deviation 0.2"),
        (["--noise", "salt_and_pepper:0.1"], package.SaltAndPepper(0.1), "noise      salt and pepper, a share of 0.1; in training only"),
        (["--set", "noise.kind=masking", "--set", "noise.strength=0.5"], package.Masking(0.5), "masking, a share of 0.5"),
        (["--recipe", "denoising_dense", "--noise", "none"], None, "loss       bce"),
        (["--recipe", "map"], None, "neighbors  each of the 15 nearest may be drawn beside a row; they count 0.1"),
        (["--recipe", "denoising_dense", "--set", "noise.strength=0.1"], package.Gaussian(0.1), "of deviation 0.1"),
    ],
)
def test_noise_by_flags_and_by_name(narrows, arrays, given, noise, said):
    done = narrows("fit", "rows.npy", *given, "--layers", "4", "--epochs", "1")

    assert done.code == 0
    assert said in done.out
    assert ("noise  " in done.out) == (noise is not None)
    assert package.load(arrays / "rows.narrows").noise == noise


def test_noise_in_a_file_and_over_it(narrows, arrays):
    (arrays / "run.toml").write_text(
        'data = "rows.npy"\nepochs = 1\nlayers = [4]\n[noise]\nkind = "gaussian"\nstrength = 0.3\nclip = false\n'
    )

    assert narrows("-q", "fit", "--config", "run.toml", "-o", "file.narrows").code == 0
    assert narrows("-q", "fit", "--config", "file.narrows", "--noise", "masking:0.1", "-o", "flag.narrows").code == 0

    assert package.load(arrays / "file.narrows").noise == package.Gaussian(0.3, clip=False)
    assert package.load(arrays / "flag.narrows").noise == package.Masking(0.1)


def test_what_is_left_of_the_noise_is_measured_on_test_rows(narrows, arrays):
    done = narrows("fit", "rows.npy", "--noise", "0.3", *DENSE)

    assert done.code == 0
    said = re.search(r"under the noise of training: squared error (0\.\d{4}); reconstructed from there:\s+(0\.\d{4})\n", done.out)
    made, (_, test) = package.load(arrays / "rows.narrows"), hold_out(load(arrays / "rows.npy"))
    noisy = package.Gaussian(0.3).corrupt(test.X)
    errors = {"noisy": np.square(noisy - test.X).mean(), "cleaned": np.square(made.reconstruct(noisy) - test.X).mean()}
    assert said
    assert [float(figure) for figure in said.groups()] == pytest.approx(list(errors.values()), abs=6e-5)
    assert said[0] in narrows("info", "rows.narrows").out
    assert json.loads(narrows("info", "rows.narrows", "--json").out)["denoising"] == pytest.approx(errors, rel=1e-5)


def test_clean_rows_stand_beside_noisy_ones_and_are_held_out_with_them(narrows, arrays):
    done = narrows("fit", "noisy.npy", "--target", "rows.npy", *DENSE)

    assert done.code == 0
    assert "rebuilt as     rows.npy\n" in done.out
    made = package.load(arrays / "noisy.narrows")
    (noisy, noisy_test), (clean, clean_test) = (hold_out(load(arrays / f"{name}.npy")) for name in ("noisy", "rows"))
    fitted = package.Autoencoder(2, layers=(4,), epochs=1, precision="float32", random_state=0).fit(noisy.X, target=clean.X)
    assert made.history_["loss"] == fitted.history_["loss"]
    values = json.loads(narrows("info", "noisy.narrows", "--json").out)
    error = np.square(fitted.reconstruct(noisy_test.X) - clean_test.X).mean()
    assert values["quality"]["autoencoder"]["mean_squared_error"] == pytest.approx(error, rel=1e-5)
    assert "rebuilt as  rows.npy\n" in narrows("info", "noisy.narrows").out
    assert narrows("-q", "fit", "--config", "noisy.narrows", "-o", "again.narrows").code == 0
    assert same_bits(arrays / "noisy.narrows", arrays / "again.narrows")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rows.npy", "--conv", "4"], "convolutional layers need images, and rows.npy has rows of 16 numbers: say which images these are"),
        (["rows.npy", "--recipe", "convolutional"], "convolutional layers need images, and rows.npy has rows of 16 numbers"),
        (["rows.npy", "--conv", "4", "--image-shape", "5x5"], "image_shape=(5, 5, 1) is 25 numbers, but the rows have 16 features"),
        (
            ["images.npy", "--conv", "4", "--image-shape", "2x8"],
            "X holds images of shape (4, 4, 1), but image_shape of its layers says (2, 8, 1)",
        ),
        (["images.npy", "--conv", "4", "--kernel-size", "5"], "kernel_size=5 is larger than the images of 4x4: make it 4 or less"),
        (["images.npy", "--conv", "4,4,4"], "halves images 3 times, and those of 4x4 can be halved 2 times: use fewer filters"),
        (
            ["images.npy", "--kernel-size", "3"],
            "layers.kernel_size is a choice of convolutional layers, and these are dense: name filters too",
        ),
        (
            ["images.npy", "--recipe", "denoising", "--set", "layers.tied=true"],
            "layers.tied is a choice of dense layers, and these are conv",
        ),
        (["images.npy", "--set", "layers.widths=[4]", "--conv", "4"], "layers.widths makes layers dense and layers.filters convolutional"),
        (["images.npy", "--components", "none"], "n_components = 'none' makes the last feature map of convolutional layers the code, and"),
        (["images.npy", "--recipe", "convolutional", "--layers", "4"], "and these are dense: say how many"),
        (
            ["images.npy", "--conv", "4", "--test", "turned.npy"],
            "turned.npy holds images of 2x8 and images.npy of 4x4: give test images of one",
        ),
        (["rows.npy", "--noise", "brown:1"], "--noise: noise must be a strength such as 0.4 (normal noise, 'gaussian:0.4'), 'masking:0.3'"),
        (["rows.npy", "--noise", "masking"], "'masking:0.3', 'salt_and_pepper:0.3' or 'none', got \"masking\""),
        (["rows.npy", "--noise", "-1"], "the strength of Gaussian must be a finite number of at least 0, got -1"),
        (["rows.npy", "--noise", "nan"], "the strength of Gaussian must be a finite number of at least 0, got nan"),
        (["rows.npy", "--noise", "masking:1.5"], "the strength of Masking must be a number in [0, 1], got 1.5"),
        (["rows.npy", "--noise", "masking:0.1", "--set", "noise.clip=true"], "noise.clip is no choice of Masking: leave it out"),
        (
            ["rows.npy", "--set", "noise.kind=masking"],
            "noise.strength is missing: say how strong Masking is to be, as in noise.strength = 0.3",
        ),
        (["rows.npy", "--noise", "0.1", "--set", "noise.strength=0.2"], "--set noise.strength is given by another flag too: give it once"),
        (["noisy.npy", "--target", "few.npy"], "few.npy has 30 rows and noisy.npy 40: --target needs a clean row for each, in their order"),
        (["noisy.npy", "--target", "narrow.npy"], "narrow.npy has 8 columns and noisy.npy 16: give target rows of the same kind"),
        (["noisy.npy", "--target", "rows.npy", "--test", "few.npy"], "--target gives no clean rows for --test: leave --test out"),
        (["noisy.npy", "--target", "rows.npy", "--validation", "few.npy"], "--target gives no clean rows for --validation"),
        (["noisy.npy", "--target", "noisy.narrows"], "noisy.narrows"),
    ],
)
def test_what_does_not_go_together_is_one_line_and_2(narrows, arrays, arguments, message):
    done = narrows("-q", "fit", *arguments)

    assert done.code == 2
    assert message in done.only_line
    assert not list(arrays.glob("*.narrows"))
