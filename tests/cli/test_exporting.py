"""``narrows export``: a bundle as a file for other programs."""

from __future__ import annotations

import json

import numpy as np
import onnxruntime
import pytest

import narrows as package


def test_a_file_takes_rows_and_gives_codes(narrows, digits, tmp_path):
    done = narrows("export", digits.path, "-o", "digits.onnx", "--part", "encoder")

    assert done.code == 0, done.err
    assert done.out.startswith("wrote 'digits.onnx' (")
    assert f"the encoder of '{digits.path}', from rows to codes; ONNX Runtime differs from the model by" in done.out
    assert narrows("encode", digits.path, "digits", "-o", "codes.npy").code == 0
    rows = package.data.load("digits").X.astype(np.float32)
    codes = onnxruntime.InferenceSession("digits.onnx").run(["codes"], {"rows": rows})[0]
    np.testing.assert_allclose(codes, np.load("codes.npy"), atol=1e-4)


def test_json_has_the_differences(narrows, digits):
    done = narrows("export", digits.path, "-o", "digits.onnx", "--json")

    said = json.loads(done.out)
    assert (said["output"], said["part"], list(said["differences"])) == ("digits.onnx", "autoencoder", ["codes", "reconstruction"])
    assert max(said["differences"].values()) <= 1e-5


def test_keras_s_own_file(narrows, digits, tmp_path):
    done = narrows("export", digits.path, "-o", "digits.keras", "--part", "decoder")

    assert done.code == 0, done.err
    assert done.out.endswith(f"the decoder of '{digits.path}', for keras.saving.load_model\n")
    assert (tmp_path / "digits.keras").read_bytes()[:2] == b"PK"


def test_the_command_needs_neither_keras_nor_jax(python, digits):
    code = f"""
import sys
from narrows.cli import main
try:
    main(["export", {str(digits.path)!r}, "-o", "digits.onnx", "-q"])
except SystemExit as end:
    print(end.code, "keras" in sys.modules, "jax" in sys.modules)
"""

    assert python(code).split() == ["0", "False", "False"]


def test_a_wrong_file_is_a_failed_run(narrows, digits, tmp_path, monkeypatch):
    monkeypatch.setattr("narrows.export._checking.LIMIT", 1e-12)
    monkeypatch.setattr("numpy.spacing", np.zeros_like)

    done = narrows("export", digits.path, "-o", "digits.onnx")

    assert done.code == 1
    assert "failed with ExportError: the file's 'codes' differ from the model's" in done.only_line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "x.pdf"], "'x.pdf' has the extension '.pdf'; narrows writes .onnx, .keras"),
        (["-o", "nowhere/x.onnx"], "there is no folder 'nowhere'"),
        (["-o", "x.onnx", "--part", "head"], "this model has no head"),
        (["-o", "x.onnx", "--part", "body"], "'body' is not one of 'autoencoder', 'encoder', 'decoder', 'head'"),
        ([], "Missing option '-o'"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(arguments, message, narrows, digits, tmp_path):
    done = narrows("export", digits.path, *arguments)

    assert done.code == 2
    assert message in done.only_line
    assert not list(tmp_path.iterdir())


def test_what_is_no_bundle_is_said(narrows, tmp_path):
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")

    assert "is not a bundle" in narrows("export", "rows.csv", "-o", "x.onnx").only_line
    assert narrows("export", "none.narrows", "-o", "x.onnx").only_line == "narrows: 'none.narrows': No such file or directory"
