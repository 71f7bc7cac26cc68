"""Experiments that answer a question about rows by many fits: how long a code, and whether what the textbook says holds."""

from __future__ import annotations

from narrows.study.catalog import run, studies
from narrows.study.code_sizes import CodeSizes, dimensions
from narrows.study.elbow import Elbow, find_elbow
from narrows.study.findings import Finding
from narrows.study.running import Outcome

__all__ = ["CodeSizes", "Elbow", "Finding", "Outcome", "dimensions", "find_elbow", "run", "studies"]
