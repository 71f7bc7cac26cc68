"""Bundles: what is saved comes back bit for bit, and nothing else comes back at all."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path

import numpy as np
import pytest

import narrows
from narrows import Autoencoder, Dense, Gaussian, Masking, SupervisedAutoencoder, SupervisedAutoencoderRegressor, _bundle_file, bundle
from narrows.diagnostics import Verdict
from narrows.errors import BundleError

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="module")
def rows():
    return np.random.default_rng(0).random((60, 7))


@pytest.fixture(scope="module")
def fitted(rows):
    layers = Dense(6, 4, activation="tanh", dropout=0.2, batch_normalization=True, l2=1e-3)
    return Autoencoder(2, layers=layers, epochs=2, random_state=0).fit(rows)


@pytest.fixture
def saved(fitted, tmp_path):
    path = tmp_path / "model.narrows"
    fitted.save(path)
    return path


def resigned(content: bytes, change) -> bytes:
    """A bundle whose manifest was changed by somebody who knows how to sign."""
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    manifest = json.loads(header["__metadata__"]["narrows"].partition(" ")[2])
    change(header, manifest)
    header["__metadata__"] = {"narrows": f"sha256:{'0' * 64} {json.dumps(manifest)}"}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return _bundle_file.signed(len(text).to_bytes(8, "little") + text + content[8 + size :])


def test_everything_comes_back(fitted, saved, rows):
    """A loaded estimator has the same parameters, attributes and bits."""
    loaded = narrows.load(saved)

    np.testing.assert_array_equal(loaded.transform(rows), fitted.transform(rows))
    np.testing.assert_array_equal(loaded.reconstruct(rows), fitted.reconstruct(rows))
    assert loaded.get_params() == fitted.get_params()
    for name in ("history_", "loss_", "output_activation_", "scale_", "precision_", "n_parameters_", "n_epochs_", "best_epoch_"):
        assert getattr(loaded, name) == getattr(fitted, name), name
    assert loaded.diagnostics_ == fitted.diagnostics_
    assert loaded.summary() == fitted.summary()


def test_a_loaded_estimator_goes_on_learning(saved, rows):
    """A bundle is a whole estimator: partial_fit and fit work on it."""
    loaded = narrows.load(saved)
    before = loaded.transform(rows)

    assert not np.array_equal(loaded.partial_fit(rows).transform(rows), before)
    assert loaded.set_params(epochs=1).fit(rows).n_epochs_ == 1


def test_saving_twice_gives_the_same_bytes(fitted, tmp_path):
    fitted.save(tmp_path / "a.narrows")
    fitted.save(tmp_path / "b.narrows")

    assert (tmp_path / "a.narrows").read_bytes() == (tmp_path / "b.narrows").read_bytes()


def test_metadata_is_kept_and_infinities_become_null(fitted, tmp_path):
    narrows.save(fitted, tmp_path / "m.narrows", metadata={"source": "here", "figures": {"a": 1.5, "b": float("nan")}})

    assert bundle.read_manifest(tmp_path / "m.narrows").metadata == {"source": "here", "figures": {"a": 1.5, "b": None}}


@pytest.fixture(scope="module")
def overflowed(rows):
    """Fitted well, but a validation row's squared error is beyond float32."""
    validation = rows[:20].copy()
    validation[0] = 1e30
    return Autoencoder(2, layers=(4,), loss="mse", epochs=2, random_state=0).fit(rows, validation_data=validation)


def test_a_history_that_is_not_finite_comes_back(overflowed, rows, tmp_path):
    path = tmp_path / "overflowed.narrows"
    overflowed.save(path)
    loaded = narrows.load(path)

    assert overflowed.history_["val_loss"] == [np.inf, np.inf]
    assert loaded.history_ == overflowed.history_
    np.testing.assert_array_equal(loaded.transform(rows), overflowed.transform(rows))
    loaded.save(tmp_path / "again.narrows")
    assert (tmp_path / "again.narrows").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, 1e300, 5e-324, -0.0, 0.1])
