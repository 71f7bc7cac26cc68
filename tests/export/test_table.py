"""The network of a table as ONNX: from spread rows to spread rows, with all that a caller needs to spread them."""

from __future__ import annotations

import json

import numpy as np
import onnxruntime
import pandas as pd
import pytest

import narrows
from narrows import TableAutoencoder


@pytest.fixture(scope="module")
def houses() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 3, 60)
    frame = pd.DataFrame(
        {"price": 100.0 + 40 * kind + rng.normal(size=60), "color": np.array(["red", "green", "blue"], object)[kind], "sold": kind == 2}
    )
    frame.loc[[3, 8], "price"] = None
    return frame


@pytest.mark.parametrize("way", ["estimator", "bundle"])
def test_the_graph_computes_what_the_network_does(houses, tmp_path, way):
    fitted = TableAutoencoder(2, layers=(16,), epochs=3, random_state=0).fit(houses)
    narrows.save(fitted, tmp_path / "t.narrows")
    shares = narrows.export.write(tmp_path / "t.onnx", fitted if way == "estimator" else tmp_path / "t.narrows")
    session = onnxruntime.InferenceSession(str(tmp_path / "t.onnx"))
    codes, made = session.run(["codes", "reconstruction"], {"rows": fitted.scale_rows(houses)})

    assert max(shares.values()) <= 1e-5
    np.testing.assert_allclose(codes, fitted.transform(houses), atol=1e-5)
    np.testing.assert_allclose(made, fitted.reconstruct(houses, scaled=True), atol=1e-5)
    told = session.get_modelmeta().custom_metadata_map
    assert json.loads(told["feature_names"])[-1] == "color=another"
    assert json.loads(told["columns"])[1]["categories"] == ["blue", "green", "red"]
