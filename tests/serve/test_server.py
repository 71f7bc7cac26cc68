"""A server as programs see it: every route in every form, metrics, and refusals that tell nothing of the inside."""

from __future__ import annotations

import io
import json
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pyarrow import csv, ipc

ARROW = "application/vnd.apache.arrow.stream"


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def arrow(frame):
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()
    stream = io.BytesIO()
    with ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    return stream.getvalue()


def test_it_lists_what_it_serves(server):
    models = server.ask("GET", "/", accept="application/json").json["models"]

    assert [model["name"] for model in models] == ["digits", "flowers", "odd"]
    assert models[0]["image_shape"] == [8, 8, 1]
    assert "/models/digits/predict" in models[0]["routes"]
    assert models[1]["feature_names"] == ["width", "length", "height", "age, days"]
    assert models[2]["threshold"] > 0


def test_people_get_a_page(server):
    said = server.ask("GET", "/", accept="text/html,application/xhtml+xml")

    assert said.headers["content-type"] == "text/html; charset=utf-8"
    assert said.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
    for path in ("/page.js", "/page.css"):
        assert server.ask("GET", path).status == 200


def test_routes_give_what_the_estimator_gives(server, flowers):
    rows, model, given = flowers.rows, flowers.model, flowers.given

    def ask(word, body):
        said = server.ask("POST", f"/models/flowers/{word}", body)
        assert said.status == 200, said.body
        return {name: np.array(value) for name, value in said.json.items()}

    codes = model.transform(given)
    np.testing.assert_allclose(ask("encode", rows.tolist())["codes"], codes, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ask("decode", {"codes": codes.tolist()})["rows"], model.inverse_transform(codes), rtol=1e-6)
    found = ask("reconstruct", {"rows": rows.tolist()})
    np.testing.assert_allclose(found["reconstruction"], model.reconstruct(given), rtol=1e-6)
    np.testing.assert_allclose(found["errors"], -model.score_samples(given), rtol=1e-3)
    np.testing.assert_allclose(ask("score", rows.tolist())["errors"], found["errors"], rtol=1e-6)
    np.testing.assert_allclose(ask("predict", rows.tolist())["prediction"][:, 0], model.predict(given), rtol=1e-5)


def test_classes_are_predicted_with_their_probabilities(server, digits):
    said = server.ask(
        "POST", "/models/digits/predict", npy(digits.rows[:20]), content_type="application/x-npy", accept="application/json"
    ).json

    assert said["predicted"] == digits.model.predict(digits.rows[:20]).tolist()
    np.testing.assert_allclose(said["probabilities"], digits.model.predict_proba(digits.rows[:20]), atol=1e-5)
    assert said["classes"] == list(range(10))


def test_outliers_are_told(server, odd):
    rows = np.concatenate([odd.rows[:5], 50 * odd.rows[:5]])
    said = server.ask("POST", "/models/odd/score", rows.tolist()).json

    assert said["outliers"] == (odd.model.predict(rows) < 0).tolist()
    assert said["outliers"][5:] == [True] * 5


def test_answers_have_the_form_of_the_request(server, flowers):
    rows, names = flowers.rows[:7], list(flowers.model.feature_names_in_)
    frame = pd.DataFrame(rows, columns=names)
    path = "/models/flowers/reconstruct"
    expected = np.array(server.ask("POST", path, rows.tolist()).json["reconstruction"], np.float32)

    as_npy = server.ask("POST", path, npy(rows), content_type="application/x-npy")
    np.testing.assert_array_equal(np.load(io.BytesIO(as_npy.body)), expected)
    as_csv = server.ask("POST", path, frame[names[::-1]].to_csv(index=False), content_type="text/csv")
    table = csv.read_csv(io.BytesIO(as_csv.body))
    assert table.column_names == names
    np.testing.assert_allclose(table.to_pandas(), expected, rtol=1e-7)
    as_arrow = server.ask("POST", path, arrow(frame), content_type=ARROW)
    np.testing.assert_array_equal(ipc.open_stream(as_arrow.body).read_pandas(), expected)
    assert [said.headers["content-type"].partition(";")[0] for said in (as_npy, as_csv, as_arrow)] == [
        "application/x-npy",
        "text/csv",
        ARROW,
    ]


def test_another_form_can_be_asked_for(server, digits):
    said = server.ask("POST", "/models/digits/predict", digits.rows[:3].tolist(), accept="text/csv")
    lines = said.body.decode().splitlines()
    assert lines[0].startswith('"predicted","probability_0","probability_1"')
    assert len(lines) == 4

    said = server.ask("POST", "/models/digits/encode", digits.rows[:3].tolist(), accept="text/csv")
    assert said.body.decode().splitlines()[0] == '"z0","z1"'


def test_more_rows_than_a_batch_come_back_in_order(server, digits):
    rows = np.tile(digits.rows, (5, 1))
    said = server.ask("POST", "/models/digits/encode", npy(rows), content_type="application/x-npy")

    np.testing.assert_allclose(np.load(io.BytesIO(said.body)), digits.model.transform(rows), rtol=1e-4, atol=1e-5)


