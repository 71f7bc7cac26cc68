"""Settings by name: what there is, what each may be, and how they stand in a file."""

from __future__ import annotations

import inspect
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

import narrows as package
from narrows.cli import settings, toml_files

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
PLAIN = WORDS | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)
KEYS = st.from_regex(r"[A-Za-z0-9_-]{1,6}", fullmatch=True)
VALUES = PLAIN | st.lists(PLAIN, max_size=3)


@given(st.dictionaries(KEYS, VALUES | st.dictionaries(KEYS, VALUES, max_size=3), max_size=5))
def test_what_is_written_is_read_again(document):
    assert tomllib.loads(toml_files.text(document)) == document


@given(VALUES)
def test_a_value_is_read_as_toml_has_it(value):
    assert toml_files.value(toml_files.text({"x": value}).removeprefix("x = ")) == value


@pytest.mark.parametrize("text", ["constant", "rows.csv", "1, 2", "[1", "1\nb = 2"])
def test_what_is_no_toml_is_a_word(text):
    assert toml_files.value(text) == text


def test_every_parameter_of_the_estimator_and_its_layers_is_a_setting():
    known = settings.kinds()

    parameters = {
        name
        for made in (package.Autoencoder, package.SupervisedAutoencoder, package.TableAutoencoder)
        for name in inspect.signature(made).parameters
    }
    layers = {f"layers.{name}" for made in (package.Dense, package.Conv) for name in inspect.signature(made).parameters}
    head = {f"head.{name}" for name in set(inspect.signature(package.Dense).parameters) - settings.NO_HEAD}
    noise = {f"noise.{name}" for name in ("kind", *inspect.signature(package.Gaussian).parameters)}
    assert settings.ELSEWHERE < parameters
    assert set(known) == set(settings.RUN) | layers | head | noise | (parameters - settings.ELSEWHERE)
    assert set(inspect.signature(package.SupervisedAutoencoderRegressor).parameters) < parameters


def test_the_defaults_are_what_settings_may_be():
    """A kind that is told from a default must at least admit that default."""
    made = package.SupervisedAutoencoder().get_params(deep=False)
    found = {name: "none" if made[name] is None else made[name] for name in settings.kinds() if name in made}
    found |= {f"layers.{name}": value for name, value in package.Dense(5, 4).get_params().items()}
    found |= {f"head.{name}": value for name, value in package.Dense(3).get_params().items() if name not in settings.NO_HEAD}
    found |= {"noise.kind": "gaussian", **{f"noise.{name}": value for name, value in package.Gaussian(0.4).get_params().items()}}

    assert settings.check(settings.nested(found), "here") == found
    document = tomllib.loads(toml_files.text(settings.nested(found)))
    assert document["layers"]["widths"] == [5, 4]
    assert document["noise"] == {"kind": "gaussian", "strength": 0.4, "clip": True}


def test_convolutional_layers_are_settings_too():
    found = {f"layers.{name}": value for name, value in package.Conv(8, 4, image_shape=(8, 8)).get_params().items()}

    assert settings.check(settings.nested(found), "here") == found
    assert settings.check({"layers": {"image_shape": "none"}}, "here") == {"layers.image_shape": "none"}


@pytest.mark.parametrize(
    ("short", "whole"),
    [
        (0.4, {"noise.kind": "gaussian", "noise.strength": 0.4}),
        (1, {"noise.kind": "gaussian", "noise.strength": 1}),
        ("gaussian:0.4", {"noise.kind": "gaussian", "noise.strength": 0.4}),
        ("masking:0.3", {"noise.kind": "masking", "noise.strength": 0.3}),
        ("salt_and_pepper:1e-1", {"noise.kind": "salt_and_pepper", "noise.strength": 0.1}),
        ("none", {"noise.kind": "none"}),
    ],
)
def test_noise_in_short_is_noise(short, whole):
    assert settings.check({"noise": short}, "here") == whole
    assert settings.check(settings.nested(whole), "here") == whole


