"""Experiments that answer a question about rows by many fits."""

from __future__ import annotations

from narrows.study.code_sizes import CodeSizes, dimensions
from narrows.study.elbow import Elbow, find_elbow

__all__ = ["CodeSizes", "Elbow", "dimensions", "find_elbow"]
