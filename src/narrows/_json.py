"""JSON that every reader takes: null where a number is not finite."""

from __future__ import annotations

import json
import math
from typing import Any


def dumps(value: Any, **layout: Any) -> str:
    """Write plain values as strict JSON; `layout` goes to `json.dumps`.

    Raises
    ------
    TypeError
        If a value is not plain.
    """
    return json.dumps(_finite(value), allow_nan=False, **layout)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
