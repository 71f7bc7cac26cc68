"""Autoencoders of images: arrays of images at the door, flat rows inside, and all that other estimators can do."""

from __future__ import annotations

import pickle

import keras
import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from tests.estimators.conftest import quick

import narrows
from narrows import Autoencoder, Conv, SupervisedAutoencoder
from narrows.training import program

HEIGHT, WIDTH, CHANNELS = 7, 6, 3
SMALL = Conv(4, kernel_size=2)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    """Fifty small colour images of uint8: a spot at some place, of some colour."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    places, colours = rng.uniform(0, 6, (50, 2, 1, 1)), rng.uniform(0.2, 1, (50, 1, 1, CHANNELS))
    spots = np.exp(-((y - places[:, 0]) ** 2 + (x - places[:, 1]) ** 2) / 4)[..., None] * colours
    return (255 * spots).astype(np.uint8)


@pytest.fixture(scope="module")
def fitted(images) -> Autoencoder:
    return quick(layers=SMALL).fit(images)


def test_images_and_rows_are_the_same_thing(images, fitted):
    """Arrays of images need no image_shape; rows need one, and then give the same bits."""
    rows = images.reshape(len(images), -1)

    told = quick(layers=SMALL.replace(image_shape=(HEIGHT, WIDTH, CHANNELS))).fit(rows)

    assert fitted.image_shape_ == told.image_shape_ == (HEIGHT, WIDTH, CHANNELS)
    assert fitted.n_features_in_ == told.n_features_in_ == HEIGHT * WIDTH * CHANNELS
    for made in (fitted, told):
        np.testing.assert_array_equal(made.transform(images), fitted.transform(rows))
        np.testing.assert_array_equal(made.reconstruct(images), fitted.reconstruct(rows))
        assert made.scale_ == "bytes"


def test_rows_stay_flat_outside_and_come_back_in_their_own_size(images, fitted):
    codes, rebuilt = fitted.transform(images), fitted.reconstruct(images)

    assert codes.shape == (50, 2)
    assert rebuilt.shape == (50, HEIGHT * WIDTH * CHANNELS)
    np.testing.assert_allclose(fitted.inverse_transform(codes), rebuilt, rtol=1e-5)
    assert fitted.reconstruction_error(images).shape == (50,)
    assert fitted.reconstruction_error(images, per_feature=True).shape == rebuilt.shape
    assert fitted.score(images) == fitted.score(images.reshape(50, -1))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint16])
def test_images_of_other_numbers_are_taken(images, dtype):
    made = quick(layers=SMALL, epochs=1).fit(images.astype(dtype) / (1 if dtype == np.uint16 else 255))

    assert made.scale_ == ("standard" if dtype == np.uint16 else "none")


def test_grey_images_may_come_without_channels(images):
    grey = images[..., 0]

    one, other = (quick(layers=SMALL, epochs=1).fit(given) for given in (grey, grey[..., None]))

    assert one.image_shape_ == other.image_shape_ == (HEIGHT, WIDTH, 1)
    np.testing.assert_array_equal(one.transform(grey), other.transform(grey[..., None]))


LAYERS = {
    "pooled twice": Conv(4, 3, activation="relu"),
    "strided": Conv(4, 3, strided=True),
    "normalized, dropout": Conv(4, batch_normalization=True, dropout=0.2),
    "even kernel, penalty": Conv(4, kernel_size=4, l2=1e-3),
}


@pytest.mark.parametrize("layers", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("n_components", [None, 3])
def test_it_learns_in_every_form_and_repeats_its_bits(images, layers, n_components):
    fits = [quick(layers=layers, n_components=n_components, epochs=12, learning_rate=0.01).fit(images) for _ in range(2)]

    loss = fits[0].history_["loss"]
    assert loss[-1] < loss[0]
    assert fits[1].history_ == fits[0].history_
    np.testing.assert_array_equal(fits[1].transform(images), fits[0].transform(images))
    alone = np.concatenate([fits[0].transform(image[None]) for image in images[:3]])
    np.testing.assert_array_equal(alone, fits[0].transform(images)[:3])


def test_without_components_the_code_is_the_feature_map(images):
    made = quick(layers=Conv(4, 3), n_components=None, epochs=1).fit(images)

    assert made.transform(images).shape == (50, 2 * 2 * 3)
    assert len(made.get_feature_names_out()) == 12
    activated = made.encoder_.get_layer("encoder_2_pooling")(
        keras.Model(made.encoder_.input, made.encoder_.get_layer("encoder_2").output)(images.reshape(50, -1).astype(np.float32))
    )
    np.testing.assert_allclose(made.transform(images), np.array(activated).reshape(50, -1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("n_components", [None, 2])
def test_the_keras_models_agree(images, n_components):
    made = quick(layers=Conv(4, 3, batch_normalization=True), n_components=n_components).fit(images)
    rows = images.reshape(50, -1).astype(np.float32)

    codes, rebuilt = made.transform(images), made.reconstruct(images)

    np.testing.assert_allclose(made.encoder_(rows), codes, atol=1e-4 * codes.std())
    np.testing.assert_allclose(made.decoder_(codes), rebuilt, atol=1e-4 * rebuilt.std())
    np.testing.assert_allclose(made.autoencoder_(rows), rebuilt, atol=1e-4 * rebuilt.std())
    assert made.autoencoder_.count_params() >= made.n_parameters_


def test_images_may_come_wherever_rows_may(images):
    rows = images.reshape(50, -1)

    made = quick(layers=SMALL, epochs=1).fit(images, validation_data=(images[:9], images[:9]), target=images)

    assert "val_loss" in made.history_
    same = quick(layers=SMALL.replace(image_shape=images.shape[1:]), epochs=1).fit(rows, validation_data=rows[:9], target=rows)
    assert same.history_ == made.history_


def test_batch_by_batch(images):
    """The first call says what the images are; rows may follow."""
    made = quick(layers=SMALL).partial_fit(images[:20])

    made.partial_fit(images[20:].reshape(30, -1)).partial_fit(images[:1])

    assert made.n_epochs_ == 3
    assert made.image_shape_ == (HEIGHT, WIDTH, CHANNELS)
    with pytest.raises(ValueError, match=r"X holds images of shape \(6, 7, 3\), but Autoencoder was fitted on images \(7, 6, 3\)"):
        made.partial_fit(images.swapaxes(1, 2))


def test_noise_and_labels_go_with_convolutions(images):
    labels = np.where(images[..., 0].mean((1, 2)) > 40, "red", "dark")

    made = SupervisedAutoencoder(layers=SMALL, noise=0.1, epochs=2, batch_size=16, random_state=0).fit(images, labels)

    assert made.predict_proba(images).shape == (50, 2)
    assert made.transform(images).shape == (50, 2)
    assert made.score(images.reshape(50, -1), labels) == made.score(images, labels)
    assert set(made.autoencoder_(images.reshape(50, -1).astype(np.float32))) == {"reconstruction", "probabilities"}


def test_dense_layers_take_images_too(images):
    made = quick().fit(images)

    assert made.image_shape_ == (HEIGHT, WIDTH, CHANNELS)
    np.testing.assert_array_equal(made.transform(images), made.transform(images.reshape(50, -1)))


def test_rows_without_a_shape_have_none(table):
    assert quick().fit(table).image_shape_ is None


@pytest.mark.parametrize(
    ("layers", "given", "words"),
    [
        (SMALL, (50, 126), r"Conv does not know which images these rows of 126 features are: give the images as an array of shape"),
        (SMALL.replace(image_shape=(7, 6)), (50, 126), r"image_shape=\(7, 6, 1\) is 42 numbers, but the rows have 126 features"),
        (SMALL.replace(image_shape=(6, 7, 3)), (50, 7, 6, 3), r"X holds images of shape \(7, 6, 3\), but image_shape of its layers says"),
        (Conv(4, kernel_size=7), (50, 7, 6, 3), r"kernel_size=7 is larger than the images of 7x6: make it 6 or less"),
        (Conv(4, 4, 4, 4), (50, 7, 6, 3), r"Conv\(4, 4, 4, 4\) halves images 4 times, and those of 7x6 can be halved 3 times"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_in_fit(images, layers, given, words):
    with pytest.raises(ValueError, match=words):
        quick(layers=layers).fit(images.reshape(given))


def test_what_does_not_fit_is_refused_afterwards(images, fitted):
    with pytest.raises(
        ValueError,
        match=r"X holds images of shape \(6, 7, 3\), but Autoencoder was fitted on images \(7, 6, 3\): give images of .*, channels last",
    ):
        fitted.transform(images.swapaxes(1, 2))
    with pytest.raises(ValueError, match="X has 42 features, but Autoencoder is expecting 126"):
        fitted.reconstruct(images[..., 0].reshape(50, -1))
    with pytest.raises(ValueError, match=r"X holds images of shape \(7, 6, 1\)"):
        fitted.reconstruct(images[..., 0])
    with pytest.raises(ValueError, match=r"target holds images of shape \(7, 6, 1\), and X of \(7, 6, 3\)"):
        clone(fitted).fit(images, target=images[..., 0])
    with pytest.raises(ValueError, match=r"X holds images of shape \(6, 7, 3\)"):
        clone(fitted).fit(images, validation_data=images.swapaxes(1, 2))
    with pytest.raises(ValueError, match=r"codes have 3 columns, but Autoencoder gives codes of 2 components"):
        fitted.inverse_transform(np.zeros((4, 3)))


def test_a_feature_map_as_code_needs_convolutions(table):
    with pytest.raises(ValueError, match=r"n_components=None makes the feature map of convolutional layers the code.* or layers=Conv"):
        quick(n_components=None).fit(table)


def test_going_on_keeps_to_the_images(images):
    made = quick(layers=SMALL, warm_start=True, epochs=1).fit(images)

    made.fit(images)
    with pytest.raises(ValueError, match=r"was fitted on images \(7, 6, 3\)"):
        made.fit(images.swapaxes(1, 2))
    made.set_params(warm_start=False).fit(images.swapaxes(1, 2))

    assert made.image_shape_ == (WIDTH, HEIGHT, CHANNELS)


def test_a_search_reaches_inside_and_shares_programs(images):
    """2 kernel sizes x 2 penalties x 2 folds: two programs, and one for all rows."""
    rows = images.reshape(50, -1)
    program._programs.clear()
    before = program.compilations["train"]
    made = quick(layers=Conv(4, image_shape=images.shape[1:]), epochs=1)
    grid = {"layers__kernel_size": [1, 2], "layers__l2": [1e-4, 1e-3]}

    search = GridSearchCV(made, grid, cv=2, error_score="raise").fit(rows)

    assert program.compilations["train"] - before == 3
    assert search.best_estimator_.layers.kernel_size in (1, 2)
    assert search.best_estimator_.transform(images).shape == (50, 2)


def test_in_a_pipeline(images):
    rows, labels = images.reshape(50, -1), images[..., 0].mean((1, 2)) > 40
    with sklearn.config_context(transform_output="default"):
        made = make_pipeline(MinMaxScaler(), quick(layers=Conv(4, image_shape=images.shape[1:])), LogisticRegression())

        made.fit(rows, labels).set_params(autoencoder__layers__strided=True).fit(rows, labels)

    assert made.predict(rows).shape == (50,)
    assert made[1].layers == Conv(4, image_shape=images.shape[1:], strided=True)


def test_copies_are_exact(images, fitted, tmp_path):
    path = tmp_path / "model.narrows"
    fitted.save(path)

    for copy in (pickle.loads(pickle.dumps(fitted)), narrows.load(path)):
        assert copy.get_params() == fitted.get_params()
        assert copy.image_shape_ == fitted.image_shape_
        np.testing.assert_array_equal(copy.transform(images), fitted.transform(images))
        np.testing.assert_array_equal(copy.reconstruct(images), fitted.reconstruct(images))
        with pytest.raises(ValueError, match="was fitted on images"):
            copy.transform(images.swapaxes(1, 2))
    assert clone(fitted).get_params() == fitted.get_params()
    assert not hasattr(clone(fitted), "image_shape_")


def test_a_linear_path_begins_as_pca(images):
    """With a linear output it runs beside by default: one epoch at no learning rate leaves PCA."""
    from sklearn.decomposition import PCA

    rows = images.reshape(50, -1) / 255 - 0.5
    made = quick(layers=SMALL, n_components=3, scale=None, learning_rate=1e-30, schedule="constant", epochs=1).fit(
        rows.reshape(images.shape)
    )
    pca = PCA(3).fit(rows)

    np.testing.assert_allclose(made.reconstruct(rows), pca.inverse_transform(pca.transform(rows)), atol=1e-4)


def test_verdicts_are_given(images):
    """A code that says nothing is found out, convolutions or not."""
    with pytest.warns(narrows.errors.CollapsedCode):
        made = quick(layers=Conv(4, kernel_initializer="zeros", bias_initializer="zeros"), learning_rate=1e-9, linear_path=False).fit(
            images
        )

    assert {verdict.name for verdict in made.diagnostics_} >= {"collapse"}
