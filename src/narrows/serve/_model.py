"""A model that answers: rows or codes in, arrays by name out, computed by ONNX Runtime and NumPy."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from narrows.networks.scale import Scale
from narrows.serve._prepared import Prepared

SAMPLE_SECONDS = 0.1  # between rows whose error is looked at though nobody asked for it
START = {"rows": "n_features", "codes": "n_components"}


class Watch(Protocol):
    """Who is told what a model sees."""

    def rows(self, n: int) -> None:
        """Note that `n` rows were computed."""

    def errors(self, total: float, n: int) -> None:
        """Note the sum of the errors of `n` rows."""


class Model:
    """One bundle, ready to answer.

    Parameters
    ----------
    name : str
        What it is served under.
    prepared : Prepared
    watch : Watch

    Raises
    ------
    ValueError
        If it does not give finite numbers.
    """

    def __init__(self, name: str, prepared: Prepared, watch: Watch) -> None:
        self.name, self.about = name, prepared.about
        arrays = prepared.arrays
        self._scale = _scale(self.about.scale, arrays, "scale")
        self._label_scale = _scale("standard", arrays, "label_scale") if "label_scale/shift" in arrays else None
        self._usual = {key: arrays[f"outliers/{key}"] for key in ("misfit", "center", "code", "precision")} if self._is_usual else None
        self._run = {part: _runner(content) for part, content in prepared.graphs.items()}
        self._watch, self._sampled = watch, 0.0
        self._try_out()

    @property
    def _is_usual(self) -> bool:
        return self.about.measure == "usual"

    @property
    def outputs(self) -> dict[str, int]:
        """What can be asked of rows, each with its numbers a row."""
        given = {"codes": self.about.n_components, "reconstruction": self.about.n_features, "error": 1}
        return given if self.about.predicts is None else {**given, self.about.predicts: self._run_head_width}

    @property
    def _run_head_width(self) -> int:
        return int(self._run["head"].width)

    def width(self, start: str) -> int:
        """Give the numbers of a row ("rows") or of a code ("codes")."""
        return int(getattr(self.about, START[start]))

    def compute(self, start: str, wanted: frozenset[str], parts: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """Compute what is wanted of rows or of codes that came in parts, together.

        Parameters
        ----------
        start : {"rows", "codes"}
        wanted : frozenset of str
            Of rows some of `outputs`; of codes "reconstruction".
        parts : sequence of ndarray of shape (n, width)
            Of any types of numbers.

        Returns
        -------
        dict of str to ndarray of shape (n, its numbers)
            float32, but errors float64.
        """
        if start == "codes":
            codes = np.concatenate([part.astype(np.float32, copy=False) for part in parts])
            return {"reconstruction": self._unscaled(self._run["decoder"](codes))}
        rows = self._scaled(parts)
        codes = self._run["encoder"](rows)
        found: dict[str, np.ndarray] = {"codes": codes}
        if self.about.predicts in wanted and self.about.predicts is not None:
            found[self.about.predicts] = self._predicted(codes)
        if wanted & {"reconstruction", "error"}:
            rebuilt = self._run["decoder"](codes)
            if "reconstruction" in wanted:
                found["reconstruction"] = self._unscaled(rebuilt)
            found["error"] = self._errors(rows, codes, rebuilt)
            self._note(found["error"])
        elif time.monotonic() - self._sampled > SAMPLE_SECONDS:
            self._sampled = time.monotonic()
            self._note(self._errors(rows[:1], codes[:1], self._run["decoder"](codes[:1])))
        self._watch.rows(len(rows))
        return {name: found[name] for name in wanted}

    def _scaled(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        if len({part.dtype for part in parts}) > 1:  # each as it would be alone: float64 is rounded after it is scaled
            return np.concatenate([self._scale.apply(part) for part in parts])
        rows = parts[0] if len(parts) == 1 else np.concatenate(parts)
        with np.errstate(over="ignore"):
            return np.ascontiguousarray(self._scale.apply(rows))

    def _unscaled(self, rebuilt: np.ndarray) -> np.ndarray:
        return rebuilt if self._scale.kind == "none" else _float32(self._scale.undo(rebuilt))

    def _predicted(self, codes: np.ndarray) -> np.ndarray:
        predicted: np.ndarray = self._run["head"](codes)
        return predicted if self._label_scale is None else _float32(self._label_scale.undo(predicted))

    def _errors(self, rows: np.ndarray, codes: np.ndarray, rebuilt: np.ndarray) -> np.ndarray:
        residual = rebuilt - rows
        if self._usual is None:
            errors = np.einsum("nd,nd->n", residual, residual, dtype=np.float64) / rows.shape[1]
        else:
            away = codes.astype(np.float64) - self._usual["code"]
            precision = self._usual["precision"]
            distance = ((away @ precision if precision.ndim == 2 else away * precision) * away).sum(1)
            weight = 1 / (2 * rows.shape[1] * np.square(self._usual["misfit"]))
            errors = np.square(residual, dtype=np.float64) @ weight + distance / 2
        return np.where(np.isnan(errors), np.inf, errors)[:, None]

    def _note(self, errors: np.ndarray) -> None:
        finite = errors[np.isfinite(errors)]
        self._watch.errors(float(finite.sum()), len(finite))

    def _try_out(self) -> None:
        """Run what lies in the middle once: a model that cannot is refused before it replaces another."""
        middle = np.zeros((1, self.about.n_features), np.float32)
        codes = self._run["encoder"](middle)
        ends = [codes, *(self._run[part](codes) for part in self._run if part != "encoder")]
        if not all(np.isfinite(end).all() for end in ends):
            raise ValueError("it gives numbers that are not finite")


class _Runner:
    def __init__(self, session: Any) -> None:
        self._session = session
        self.width = session.get_outputs()[0].shape[1]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        made: np.ndarray = self._session.run(["y"], {"x": x})[0]
        return made


def _runner(content: bytes) -> _Runner:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # Batches side by side, each in one thread, take a sixth less of the cores' time than one after the other in all threads.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.enable_mem_pattern = False  # batches are of all sizes, and each size would keep its own plan of memory
    return _Runner(onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"]))


def _scale(kind: Any, arrays: dict[str, np.ndarray], group: str) -> Scale:
    shift, factor = arrays[f"{group}/shift"], arrays[f"{group}/factor"]
    return Scale(kind, shift, factor, False, np.zeros_like(shift))


def _float32(values: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return values.astype(np.float32)