def test_a_parameter_of_tomorrow_is_known_by_itself(monkeypatch):
    class Tomorrow(package.Autoencoder):
        def __init__(self, n_components: int = 2, *, straight: bool = True, layers: object = (4,)) -> None: ...

    monkeypatch.setattr("narrows.estimators.Autoencoder", Tomorrow)

    assert settings.kinds()["straight"].admits(False)
    assert settings.kinds()["straight"].allowed == "true or false"


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"epocs": 3}, "narrows fit has no setting 'epocs': did you mean 'epochs'?"),
        ({"layers": {"tide": True}}, "narrows fit has no setting 'layers.tide': did you mean 'layers.tied'"),
        ({"tied": True}, "narrows fit has no setting 'tied': did you mean 'layers.tied'?"),
        ({"layer": {"tied": True}}, "narrows fit has no setting 'layer.tied': did you mean 'layers.tied'?"),
        ({"components": 3}, "did you mean 'n_components'?"),
        ({"verbose": 1}, "narrows fit has no setting 'verbose'"),
        ({"epochs": {"most": 3}}, "narrows fit has no setting 'epochs.most'"),
        ({"n_components": "two"}, "n_components must be a whole number, such as 2 or 'none', got \"two\""),
        ({"n_components": True}, "n_components must be a whole number, such as 2 or 'none', got true"),
        ({"n_components": 0}, "n_components must be a whole number of at least 1 or None, got 0"),
        ({"code_l1": "much"}, 'code_l1 must be a number, such as 0.0, got "much"'),
        ({"code_l1": -1}, "code_l1 must be a number in [0, 1e+30], got -1"),
        ({"learning_rate": "fast"}, "learning_rate must be a number, such as 0.002 or 'none', got \"fast\""),
        ({"warm": tomllib}, "narrows fit has no setting 'warm'"),
        ({"code_activation": 3}, "code_activation must be a word, such as 'linear', got 3"),
        ({"epochs": [3]}, "epochs must be a word, a number, true or false, got [3]"),
        ({"epochs": "many"}, "epochs must be a whole number of at least 1 or 'auto', got 'many'"),
        ({"layers": [5, "x"]}, "layers must be 'auto' or a list of whole numbers, such as [500, 300, 100], got [5, \"x\"]"),
        ({"layers": {"widths": [0]}}, "widths of Dense must be whole numbers of at least 1, got 0 in (0,)"),
        ({"layers": {"tied": "yes"}}, 'layers.tied must be true or false, got "yes"'),
        ({"layers": {"dropout": 2}}, "dropout of Dense must be a number in [0, 1.0), got 2"),
        ({"layers": [5], "layers.widths": [6]}, "layers.widths is given twice, once as layers.widths: give it once"),
        ({"optimizer": {"momentum": [1]}}, "optimizer.momentum must be a word, a number, true or false, got [1]"),
        (
            {"noise": "brown:1"},
            "noise must be a strength such as 0.4 (normal noise, 'gaussian:0.4'), 'masking:0.3', 'salt_and_pepper:0.3' or",
        ),
        ({"noise": "masking"}, "'salt_and_pepper:0.3' or 'none', got \"masking\""),
        ({"noise": "masking:much"}, "or 'none', got \"masking:much\""),
        ({"noise": True}, "or 'none', got true"),
        ({"noise": 0.4, "noise.strength": 0.3}, "noise.strength is given twice, once as noise.strength: give it once"),
        ({"noise": {"kind": "brown"}}, "noise.kind must be 'gaussian', 'masking', 'salt_and_pepper' or 'none', got \"brown\""),
        ({"noise": {"kind": "masking", "clip": True}}, "noise.clip is no choice of Masking: leave it out"),
        ({"noise": {"strength": -1}}, "the strength of Gaussian must be a finite number of at least 0, got -1"),
        ({"layers": {"filters": [0]}}, "filters of Conv must be a whole number of at least 1, got 0"),
        ({"layers": {"filters": 8}}, "layers.filters must be a list of whole numbers, such as [32, 16], got 8"),
        ({"layers": {"widths": [4], "filters": [4]}}, "layers.widths makes layers dense and layers.filters convolutional"),
        ({"layers": {"image_shape": [8]}}, "image_shape of Conv must be (height, width, channels)"),
        ({"layers": {"filters": [4], "tied": True}}, "layers.tied is a choice of dense layers, and these are convolutional"),
        ({"head": {"tied": True}}, "narrows fit has no setting 'head.tied': did you mean 'layers.tied'?"),
        ({"head": [0]}, "widths of Dense must be whole numbers of at least 1, got 0 in (0,)"),
        ({"label_weight": -1}, "label_weight must be a number in [0, 1e+30], got -1"),
        ({"class_weight": 3}, "class_weight must be 'balanced' or 'none'; in Python also a weight for each class, got 3"),
        ({"class_weight": {"a": 3}}, "class_weight must be 'balanced' or 'none'; in Python also a weight for each class, got a table"),
        ({"supervised": "maybe"}, "supervised must be true, false, 'classes' or 'numbers', got \"maybe\""),
        ({"data": []}, "data must be a string or a list of strings, got []"),
        ({"label": 3}, "label must be a string, got 3"),
        ({"seed": -1}, "seed must be a whole number from 0 to 4294967295, got -1"),
    ],
)
def test_what_a_setting_may_not_be_is_one_sentence(document, message):
    with pytest.raises(ValueError, match=r"^here: [^\n]+$") as caught:
        settings.check(document, "here")

    assert message in str(caught.value)