def test_every_measured_number_comes_back(overflowed, tmp_path, value):
    """Losses and the figures of verdicts, bit for bit."""
    changed = copy.copy(overflowed)
    changed.history_ = {"loss": [value, 0.5]}
    changed.diagnostics_ = [Verdict("collapse", "note", "It was measured.", figures={"error": value})]
    changed.save(tmp_path / "changed.narrows")
    loaded = narrows.load(tmp_path / "changed.narrows")

    for number in (loaded.history_["loss"][0], loaded.diagnostics_[0].figures["error"]):
        assert np.float64(number).tobytes() == np.float64(value).tobytes()


def test_the_null_that_once_stood_for_infinities_is_read_as_nan(saved):
    """Version 0.1.0 wrote it, and refused to read it."""

    def lose(header, manifest):
        manifest["state"]["learned"]["history"]["val_loss"] = [None, 0.5]

    saved.write_bytes(resigned(saved.read_bytes(), lose))

    np.testing.assert_equal(narrows.load(saved).history_["val_loss"], [np.nan, 0.5])


def test_feature_names_and_keras_objects_come_back(rows, tmp_path):
    """Optimizers, schedules and losses of Keras are kept as configurations."""
    import keras
    import pandas as pd

    frame = pd.DataFrame(rows, columns=list("abcdefg"))
    schedule = keras.optimizers.schedules.CosineDecay(0.01, 100)
    optimizer = keras.optimizers.SGD(momentum=0.5)
    fitted = Autoencoder(2, layers=(4,), epochs=1, optimizer=optimizer, schedule=schedule, loss=keras.losses.Huber(delta=0.5)).fit(frame)
    fitted.save(tmp_path / "k.narrows")
    loaded = narrows.load(tmp_path / "k.narrows")

    assert list(loaded.feature_names_in_) == list("abcdefg")
    assert loaded.optimizer.get_config() == optimizer.get_config()
    assert loaded.schedule.get_config() == schedule.get_config()
    assert loaded.loss.get_config() == fitted.loss.get_config()
    assert loaded.loss_ == "Huber"


@pytest.mark.parametrize("twentieth", range(20))
def test_a_bundle_cut_short_is_refused(saved, twentieth):
    content = saved.read_bytes()
    saved.write_bytes(content[: len(content) * twentieth // 20])

    with pytest.raises(BundleError, match=r"damaged|cut off|not a bundle"):
        narrows.load(saved)


def test_a_bundle_with_any_byte_flipped_is_refused(saved):
    """Every byte of the header's first kilobyte, and every 37th of the rest."""
    content = saved.read_bytes()
    for place in [*range(1024), *range(1024, len(content), 37), len(content) - 1]:
        flipped = bytearray(content)
        flipped[place] ^= 1 << (place % 8)
        saved.write_bytes(flipped)
        with pytest.raises(BundleError):
            bundle.read_manifest(saved)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda header, manifest: manifest["state"].update(estimator="Evil"), "unknown class 'Evil'"),
        (lambda header, manifest: manifest.update(format=2), "format 2, and this narrows reads format 1: pip install -U narrows"),
        (lambda header, manifest: manifest.update(more=1), "Extra inputs are not permitted"),
        (lambda header, manifest: manifest["state"]["params"].update(more=1), "unknown parameter 'more'"),
        (lambda header, manifest: manifest["state"]["params"].update(layers={"choices": "os", "values": {}}), "unknown class 'os'"),
        (lambda header, manifest: manifest["state"]["params"].update(layers={"pickle": "gASV"}), "no kind that this version knows"),
        (lambda header, manifest: manifest["state"]["plan"]["encoder"][0].update(kind="lambda"), "does not match any of the expected tags"),
        (lambda header, manifest: manifest["state"]["plan"]["encoder"][0].update(units=10**9), "takes 6 values where 1000000000 come in"),
        (
            lambda header, manifest: manifest["state"]["params"].update(
                optimizer={"keras": {"class_name": "system", "module": "os", "config": {}, "registered_name": "system"}}
            ),
            "names the class os.system",
        ),
        (
            lambda header, manifest: manifest["state"]["params"].update(
                loss={"keras": {"class_name": "Lambda", "module": "keras.layers", "config": {}, "registered_name": None}}
            ),
            "names the class keras.layers.Lambda",
        ),
    ],
)
def test_what_is_not_known_is_refused_though_signed(saved, change, words):
    """A checksum proves that a file is whole, not that it means well."""
    saved.write_bytes(resigned(saved.read_bytes(), change))

    with pytest.raises(BundleError) as caught:
        narrows.load(saved)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_weights_that_are_not_finite_are_refused(saved):
    content = bytearray(saved.read_bytes())
    size = int.from_bytes(content[:8], "little")
    start = json.loads(content[8 : 8 + size])["weights/code/kernel"]["data_offsets"][0]
    content[8 + size + start : 8 + size + start + 4] = np.float32(np.nan).tobytes()
    saved.write_bytes(resigned(bytes(content), lambda header, manifest: None))

    with pytest.raises(BundleError, match="not finite"):
        narrows.load(saved)


