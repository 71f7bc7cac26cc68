"""What an address of a cluster may be."""

from __future__ import annotations

import pytest

from narrows.cluster._addresses import Address, parsed


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("auto", Address("auto", "auto")),
        ("local:4", Address("local:4", "local", workers=4)),
        ("head:6379", Address("head:6379", "host", "head", 6379)),
        ("[::1]:6379", Address("[::1]:6379", "host", "::1", 6379)),
        (" ray://10.0.0.1:10001 ", Address("ray://10.0.0.1:10001", "client", "10.0.0.1", 10001)),
    ],
)
def test_addresses(text, meant):
    assert parsed(text) == meant


@pytest.mark.parametrize("text", ["", "head", "head:", "head:0", "head:65536", "http://head:80", "ray://head", "ray://", "a b:1", "local"])
def test_what_is_no_address_is_refused_with_those_that_are(text):
    with pytest.raises(ValueError, match=r"is no address of a cluster: say 'auto' .*'local:N' .*'HOST:PORT' .*'ray://HOST:PORT'"):
        parsed(text)


@pytest.mark.parametrize("text", ["local:", "local:0", "local:-1", "local:two", "local:5000", "local:²"])
def test_no_number_of_workers(text):
    with pytest.raises(ValueError, match=r"starts no workers: after 'local:' comes their number, from 1 to 4,096, as in local:4"):
        parsed(text)
