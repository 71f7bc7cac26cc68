"""Files as they are written: names, any number of rows, metadata, and nothing kept that is wrong."""

from __future__ import annotations

import json
import sys

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

import narrows
from narrows import export
from narrows.errors import ExportError, MissingExtra
from narrows.export import _checking, _layers
from narrows.export._parts import built
from narrows.networks.plan import DenseLayer
from narrows.networks.scale import learn

VERSION = narrows.__version__


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(80, 2))
    columns = {"when": 1.7e9 + 1e7 * hidden[:, 0], "weight": hidden[:, 1] * 1e-3, "both": hidden.sum(1), "größe": hidden[:, 0] ** 2}
    return pd.DataFrame(columns), np.where(hidden[:, 0] > 0, "late", "early")


@pytest.fixture(scope="module")
def told(frame):
    return narrows.SupervisedAutoencoder(2, layers=(8,), head=(4,), epochs=3, random_state=0).fit(*frame)


@pytest.fixture(scope="module")
def bundle(told, tmp_path_factory):
    path = tmp_path_factory.mktemp("told") / "told.narrows"
    narrows.save(told, path)
    return path


def opened(path):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize(
    ("part", "start", "ends"),
    [
        ("autoencoder", "rows", {"codes": 2, "reconstruction": 4, "probabilities": 2}),
        ("encoder", "rows", {"codes": 2}),
        ("decoder", "codes", {"reconstruction": 4}),
        ("head", "rows", {"codes": 2, "probabilities": 2}),
    ],
)
@pytest.mark.parametrize("source", ["estimator", "bundle"])
def test_a_part_takes_and_gives_what_it_says(source, part, start, ends, told, bundle, tmp_path):
    found = export.write(tmp_path / "x.onnx", told if source == "estimator" else bundle, part=part)

    session = opened(tmp_path / "x.onnx")
    assert [(one.name, one.shape, one.type) for one in session.get_inputs()] == [
        (start, ["n", 4 if start == "rows" else 2], "tensor(float)")
    ]
    assert [(one.name, one.shape) for one in session.get_outputs()] == [(name, ["n", width]) for name, width in ends.items()]
    assert list(found) == list(ends)
    assert all(0 < share <= 1e-5 for share in found.values())


@pytest.mark.parametrize("n", [1, 2, 7, 80])
def test_any_number_of_rows_gives_what_the_estimator_gives(n, frame, told, tmp_path):
    told.export_onnx(tmp_path / "told.onnx")
    rows = frame[0][:n].astype(np.float32)

    codes, back, probabilities = opened(tmp_path / "told.onnx").run(None, {"rows": rows.to_numpy()})

    np.testing.assert_allclose(codes, told.transform(rows), atol=1e-5)
    np.testing.assert_allclose(probabilities, told.predict_proba(rows), atol=1e-5)
    deviation = frame[0].std().to_numpy()
    np.testing.assert_allclose(back / deviation, told.reconstruct(rows) / deviation, atol=1e-4)


@pytest.mark.parametrize("source", ["estimator", "bundle"])
def test_metadata_say_whose_file_it_is(source, told, bundle, tmp_path):
    export.write(tmp_path / "x.onnx", told if source == "estimator" else bundle, part="head")

    model = onnx.load(tmp_path / "x.onnx")
    said = {entry.key: entry.value for entry in model.metadata_props}
    assert (said["narrows"], said["estimator"], said["part"]) == (VERSION, "SupervisedAutoencoder", "head")
    assert json.loads(said["feature_names"]) == ["when", "weight", "both", "größe"]
    assert json.loads(said["classes"]) == ["early", "late"]
    assert said["description"] == model.doc_string
    assert "from rows (n, 4) to codes (n, 2), probabilities (n, 2)" in model.doc_string
    assert (model.producer_name, model.producer_version) == ("narrows", VERSION)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 18)]
    assert model.ir_version == 8
    assert "image_shape" not in said


def test_numbers_to_predict_come_in_their_own_units(frame, tmp_path):
    rows, _ = frame
    made = narrows.SupervisedAutoencoderRegressor(2, layers=(8,), epochs=3, random_state=0).fit(rows, rows["both"] * 1e5 + 1e6)
    made.export_onnx(tmp_path / "x.onnx", part="head")

    rows = rows.astype(np.float32)
    codes, numbers = opened(tmp_path / "x.onnx").run(None, {"rows": rows.to_numpy()})

    np.testing.assert_allclose(numbers[:, 0], made.predict(rows), rtol=1e-5)
    assert opened(tmp_path / "x.onnx").get_outputs()[1].name == "prediction"
    assert codes.shape == (80, 2)


def test_images_keep_their_shape_in_the_metadata(rng, tmp_path):
    images = rng.integers(0, 256, (40, 5, 7)).astype(np.uint8)
    made = narrows.Autoencoder(2, layers=narrows.Conv(2), epochs=1, random_state=0).fit(images)
    narrows.save(made, tmp_path / "images.narrows")

    for model in (made, tmp_path / "images.narrows"):
        assert max(export.write(tmp_path / "x.onnx", model).values()) <= 1e-5
        said = {entry.key: entry.value for entry in onnx.load(tmp_path / "x.onnx").metadata_props}
        assert json.loads(said["image_shape"]) == [5, 7, 1]
    pixels = images.reshape(40, 35).astype(np.float32)
    np.testing.assert_allclose(opened(tmp_path / "x.onnx").run(["codes"], {"rows": pixels})[0], made.transform(images), atol=1e-4)