@pytest.mark.parametrize("content", [b"", b"x", b"PK\x03\x04" * 9, pickle.dumps({"a": 1}), b"\xff" * 64, b"\x02\0\0\0\0\0\0\0{}"])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "other.narrows"
    path.write_bytes(content)

    with pytest.raises(BundleError, match="not a bundle"):
        narrows.load(path)


def test_a_missing_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        narrows.load(tmp_path / "nowhere.narrows")


def test_an_unfitted_estimator_cannot_be_saved(tmp_path):
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        narrows.save(Autoencoder(), tmp_path / "a.narrows")
    assert not list(tmp_path.iterdir())


def own_activation(x):
    """A function that no file can hold."""
    return x * 0.5


@pytest.mark.parametrize(
    "params",
    [
        {"layers": Dense(4, activation=own_activation)},
        {"code_activation": own_activation},
        {"loss": lambda target, row: abs(target - row).mean(-1)},
    ],
)
def test_a_function_of_ones_own_is_refused_in_one_sentence(rows, tmp_path, params):
    """It trains, but it cannot be saved; the earlier file stays."""
    fitted = Autoencoder(2, **{"layers": (4,), "epochs": 1, **params}).fit(rows)
    (tmp_path / "a.narrows").write_bytes(b"earlier")

    with pytest.raises(ValueError, match="of your own, which a file cannot hold safely"):
        fitted.save(tmp_path / "a.narrows")
    assert (tmp_path / "a.narrows").read_bytes() == b"earlier"
    assert len(list(tmp_path.iterdir())) == 1


class OwnPair:
    """A user's own networks."""

    def __init__(self, custom=None):
        self.custom = custom

    def build(self, n_features, n_components):
        import keras

        layers = [keras.layers.Dense(5, activation="relu"), *([self.custom()] if self.custom else []), keras.layers.Dense(n_components)]
        encoder = keras.Sequential([keras.Input((n_features,)), *layers])
        return encoder, keras.Sequential([keras.Input((n_components,)), keras.layers.Dense(n_features)])


def test_ones_own_keras_models_come_back(rows, tmp_path):
    fitted = Autoencoder(2, layers=OwnPair(), epochs=1, random_state=0).fit(rows)
    fitted.save(tmp_path / "own.narrows")

    np.testing.assert_array_equal(narrows.load(tmp_path / "own.narrows").transform(rows), fitted.transform(rows))


def test_ones_own_layers_need_to_be_named_to_come_back(rows, tmp_path):
    import keras

    class Half(keras.layers.Layer):
        def call(self, inputs):
            return inputs / 2

    fitted = Autoencoder(2, layers=OwnPair(Half), epochs=1, random_state=0).fit(rows)
    fitted.save(tmp_path / "own.narrows")

    with pytest.raises(BundleError, match=r"custom_objects=.'Half': Half."):
        narrows.load(tmp_path / "own.narrows")
    loaded = narrows.load(tmp_path / "own.narrows", custom_objects={"Half": Half})
    np.testing.assert_array_equal(loaded.transform(rows), fitted.transform(rows))


