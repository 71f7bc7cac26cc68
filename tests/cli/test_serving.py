"""``narrows serve``: what it refuses before it begins. What it serves is tested in tests/serve."""

from __future__ import annotations

import socket

import pytest


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--host", "0.0.0.0"],
            "host '0.0.0.0' can be reached from other machines: name a file of tokens (--token-file)",
        ),
        (["--host", "example.invalid", "--insecure"], "host 'example.invalid' is no address of this machine: say an address"),
        (["--token-file", "nowhere"], "'nowhere': No such file or directory"),
        (["--token-file", "empty"], "'empty' holds no token: write one a line, such as what 'openssl rand -hex 32' gives"),
        (["--token-file", "short"], "token 2 of 'short' has 5 characters, and could be guessed: use 16 at least"),
        (["--token-file", "odd"], "token 1 of 'odd' has characters that no token can have: use letters, digits and -._~+/="),
        (["--token-file", "wild"], "'wild' holds bytes that no token can have"),
        (["two.narrows", "folder/two.narrows"], "two bundles are called 'two': give one another name, as in other=folder/two.narrows"),
        (["a b.narrows"], "'a b' cannot be the name of a model, which is made of letters, digits, '_', '-' and '.': say NAME=PATH"),
        (["x.decoder.narrows"], "'x.decoder' cannot be the name of a model"),
        (["x=nowhere.narrows"], "'nowhere.narrows': No such file or directory"),
        (["--port", "99999"], "Invalid value for '--port'"),
        (["--workers", "0"], "Invalid value for '--workers'"),
    ],
)
def test_it_says_what_is_wrong(narrows, digits, tmp_path, arguments, said):
    for name, text in {"empty": "# none\n\n", "short": "sixteen-letters-x\nshort\n", "odd": "sixteen letters x\n"}.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "wild").write_bytes(b"\xff" * 20)

    done = narrows("serve", digits.path, "--port", "0", *arguments)

    assert done.code == 2
    assert said in done.only_line


def test_a_taken_address_is_refused(narrows, digits):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = narrows("serve", digits.path, "--port", str(taken.getsockname()[1]))

    assert done.code == 2
    assert "cannot be listened at (Address already in use): say another --host or --port" in done.only_line


def test_a_bundle_that_cannot_be_served_ends_all_processes(narrows, tmp_path):
    (tmp_path / "bad.narrows").write_bytes(b"not a bundle")

    for workers in ("1", "2"):
        done = narrows("serve", "bad.narrows", "--port", "0", "--workers", workers)
        assert done.code == 2
        assert "bad.narrows is not a bundle, or was cut off" in done.only_line


def test_a_missing_package_is_named_with_its_remedy(narrows, digits, monkeypatch):
    from importlib import util

    find = util.find_spec
    monkeypatch.setattr(util, "find_spec", lambda name: None if name == "uvicorn" else find(name))

    done = narrows("serve", digits.path)

    assert done.only_line == "narrows: narrows serve needs uvicorn, which is not installed: pip install 'narrows[serve]'"


def test_help_is_in_groups_and_fits_into_80_columns(narrows):
    lines = narrows("serve", "--help").out.splitlines()

    assert max(map(len, lines)) <= 80
    assert "Limits:" in lines