def test_a_bundle_is_exported_without_keras_and_jax(python, bundle, tmp_path):
    code = f"""
import sys
import narrows
narrows.export.write({str(tmp_path / "x.onnx")!r}, {str(bundle)!r})
print({{"keras", "jax", "jaxlib"}} & set(sys.modules), "onnxruntime" in sys.modules)
"""

    assert python(code).split() == ["set()", "True"]
    assert (tmp_path / "x.onnx").exists()


def wrong(self, name, axes=None):
    """Hold each weight 0.1 % too large."""
    value = self._weights[name] * np.float32(1.001)
    return self.graph.constant(name, value if axes is None else value.transpose(axes))


@pytest.mark.parametrize("source", ["estimator", "bundle"])
@pytest.mark.parametrize("part", export.PARTS)
def test_a_file_that_computes_something_else_is_not_kept(source, part, told, bundle, tmp_path, monkeypatch):
    path = tmp_path / "x.onnx"
    path.write_bytes(b"what was there")
    monkeypatch.setattr(_layers.Side, "_weight", wrong)

    with pytest.raises(ExportError, match=r"the file's '\w+' differ from the model's by up to .* 1e-05 is allowed: no file was written"):
        export.write(path, told if source == "estimator" else bundle, part=part)

    assert path.read_bytes() == b"what was there"
    assert [one.name for one in tmp_path.iterdir()] == ["x.onnx"]


def test_rows_are_drawn_as_the_training_rows_lie(told, rng):
    drawn = _checking.drawn(told._network.scale, 2000, rng)

    scaled = told._network.scale.apply(drawn)
    np.testing.assert_allclose(scaled.mean(0), 0, atol=0.1)
    np.testing.assert_allclose(scaled.std(0), 1, atol=0.1)
    bytes_ = learn("auto", rng.integers(0, 100, (50, 6)).astype(np.uint8))
    drawn = _checking.drawn(bytes_, 2000, rng)
    np.testing.assert_allclose(drawn.mean(0) / 255, bytes_.mean, atol=0.05)
    assert drawn.min() >= 0
    assert drawn.max() <= 255


def test_a_graph_that_onnx_runtime_refuses_is_said(told):
    with pytest.raises(ExportError, match=r"ONNX Runtime \S+ does not take the graph, and no file was written"):
        _checking.differences(b"no graph", told._network, told._network, {"codes": 2})


@pytest.mark.parametrize(
    ("name", "model", "part", "message"),
    [
        ("x.onnx", "told", "body", "part must be one of 'autoencoder', 'encoder', 'decoder', 'head', got 'body'"),
        ("x.keras", "told", "body", "part must be one of 'autoencoder', 'encoder', 'decoder', 'head', got 'body'"),
        ("x.pb", "told", "encoder", "'.pb'; narrows writes .onnx, .keras"),
        ("x.onnx", "plain", "head", "this model has no head: export its 'encoder', 'decoder' or 'autoencoder'"),
        ("x.keras", "plain", "head", "this model has no head: export its 'encoder', 'decoder' or 'autoencoder'"),
    ],
)
def test_what_cannot_be_is_refused(name, model, part, message, told, plain, tmp_path):
    with pytest.raises(ValueError, match=message):
        export.write(tmp_path / name, {"told": told, "plain": plain}[model], part=part)

    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def plain(frame):
    return narrows.Autoencoder(2, layers=(8,), epochs=1, random_state=0).fit(frame[0])


def test_export_onnx_writes_onnx_only(plain, tmp_path):
    with pytest.raises(ValueError, match=r"narrows writes .onnx: rename"):
        plain.export_onnx(tmp_path / "x.keras")


def test_what_is_not_fitted_or_no_model_is_refused(tmp_path):
    with pytest.raises(NotFittedError):
        narrows.Autoencoder().export_onnx(tmp_path / "x.onnx")
    with pytest.raises(TypeError, match="or the path of a bundle, got a dict"):
        export.write(tmp_path / "x.onnx", {})


def test_functions_of_the_user_s_own_are_named(make):
    def bent(x):
        return x * 0.5

    for place, network in {
        "layer 'd1'": make(decoder=(DenseLayer(name="d1", inputs=3, units=6, activation=bent),)),
        "the output": make(decoder=(DenseLayer(name="d1", inputs=3, units=6),), output=bent),
    }.items():
        with pytest.raises(ValueError, match=rf"{place} has a function of your own as its activation, .*bent.* or write .keras"):
            built(network, "decoder", {"estimator": "Autoencoder"})


def test_an_activation_that_no_layer_can_have_is_named(make):
    network = make(decoder=(DenseLayer(name="d1", inputs=3, units=6, activation="glu"),))

    with pytest.raises(ValueError, match=r"layer 'd1' has the activation 'glu', which an .onnx file cannot hold; it holds linear, relu, "):
        built(network, "decoder", {"estimator": "Autoencoder"})


def test_a_map_says_that_its_autoencoder_can_be_exported(rng, tmp_path):
    inner = narrows.Autoencoder(layers=(8,), epochs=1)
    made = narrows.LatentMap(2, autoencoder=inner, random_state=0).fit(rng.normal(size=(60, 5)))
    made.save(tmp_path / "map.narrows")

    for model in (made, tmp_path / "map.narrows"):
        for name in ("x.onnx", "x.keras"):
            with pytest.raises(ValueError, match=r"what a LatentMap does with its autoencoder is no network.*\.autoencoder_"):
                export.write(tmp_path / name, model)
    made.autoencoder_.export_onnx(tmp_path / "x.onnx")


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_a_missing_package_is_named(package, plain, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(MissingExtra, match=rf"needs {package}, which is not installed: pip install 'narrows\[onnx\]'"):
        plain.export_onnx(tmp_path / "x.onnx")