def test_lambda_layers_are_not_saved(rows, tmp_path):
    import keras

    fitted = Autoencoder(2, layers=OwnPair(lambda: keras.layers.Lambda(lambda x: x)), epochs=1, random_state=0).fit(rows)

    with pytest.raises(ValueError, match="function of your own"):
        fitted.save(tmp_path / "own.narrows")


def test_load_by_class_refuses_another_class(saved):
    class Another(Autoencoder):
        pass

    with pytest.raises(BundleError, match="holds a Autoencoder, not a Another"):
        Another.load(saved)


def test_a_folder_that_is_not_there_is_an_error_and_leaves_nothing(fitted, tmp_path):
    with pytest.raises(FileNotFoundError):
        fitted.save(tmp_path / "nowhere" / "a.narrows")


def test_a_full_disk_leaves_the_earlier_bundle(fitted, mount):
    """No space left: an error, no partial file, what stood there stays."""
    small = mount("size=16k")
    (small / "a.narrows").write_bytes(b"earlier")

    with pytest.raises(OSError, match="No space left"):
        narrows.save(fitted, small / "a.narrows", metadata={"filling": "x" * 40_000})
    assert [path.name for path in small.iterdir()] == ["a.narrows"]
    assert (small / "a.narrows").read_bytes() == b"earlier"


