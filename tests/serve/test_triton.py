"""NVIDIA's own client works unmodified."""

from __future__ import annotations

import numpy as np
import pytest

http = pytest.importorskip("tritonclient.http")


@pytest.fixture
def client(server):
    made = http.InferenceServerClient(server.address.removeprefix("http://"))
    yield made
    made.close()


def tensor(name, array, kind="FP32", binary=True):
    made = http.InferInput(name, array.shape, kind)
    made.set_data_from_numpy(array, binary_data=binary)
    return made


def test_health_and_metadata(client):
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("digits")
    assert client.is_model_ready("digits", "1")
    assert not client.is_model_ready("nobody")
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
    said = client.get_model_metadata("digits")
    assert said["inputs"] == [{"name": "rows", "datatype": "FP32", "shape": [-1, 64]}]
    assert [output["name"] for output in said["outputs"]] == ["codes", "reconstruction", "error", "probabilities"]
    assert client.get_model_metadata("digits.decoder")["inputs"] == [{"name": "codes", "datatype": "FP32", "shape": [-1, 2]}]


@pytest.mark.parametrize("sent_binary", [True, False])
@pytest.mark.parametrize("asked_binary", [True, False])
def test_inference(client, digits, sent_binary, asked_binary):
    outputs = [http.InferRequestedOutput(name, binary_data=asked_binary) for name in ("codes", "error")]
    rows = tensor("rows", digits.rows[:5], binary=sent_binary)
    found = client.infer("digits", [rows], outputs=outputs, request_id="seven")

    np.testing.assert_allclose(found.as_numpy("codes"), digits.model.transform(digits.rows[:5]), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.as_numpy("error")[:, 0], -digits.model.score_samples(digits.rows[:5]), rtol=1e-4)
    assert found.get_response()["id"] == "seven"


def test_all_outputs_without_asking(client, digits):
    found = client.infer("digits", [tensor("rows", digits.rows[:5])], model_version="1")

    np.testing.assert_allclose(found.as_numpy("reconstruction"), digits.model.reconstruct(digits.rows[:5]), atol=1e-5)
    np.testing.assert_allclose(found.as_numpy("probabilities"), digits.model.predict_proba(digits.rows[:5]), atol=1e-5)


def test_the_decoder_and_other_types(client, digits, flowers):
    codes = digits.model.transform(digits.rows[:5])
    found = client.infer("digits.decoder", [tensor("codes", codes)])
    np.testing.assert_allclose(found.as_numpy("reconstruction"), digits.model.inverse_transform(codes), atol=1e-5)

    found = client.infer("flowers", [tensor("rows", flowers.rows, "FP64")])
    np.testing.assert_allclose(found.as_numpy("codes"), flowers.model.transform(flowers.given), rtol=1e-4, atol=1e-5)


def test_many_at_one_time(client, digits):
    asked = [client.async_infer("digits", [tensor("rows", digits.rows[place : place + 1])]) for place in range(20)]

    found = np.concatenate([one.get_result().as_numpy("codes") for one in asked])
    np.testing.assert_allclose(found, digits.model.transform(digits.rows[:20]), rtol=1e-4, atol=1e-5)


def test_errors_are_the_server_s_sentences(client, digits):
    with pytest.raises(Exception, match="there is no model 'nobody' here: digits, flowers, odd are served"):
        client.infer("nobody", [tensor("rows", digits.rows[:1])])
    with pytest.raises(Exception, match="in an array of shape n×64: 1×63 came"):
        client.infer("digits", [tensor("rows", np.ascontiguousarray(digits.rows[:1, :63]))])
    with pytest.raises(Exception, match="packed bodies are not read here"):
        client.infer("digits", [tensor("rows", digits.rows[:1])], request_compression_algorithm="gzip")