def test_settings_go_over_others_and_another_optimizer_takes_its_options_along():
    below = {"epochs": 3, "optimizer": "sgd", "optimizer.momentum": 0.9, "layers.tied": True}

    assert settings.merged(below, {"epochs": 4}) == below | {"epochs": 4}
    assert settings.merged(below, {"optimizer.nesterov": True}) == below | {"optimizer.nesterov": True}
    assert settings.merged(below, {"optimizer": "sgd"}) == below
    assert settings.merged(below, {"optimizer": "adam"}) == {"epochs": 3, "optimizer": "adam", "layers.tied": True}


def test_none_is_the_word_for_none():
    given = {"scale": "none", "layers.activation": "tanh", "head.l2": 0.1, "noise.kind": "none", "optimizer.clipnorm": "none", "seed": 3}

    assert settings.parts(given) == settings.Parts({"scale": None}, {"activation": "tanh"}, {"l2": 0.1}, {"kind": None}, {"clipnorm": None})


def test_what_belongs_to_another_kind_of_layers_of_noise_or_to_labels_goes_with_it():
    dense = {"layers.widths": [5], "layers.tied": True, "layers.activation": "tanh"}
    conv = {"layers.filters": [5], "layers.kernel_size": 5, "layers.activation": "tanh"}
    noise = {"noise.kind": "gaussian", "noise.strength": 0.4, "noise.clip": False}
    labels = {"supervised": "classes", "label_weight": 0.5, "head.dropout": 0.5, "epochs": 3}

    assert settings.merged(dense, {"layers.filters": [4]}) == {"layers.activation": "tanh", "layers.filters": [4]}
    assert settings.merged(conv, {"layers.widths": [4]}) == {"layers.activation": "tanh", "layers.widths": [4]}
    assert settings.merged(conv, {"layers.filters": [4]}) == conv | {"layers.filters": [4]}
    assert settings.merged(noise, {"noise.kind": "masking", "noise.strength": 0.1}) == {"noise.kind": "masking", "noise.strength": 0.1}
    assert settings.merged(noise, {"noise.strength": 0.1}) == noise | {"noise.strength": 0.1}
    assert settings.merged(labels, {"supervised": False}) == {"supervised": False, "epochs": 3}
    assert settings.merged(labels, {"supervised": "numbers"}) == labels | {"supervised": "numbers"}
