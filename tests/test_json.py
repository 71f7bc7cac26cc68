"""JSON as it is written: what others read, and null where a number is not finite."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows import _json

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def as_read(value):
    """What is to be read back, said without JSON."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: as_read(item) for key, item in value.items()}
    return [as_read(item) for item in value] if isinstance(value, list | tuple) else value


def refuse(constant):
    raise AssertionError(f"{constant} is no JSON")


@given(plain)
def test_what_is_written_is_read_by_the_strictest_reader(value):
    assert json.loads(_json.dumps(value), parse_constant=refuse) == as_read(value)


def test_the_layout_is_the_callers():
    assert _json.dumps({"a": [1, "ü"]}, separators=(",", ":"), ensure_ascii=False) == '{"a":[1,"ü"]}'


def test_what_is_not_plain_is_refused():
    with pytest.raises(TypeError, match="not JSON serializable"):
        _json.dumps({"a": object()})
