"""What is served is what the estimator gives; and which bundles are not served."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import narrows
from narrows import _bundle_file
from narrows.errors import BundleError
from narrows.serve._model import Model
from narrows.serve._prepared import Prepared
from narrows.serve._preparing import main, prepare

GOLDEN = Path(__file__).parent.parent / "golden" / "v1.narrows"


class Noted:
    """Who is told what a model sees."""

    def __init__(self):
        self.n, self.total, self.judged = 0, 0.0, 0

    def rows(self, n):
        self.n += n

    def errors(self, total, n):
        self.total += total
        self.judged += n


def ready(path, watch=None):
    return Model("m", Prepared.from_bytes(prepare(path).to_bytes()), watch or Noted())


def agree(found, expected):
    spread = max(float(np.ptp(expected)), 1e-6)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 2e-5 * spread + 4 * float(np.spacing(np.abs(expected).max()))


def check(model, kept):
    fitted, rows, given = kept.model, kept.rows, kept.given
    wanted = frozenset({"codes", "reconstruction", "error"})
    found = model.compute("rows", wanted, [rows[:3], rows[3:]])
    agree(found["codes"], fitted.transform(given))
    agree(found["reconstruction"], fitted.reconstruct(given))
    agree(found["error"][:, 0], -fitted.score_samples(given))
    codes = fitted.transform(given)
    agree(model.compute("codes", frozenset({"reconstruction"}), [codes])["reconstruction"], fitted.inverse_transform(codes))


def test_images_with_classes(digits):
    model = ready(digits.path)

    check(model, digits)
    shares = model.compute("rows", frozenset({"probabilities"}), [digits.rows])["probabilities"]
    np.testing.assert_allclose(shares, digits.model.predict_proba(digits.given), atol=2e-5)
    assert model.about.image_shape == (8, 8, 1)
    assert model.about.classes == tuple(range(10))


def test_a_table_far_from_zero_with_numbers_to_predict(flowers):
    model = ready(flowers.path)

    check(model, flowers)
    found = model.compute("rows", frozenset({"prediction"}), [flowers.rows])["prediction"]
    agree(found[:, 0], flowers.model.predict(flowers.given))
    assert model.about.feature_names == ("width", "length", "height", "age, days")


def test_a_detector_s_errors_and_threshold(odd):
    model = ready(odd.path)

    rows = np.concatenate([odd.rows, 9 * odd.rows[:5]])
    errors = model.compute("rows", frozenset({"error"}), [rows])["error"][:, 0]
    agree(errors, -odd.model.score_samples(rows))
    np.testing.assert_array_equal(errors > model.about.threshold, odd.model.predict(rows) < 0)


def test_rows_of_two_types_come_out_as_each_would_alone(flowers):
    model, rows = ready(flowers.path), flowers.rows
    one = model.compute("rows", frozenset({"codes"}), [rows[:40]])["codes"]
    both = model.compute("rows", frozenset({"codes"}), [rows[:40], rows[40:].astype(np.float32)])["codes"]

    np.testing.assert_allclose(both[:40], one, atol=1e-6)


def test_a_bundle_of_the_first_version_is_served():
    assert ready(GOLDEN).about.estimator in ("Autoencoder", "SupervisedAutoencoder")


def test_errors_of_rows_are_noted_even_where_only_codes_are_asked_for(digits):
    watch = Noted()
    model = ready(digits.path, watch)
    for _ in range(50):
        model.compute("rows", frozenset({"codes"}), [digits.rows[:4]])

    assert watch.n == 200
    assert 1 <= watch.judged < 50, "ten a second at most"
    assert watch.total > 0


def test_the_error_that_the_command_line_measured_is_the_training_s(tmp_path, digits):
    narrows.save(digits.model, tmp_path / "m.narrows", metadata={"quality": {"autoencoder": {"mean_squared_error": 0.125}}})

    assert prepare(tmp_path / "m.narrows").about.training_error == 0.125


def refused(path):
    with pytest.raises((BundleError, OSError)) as problem:
        prepare(path)
    text = str(problem.value)
    assert "\n" not in text
    return text


def changed(kept, folder, change):
    """Give a bundle that says something else, by somebody who knows how to sign."""
    content = kept.path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    said = json.loads(header["__metadata__"]["narrows"].partition(" ")[2])
    change(said["state"])
    header["__metadata__"]["narrows"] = f"sha256:{_bundle_file.UNSIGNED} {json.dumps(said)}"
    text = json.dumps(header, separators=(",", ":")).encode()
    (folder / "changed.narrows").write_bytes(_bundle_file.signed(len(text).to_bytes(8, "little") + text + content[8 + size :]))
    return folder / "changed.narrows"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"map": {"params": {}}}, "which places rows by more than its network: save its .autoencoder_ as a bundle, and serve that"),
        ({"plan": None, "keras": {}}, "holds Keras layers of your own, which have no plan"),
        ({"estimator": "Unheard"}, "holds a Unheard, which does more than its network: it cannot be served"),
        ({"news": {}}, "which does more than its network: it cannot be served"),
        ({"estimator": "Autoencoder"}, "its Autoencoder, its plan and its 64 features do not belong together"),
        ({"plan": {}}, "is not a bundle that this version can use: plan.n_features: Field required"),
    ],
)
def test_bundles_of_other_kinds_are_refused(digits, tmp_path, change, said):
    assert said in refused(changed(digits, tmp_path, lambda state: state.update(change)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"image_shape": [8, 9, 1]}, "its image shape (8, 9, 1) does not multiply to 64 features"),
        ({"labels": {"kind": "int64", "classes": [1, 2]}}, "its head predicts 10 classes, and it names 2"),
        ({"feature_names": ["a"]}, "it names 1 features, and has 64"),
        ({"n_features": 63}, "do not belong together"),
    ],
)
def test_what_does_not_belong_together_is_refused(digits, tmp_path, change, said):
    assert said in refused(changed(digits, tmp_path, lambda state: state["learned"].update(change)))


def test_what_is_no_bundle_is_refused_in_one_sentence(tmp_path, digits):
    whole = digits.path.read_bytes()
    for name, content in {"empty": b"", "short": whole[:-9], "text": b"not a bundle" * 99, "damaged": whole[:-1] + b"\xff"}.items():
        (tmp_path / name).write_bytes(content)
        assert refused(tmp_path / name).startswith(str(tmp_path / name))


def test_a_bundle_that_gives_no_finite_numbers_is_not_served(digits):
    prepared = prepare(digits.path)
    graph = prepared.graphs["encoder"]
    broken = Prepared(prepared.about, {**prepared.graphs, "head": graph}, prepared.arrays)

    with pytest.raises(Exception, match="Got: 2 Expected: 64"):
        Model("m", broken, Noted())


def test_the_process_that_prepares_tells_what_is_wrong(tmp_path, capfdbinary):
    assert main(str(tmp_path / "nowhere.narrows")) == 2
    assert json.loads(capfdbinary.readouterr().out)["error"].endswith("No such file or directory")


def test_preparing_needs_neither_keras_nor_scikit_learn(python, digits):
    code = f"""
import sys
from narrows.serve._preparing import prepare
prepare({str(digits.path)!r})
print([name for name in ("keras", "jax", "sklearn", "scipy", "pandas", "onnxruntime") if name in sys.modules])
"""
    assert python(code) == "[]\n"