def test_requests_at_one_time_each_get_their_own(server, digits):
    expected = digits.model.transform(digits.rows)
    found, problems = {}, []
    batches = server.metric("narrows_batch_rows_count"), server.metric("narrows_batched_requests_total")

    def ask(first):
        connection = server.connect()
        try:
            for place in range(first, 160, 16):
                connection.request("POST", "/models/digits/encode", json.dumps(digits.rows[place : place + 1].tolist()))
                found[place] = json.loads(connection.getresponse().read())["codes"][0]
        except Exception as problem:
            problems.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask, args=(first,)) for first in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not problems
    np.testing.assert_allclose([found[place] for place in range(160)], expected[:160], rtol=1e-4, atol=1e-5)
    n_batches = server.metric("narrows_batch_rows_count") - batches[0]
    n_requests = server.metric("narrows_batched_requests_total") - batches[1]
    assert n_requests == 160
    assert n_batches < 160


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status", "said"),
    [
        ("GET", "/nowhere", None, {}, 404, "there is nothing at this path: / lists what there is"),
        ("GET", "/../../etc/passwd", None, {}, 404, "there is nothing at this path: / lists what there is"),
        ("GET", "/models/digits/encode", None, {}, 405, "GET is not what this path is for: see /openapi.json"),
        ("POST", "/models/nobody/encode", [[1]], {}, 404, "there is no model 'nobody' here: digits, flowers, odd are served"),
        ("POST", "/models/..%2f..%2fetc/encode", [[1]], {}, 404, "there is nothing at this path: / lists what there is"),
        ("POST", "/encode", [[1]], {}, 404, "several models are served here: use /models/NAME/…, with one of digits, flowers, odd"),
        ("POST", "/models/odd/predict", [[1] * 5], {}, 404, "model 'odd' has no head, which was to predict something"),
        ("POST", "/models/odd/encode", [[1] * 4], {}, 400, "rows of this model have 5 numbers each, in an array of shape n×5: 1×4 came"),
        ("POST", "/models/odd/decode", {"rows": [[1]]}, {}, 400, 'send {"codes": [[…], …]}, or the list alone'),
        ("POST", "/models/odd/encode", "x", {"content_type": "application/x-pickle"}, 415, "is not read here: send application/json"),
        ("POST", "/models/odd/encode", "x", {"content_encoding": "gzip"}, 415, "packed bodies are not read here"),
        ("POST", "/models/odd/encode", b"x" * (17 << 20), {}, 413, "the body is larger than 16,777,216 bytes"),
        ("POST", "/v2/models/nobody/infer", {}, {}, 404, "there is no model 'nobody' here"),
        ("POST", "/v2/models/odd/infer", {}, {}, 400, 'the JSON must be an object with "inputs", a list'),
        ("POST", "/v2/models/odd/infer", "x", {"content_type": "text/csv"}, 415, "send application/json, or application/octet-stream"),
        ("GET", "/v2/models/odd/versions/2", None, {}, 404, "models have one version here, '1'"),
    ],
)
def test_refusals(server, method, path, body, headers, status, said):
    try:
        answer = server.ask(method, path, body, **headers)
    except (ConnectionError, BrokenPipeError):
        assert status == 413, "who sends more than is taken may be hung up upon before the answer is read"
        return

    assert answer.status == status
    assert said in answer.error


def test_answers_tell_nothing_of_the_inside_and_are_not_kept(server):
    for path in ("/", "/nowhere", "/v2", "/metrics"):
        headers = server.ask("GET", path).headers
        assert "server" not in headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert not [name for name in headers if name.startswith("access-control")]


def test_metrics_are_prometheus_s(server, odd):
    n = server.metric('narrows_requests_total{route="/models/{name}/score",status="200"}')
    rows = server.metric('narrows_rows_total{model="odd"}')
    server.ask("POST", "/models/odd/score", odd.rows.tolist())
    text = server.ask("GET", "/metrics").body.decode()

    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert {"narrows_requests", "narrows_request_seconds", "narrows_batch_rows", "narrows_queue_rows", "narrows_row_error_sum"} <= set(
        families
    )
    assert families["narrows_request_seconds"].type == "histogram"
    assert server.metric('narrows_requests_total{route="/models/{name}/score",status="200"}') == n + 1
    assert server.metric('narrows_rows_total{model="odd"}') == rows + len(odd.rows)
    assert server.metric("narrows_queue_rows") == 0
    assert server.metric("process_resident_memory_bytes") < 250e6


def test_drift_is_the_error_over_the_training_s(server, flowers):
    def ratio():
        return server.metric('narrows_drift_ratio{model="flowers"}')

    server.ask("POST", "/models/flowers/score", flowers.rows.tolist())
    usual = ratio()
    server.ask("POST", "/models/flowers/score", (flowers.rows + 100).tolist())

    assert server.metric('narrows_training_error{model="flowers"}') > 0
    assert ratio() > 10 * usual


def test_requests_are_logged_as_json(server):
    server.ask("GET", '/a"b%0aevent', accept="application/json")
    line = server.logged("request", path='/a"b\nevent')

    assert (line["method"], line["status"], line["client"]) == ("GET", 404, "127.0.0.1")
    assert 0 < line["seconds"] < 30


def test_the_process_holds_neither_keras_nor_scikit_learn(server):
    maps = Path(f"/proc/{server.process.pid}/maps").read_text()

    for library in ("jaxlib", "sklearn", "/scipy/", "onnx_cpp2py"):
        assert library not in maps
    assert "onnxruntime" in maps
