"""Who is let in, and what bounds there are for those who mean ill."""

from __future__ import annotations

import json
import socket
import time

import numpy as np
import pytest

TOKEN, OTHER = "a-token-of-some-length", "another-token-as-good"


def raw(server, content, seconds=30):
    """Send bytes; give all that comes back until the server hangs up."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=seconds) as connection:
        try:
            connection.sendall(content)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has hung up already
        return rest(connection)


def rest(connection):
    found = b""
    try:
        while part := connection.recv(65536):
            found += part
    except ConnectionResetError:
        pass
    return found


def status_of(answer):
    return int(answer.split(b" ", 2)[1]) if answer else 0


@pytest.fixture(scope="module")
def strict(launch, digits, tmp_path_factory):
    """A server with tokens, and with limits that a test can reach."""
    tokens = tmp_path_factory.mktemp("tokens") / "tokens"
    tokens.write_text(f"# two of them\n{TOKEN}\n\n{OTHER}\n")
    flags = ["--token-file", str(tokens), "--receive-seconds", "1", "--connections", "8", "--max-body", "1", "--max-rows", "100"]
    return launch(digits.path, *flags)


@pytest.mark.parametrize("token", [TOKEN, OTHER])
def test_a_token_opens(strict, token):
    assert strict.ask("GET", "/v2", authorization=f"Bearer {token}").status == 200
    assert strict.ask("GET", "/v2", authorization=f"bearer  {token} ").status == 200


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", "Bearer # two of them"]
)
def test_nothing_else_does(strict, authorization):
    for method, path in (
        ("GET", "/v2"),
        ("GET", "/metrics"),
        ("GET", "/openapi.json"),
        ("POST", "/encode"),
        ("GET", "/nowhere"),
        ("GET", "/"),
    ):
        said = strict.ask(method, path, authorization=authorization)
        assert said.status == 401
        assert said.headers["www-authenticate"] == "Bearer"
        assert "Bearer TOKEN" in said.error
        assert "digits" not in said.error


def test_health_and_the_page_need_none(strict):
    for path in ("/v2/health/live", "/v2/health/ready", "/page.js"):
        assert strict.ask("GET", path).status == 200
    page = strict.ask("GET", "/", accept="text/html")
    assert page.status == 200
    assert b"digits" not in page.body


def test_pages_of_other_sites_are_kept_out(server):
    assert server.ask("POST", "/models/odd/encode", [[1] * 5], origin="http://evil.example").status == 403
    assert server.ask("POST", "/models/odd/encode", [[1] * 5], origin="null").status == 403
    own = server.address
    assert server.ask("POST", "/models/odd/encode", [[1] * 5], origin=own, host=own.removeprefix("http://")).status == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", "evil.example:127.0.0.1", ""])
def test_names_that_were_given_this_address_are_refused(server, host):
    assert server.ask("GET", "/metrics", host=host).status == 421


@pytest.mark.parametrize("host", ["localhost", "LocalHost:80", "127.0.0.1:9", "[::1]:80"])
def test_the_names_of_this_machine_are_not(server, host):
    assert server.ask("GET", "/metrics", host=host).status == 200


def test_a_request_that_does_not_end_is_ended(strict):
    """A slow loris sends a byte now and then, and never the last one: in the headers, in the body, or none at all."""
    start = f"POST /encode HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n".encode()
    begun = {b"": 0, b"\r\n": 0, b"GET /": 408, start + b"X: ": 408, start + b"Content-Length: 99\r\n\r\n": 408}
    connections = {}
    for content in begun:
        connections[content] = socket.create_connection(("127.0.0.1", strict.port), timeout=30)
        connections[content].sendall(content)
    for _ in range(4):
        time.sleep(0.3)
        for content, connection in connections.items():
            try:
                connection.sendall(b"\r\n" if content == b"\r\n" else b"1" if content else b"")
            except (BrokenPipeError, ConnectionResetError):
                pass
    found = {content: status_of(rest(connection)) for content, connection in connections.items()}
    for connection in connections.values():
        connection.close()

    assert found == begun
    assert strict.ask("GET", "/v2/health/live").status == 200


def test_a_reader_that_does_not_read_is_ended(start, odd):
    server = start(odd.path, "--receive-seconds", "1")
    rows = np.zeros((40_000, 5)).astype("<f4").tobytes()
    header = json.dumps(
        {"inputs": [{"name": "rows", "shape": [40_000, 5], "datatype": "FP32", "parameters": {"binary_data_size": len(rows)}}]}
    ).encode()
    head = (
        f"POST /v2/models/odd/infer HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(header) + len(rows)}\r\n"
        f"Inference-Header-Content-Length: {len(header)}\r\n\r\n"
    ).encode()
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", server.port))
        connection.sendall(head + header + rows)
        server.logged("request", path="/v2/models/odd/infer", status=200)
        until = time.monotonic() + 20
        while server.metric("narrows_connections") > 1 and time.monotonic() < until:
            time.sleep(0.1)

        assert server.metric("narrows_connections") == 1, "the one that asks"


def test_headers_are_bounded(strict):
    head = b"GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n"
    assert status_of(raw(strict, head + b"Connection: close\r\n\r\n")) == 200
    assert status_of(raw(strict, head + b"X: " + b"x" * 20_000 + b"\r\n\r\n")) == 431
    assert status_of(raw(strict, head + b"X: y\r\n" * 4_000 + b"\r\n")) == 431
    assert status_of(raw(strict, b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")) == 431
    assert status_of(raw(strict, head + b"X: " + b"x" * 2_000_000)) == 431


@pytest.mark.parametrize(
    "content",
    [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b"hello\r\n\r\n", b"GET  / HTTP/9.9\r\n\r\n", b"CONNECT a:1 HTTP/1.1\r\n\r\n",
     b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
     b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", b"POST / HTTP/1.1\r\nTransfer-Encoding: x\r\n\r\n"],
)  # fmt: skip
def test_what_is_no_http_is_refused(strict, content):
    answer = raw(strict, content)

    assert status_of(answer) == 400
    assert answer.endswith(b'{"error": "what came is no HTTP request"}')


def test_bodies_and_rows_are_bounded(strict):
    token = f"Authorization: Bearer {TOKEN}\r\nHost: localhost\r\n".encode()
    announced = b"POST /encode HTTP/1.1\r\n" + token + b"Content-Length: 99999999999\r\n\r\n"
    assert status_of(raw(strict, announced)) == 413
    chunks = b"POST /encode HTTP/1.1\r\n" + token + b"Transfer-Encoding: chunked\r\n\r\n" + (b"8000\r\n" + b" " * 0x8000 + b"\r\n") * 64
    assert status_of(raw(strict, chunks)) in (0, 413)
    said = strict.ask("POST", "/encode", [[0] * 64] * 101, authorization=f"Bearer {TOKEN}")
    assert (said.status, said.error) == (413, "101 rows came, and 100 are allowed: send them in parts")


def test_connections_are_bounded(strict):
    held = [socket.create_connection(("127.0.0.1", strict.port), timeout=30) for _ in range(8)]
    try:
        answer = raw(strict, b"")
        assert status_of(answer) == 503
        assert b"retry-after: 1" in answer
    finally:
        for connection in held:
            connection.close()
    until = time.monotonic() + 20
    while status_of(raw(strict, b"GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")) != 200:
        assert time.monotonic() < until


def test_pipelined_requests_are_answered_in_order(server):
    one = b"GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n"
    answer = raw(server, (one + b"\r\n") * 50 + b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")

    assert answer.count(b"HTTP/1.1 200 OK") == 50
    assert answer.endswith(b'lists what there is"}')
