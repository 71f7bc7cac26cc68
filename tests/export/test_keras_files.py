"""Keras's own files: Keras alone opens them, without narrows, and computes the same."""

from __future__ import annotations

import numpy as np
import pytest

import narrows
from narrows import export

ALONE = """
import sys, keras, numpy as np
given = np.load("given.npz")
for part, rows in (("autoencoder", "rows"), ("encoder", "rows"), ("decoder", "codes")):
    made = keras.saving.load_model(part + ".keras")(given[rows])
    np.testing.assert_allclose(np.asarray(made), given[part], atol=1e-4)
print("narrows" in sys.modules)
"""


class Own:
    """Keras layers of one's own."""

    def build(self, n_features, n_components):
        import keras

        encoder = keras.Sequential([keras.Input((n_features,)), keras.layers.Dense(n_components, "tanh")])
        return encoder, keras.Sequential([keras.Input((n_components,)), keras.layers.Dense(n_features)])


def test_keras_alone_opens_them(rng, python, tmp_path):
    rows = (rng.normal(size=(50, 8)) * 3 + 10).astype(np.float32)
    made = narrows.Autoencoder(2, layers=narrows.Dense(6, tied=True), epochs=1, random_state=0).fit(rows)
    narrows.save(made, tmp_path / "made.narrows")

    for part, model in (("autoencoder", made), ("encoder", made), ("decoder", tmp_path / "made.narrows")):
        assert export.write(tmp_path / f"{part}.keras", model, part=part) == {}
    codes, back = made.transform(rows), made.reconstruct(rows)
    np.savez(tmp_path / "given.npz", rows=rows, codes=codes, autoencoder=back, encoder=codes, decoder=made.inverse_transform(codes))

    assert python(ALONE, KERAS_BACKEND="jax").split() == ["False"]


@pytest.fixture(scope="module")
def own():
    rows = np.random.default_rng(0).normal(5, 3, (50, 8)).astype(np.float32)
    return rows, narrows.Autoencoder(2, layers=Own(), epochs=1, random_state=0).fit(rows)


def test_own_layers_have_no_plan_for_onnx(own, tmp_path):
    _, made = own
    narrows.save(made, tmp_path / "own.narrows")

    for model in (made, tmp_path / "own.narrows"):
        with pytest.raises(ValueError, match=r"layers of your own have no plan, .*: write a .keras file"):
            export.write(tmp_path / "x.onnx", model)


def test_own_layers_go_to_keras(own, tmp_path):
    import keras

    rows, made = own
    export.write(tmp_path / "own.keras", made, part="encoder")

    np.testing.assert_allclose(keras.saving.load_model(tmp_path / "own.keras")(rows), made.transform(rows), atol=1e-5)


def test_a_file_that_keras_cannot_write_leaves_what_was_there(own, tmp_path, monkeypatch):
    import keras

    (tmp_path / "x.keras").write_bytes(b"what was there")
    monkeypatch.setattr(keras.Model, "save", lambda *_: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        export.write(tmp_path / "x.keras", own[1])

    assert (tmp_path / "x.keras").read_bytes() == b"what was there"