def test_the_golden_bundle_of_format_1_still_loads():
    """What version 0.1.0 wrote is read by all later versions."""
    expected = np.load(GOLDEN / "v1.npz")
    loaded = narrows.load(GOLDEN / "v1.narrows")

    np.testing.assert_allclose(loaded.transform(expected["rows"]), expected["codes"], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(loaded.reconstruct(expected["rows"]), expected["reconstruction"], rtol=1e-4, atol=1e-4)
    assert loaded.layers == Dense(8, 5, activation="tanh", dropout=0.1, batch_normalization=True, tied=True, l2=1e-4)


SMALL = {"layers": (4,), "head": (3,), "epochs": 1, "random_state": 0}
LABELS = {
    "integers": np.arange(60) % 3 * 10,
    "small integers": (np.arange(60) % 3).astype(np.int8),
    "whole floats": np.arange(60) % 3 / 1.0,
    "strings": np.array(["few", "many", "more"])[np.arange(60) % 3],
    "strings as objects": np.array(["few", "many", "more"], object)[np.arange(60) % 3],
    "booleans": np.arange(60) % 2 == 0,
    "one-hot rows": np.eye(3)[np.arange(60) % 3],
    "some without": [None if row % 4 else row % 8 for row in range(60)],
}


@pytest.mark.parametrize("kind", LABELS)
def test_classes_of_every_kind_come_back(rows, tmp_path, kind):
    fitted = SupervisedAutoencoder(**SMALL).fit(rows, LABELS[kind])
    fitted.save(tmp_path / "c.narrows")
    loaded = SupervisedAutoencoder.load(tmp_path / "c.narrows")

    assert loaded.classes_.dtype == fitted.classes_.dtype
    np.testing.assert_array_equal(loaded.classes_, fitted.classes_)
    np.testing.assert_array_equal(loaded.predict(rows), fitted.predict(rows))
    np.testing.assert_array_equal(loaded.predict_proba(rows), fitted.predict_proba(rows))
    np.testing.assert_array_equal(loaded.transform(rows), fitted.transform(rows))
    np.testing.assert_equal(loaded.history_, fitted.history_)
    assert loaded.score(rows, LABELS[kind]) == fitted.score(rows, LABELS[kind])


def test_all_that_a_head_and_noise_are_chosen_by_comes_back(rows, tmp_path):
    choices = {
        "head": Dense(3, activation="tanh", dropout=0.5),
        "noise": Gaussian(0.2, clip=False),
        "class_weight": {0: 2.0, np.int64(1): 1},
        "unlabeled": np.int64(-1),
        "reconstruction_weight": 0.5,
        "label_weight": 0.2,
    }
    fitted = SupervisedAutoencoder(**{**SMALL, **choices}).fit(rows, np.arange(60) % 3 - 1)
    fitted.save(tmp_path / "h.narrows")
    loaded = narrows.load(tmp_path / "h.narrows")

    assert loaded.get_params() == fitted.get_params()
    assert loaded.summary() == fitted.summary()
    assert loaded.partial_fit(rows, np.arange(60) % 3 - 1).classes_.tolist() == [0, 1]


@pytest.mark.parametrize("outputs", [1, 2])
def test_numbers_to_predict_come_back_in_their_units(rows, tmp_path, outputs):
    numbers = (1e3 + 7 * rows[:, :outputs]).squeeze()
    fitted = SupervisedAutoencoderRegressor(**SMALL, noise=Masking(0.1)).fit(rows, numbers)
    fitted.save(tmp_path / "n.narrows")
    loaded = narrows.load(tmp_path / "n.narrows")

    assert loaded.predict(rows).shape == numbers.shape
    np.testing.assert_array_equal(loaded.predict(rows), fitted.predict(rows))
    assert loaded.noise == Masking(0.1)
    loaded.partial_fit(rows, numbers)


@pytest.mark.parametrize("kind", [SupervisedAutoencoder, SupervisedAutoencoderRegressor])
def test_ones_own_keras_models_come_back_with_their_head(rows, tmp_path, kind):
    fitted = kind(**{**SMALL, "layers": OwnPair()}).fit(rows, np.arange(60) % 3)
    fitted.save(tmp_path / "own.narrows")
    loaded = narrows.load(tmp_path / "own.narrows")

    np.testing.assert_array_equal(loaded.predict(rows), fitted.predict(rows))
    np.testing.assert_array_equal(loaded.reconstruct(rows), fitted.reconstruct(rows))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda learned: learned.update(labels=None), "its SupervisedAutoencoder and its head do not belong together"),
        (lambda learned: learned["labels"].update(classes=[0, 10]), "its head predicts 3 classes, and it names 2"),
        (lambda learned: learned["labels"].update(classes=[0, 20, 10]), "its classes are not in order, or not of the type int64"),
        (lambda learned: learned["labels"].update(classes=["a", "b", "c"]), "is not a bundle that this version can use"),
        (lambda learned: learned["labels"].update(kind="object"), "is not a bundle that this version can use"),
        (lambda learned: learned["labels"].update(kind=None), "its head predicts 3 classes, and it names"),
    ],
)
def test_classes_that_do_not_fit_the_head_are_refused(rows, tmp_path, change, words):
    path = tmp_path / "c.narrows"
    SupervisedAutoencoder(**SMALL).fit(rows, LABELS["integers"]).save(path)
    path.write_bytes(resigned(path.read_bytes(), lambda header, manifest: change(manifest["state"]["learned"])))

    with pytest.raises(BundleError, match=words):
        narrows.load(path)


def test_convolutions_with_a_head_come_back(tmp_path):
    random = np.random.default_rng(0)
    images, labels = random.integers(0, 256, (40, 6, 5, 2), dtype=np.uint8), np.array(["a", "b"])[random.integers(0, 2, 40)]
    layers = narrows.Conv(4, 3, kernel_size=2, batch_normalization=True)
    made = narrows.SupervisedAutoencoder(None, layers=layers, epochs=1, random_state=0).fit(images, labels)

    made.save(tmp_path / "images.narrows")
    loaded = narrows.load(tmp_path / "images.narrows")

    for name in ("transform", "reconstruct", "predict", "predict_proba"):
        np.testing.assert_array_equal(getattr(loaded, name)(images), getattr(made, name)(images))
    assert loaded.get_params() == made.get_params()
    assert loaded.image_shape_ == (6, 5, 2)
    assert loaded.summary() == made.summary()
    assert not np.array_equal(loaded.partial_fit(images.reshape(40, -1), labels).transform(images), made.transform(images))
