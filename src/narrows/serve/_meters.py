"""Figures of what a server does, in memory that its processes share, as Prometheus reads them."""

from __future__ import annotations

import mmap
import os
import sys
import threading
import time
from bisect import bisect_left
from collections.abc import Iterable

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
STATUSES = (200, 400, 401, 403, 404, 405, 408, 411, 413, 415, 421, 429, 431, 500, 503)
OTHER = "other"  # paths that lead nowhere
TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Meters:
    """Counters of one process, beside those of the others.

    Each process has a row of numbers of its own in the same memory, which no other writes to; whoever is asked adds them up.

    Parameters
    ----------
    routes, models : iterable of str
        Names that figures are kept by.
    shared : int, default=-1
        A file's descriptor that all processes have; memory of this process alone by default.
    process : int, default=0
        Which of them this is.
    processes : int, default=1
        How many there are.
    """

    def __init__(self, routes: Iterable[str], models: Iterable[str], shared: int = -1, process: int = 0, processes: int = 1) -> None:
        self._routes, self._models = (*routes, OTHER), tuple(models)
        self._places: dict[tuple[str, ...], int] = {}
        for route in self._routes:
            for status in STATUSES:
                self._place("requests", route, str(status))
            self._histogram("seconds", route, len(SECONDS))
        self._histogram("batch_rows", "", len(SIZES))
        for name in ("batched_requests", "waiting", "connections", "turned_away", "log_lines_lost"):
            self._place(name)
        for model in self._models:
            for name in ("rows", "error_sum", "error_rows", "training_error", "reloads", "failed_reloads"):
                self._place(name, model)
        self._width, self._processes = len(self._places), processes
        memory = mmap.mmap(shared, size(self._width, processes))
        self._all = memoryview(memory).cast("d")
        self._own = self._all[process * self._width : (process + 1) * self._width]
        for place in range(self._width):
            self._own[place] = 0.0  # what a process before this one has counted is gone, as everywhere
        self._started = time.time()

    def _place(self, *key: str) -> None:
        self._places[key] = len(self._places)

    def _histogram(self, name: str, label: str, n_bounds: int) -> None:
        for bound in range(n_bounds + 1):
            self._place(name, label, str(bound))
        self._place(name, label, "sum")

    def request(self, route: str, status: int, seconds: float) -> None:
        """Note an answer."""
        own, places = self._own, self._places
        if ("requests", route, "200") not in places:
            route = OTHER
        status = status if status in STATUSES else 500 if status >= 500 else 400 if status >= 400 else 200
        own[places["requests", route, str(status)]] += 1
        own[places["seconds", route, "0"] + bisect_left(SECONDS, seconds)] += 1
        own[places["seconds", route, "sum"]] += seconds

    def batch(self, rows: int, requests: int) -> None:
        """Note a batch that is computed."""
        own, places = self._own, self._places
        own[places["batch_rows", "", "0"] + bisect_left(SIZES, rows)] += 1
        own[places["batch_rows", "", "sum"]] += rows
        own[places["batched_requests",]] += requests

    def waiting(self, rows: int) -> None:
        """Note by how many the rows that wait have changed."""
        self._own[self._places["waiting",]] += rows

    def count(self, name: str, model: str | None = None, by: float = 1.0) -> None:
        """Add to a figure of the process, or of a model."""
        self._own[self._places[(name,) if model is None else (name, model)]] += by

    def put(self, name: str, value: float, model: str | None = None) -> None:
        """Set a figure of the process, or of a model."""
        self._own[self._places[(name,) if model is None else (name, model)]] = value

    def of(self, model: str) -> ModelMeters:
        """Give what a model reports to."""
        return ModelMeters(self, model)

    def text(self) -> str:
        """Give all figures, over all processes, as Prometheus reads them."""
        return "".join(f"{line}\n" for line in self._lines())

    def _sum(self, *key: str) -> float:
        place = self._places[key]
        return sum(self._all[process * self._width + place] for process in range(self._processes))

    def _lines(self) -> Iterable[str]:
        yield from _head("narrows_requests_total", "counter", "Answers by route and status.")
        for route in self._routes:
            for status in STATUSES:
                if n := self._sum("requests", route, str(status)):
                    yield f'narrows_requests_total{{route="{route}",status="{status}"}} {n:.0f}'
        yield from _head("narrows_request_seconds", "histogram", "Time from a request's headers to the end of its answer.")
        for route in self._routes:
            yield from self._histogram_lines("narrows_request_seconds", "seconds", route, SECONDS, f'route="{route}",')
        yield from _head("narrows_batch_rows", "histogram", "Rows that were computed together.")
        yield from self._histogram_lines("narrows_batch_rows", "batch_rows", "", SIZES, "")
        for name, kind, key, told in (
            ("narrows_batched_requests_total", "counter", "batched_requests", "Requests in these batches."),
            ("narrows_queue_rows", "gauge", "waiting", "Rows that wait to be computed."),
            ("narrows_connections", "gauge", "connections", "Connections that are open."),
            ("narrows_connections_refused_total", "counter", "turned_away", "Connections that were one too many, or sent no request."),
            ("narrows_log_lines_lost_total", "counter", "log_lines_lost", "Lines of the log that nobody read in time."),
        ):
            yield from _head(name, kind, told)
            yield f"{name} {self._sum(key):.0f}"
        for name, kind, key, told in (
            ("narrows_rows_total", "counter", "rows", "Rows that were computed."),
            ("narrows_row_error_sum", "counter", "error_sum", "Sum of the errors of rows; of codes alone ten rows a second are looked at."),
            ("narrows_row_error_rows_total", "counter", "error_rows", "How many rows that sum is of."),
            ("narrows_reloads_total", "counter", "reloads", "How often a changed bundle took another's place."),
            ("narrows_reloads_failed_total", "counter", "failed_reloads", "How often one could not, and the old one stayed."),
        ):
            yield from _head(name, kind, told)
            for model in self._models:
                yield f'{name}{{model="{model}"}} {self._sum(key, model):.9g}'
        yield from self._drift()
        yield from _head("process_resident_memory_bytes", "gauge", "Memory of the process that answers.")
        yield f"process_resident_memory_bytes {resident()}"
        yield from _head("process_start_time_seconds", "gauge", "When it began.")
        yield f"process_start_time_seconds {self._started:.3f}"

    def _drift(self) -> Iterable[str]:
        yield from _head("narrows_training_error", "gauge", "Mean error of rows when the model was made.")
        training = {model: max(self._all[p * self._width + self._places["training_error", model]] for p in range(self._processes))
                    for model in self._models}  # fmt: skip
        for model, error in training.items():
            if error:
                yield f'narrows_training_error{{model="{model}"}} {error:.9g}'
        yield from _head("narrows_drift_ratio", "gauge", "Mean error of the rows so far over that: far above 1, rows are of another kind.")
        for model, error in training.items():
            if error and (n := self._sum("error_rows", model)):
                yield f'narrows_drift_ratio{{model="{model}"}} {self._sum("error_sum", model) / n / error:.9g}'

    def _histogram_lines(self, name: str, key: str, label: str, bounds: tuple[float, ...], labels: str) -> Iterable[str]:
        counts = [self._sum(key, label, str(place)) for place in range(len(bounds) + 1)]
        if not sum(counts):
            return
        total = 0.0
        for bound, count in zip((*map(str, bounds), "+Inf"), counts, strict=True):
            total += count
            yield f'{name}_bucket{{{labels}le="{bound}"}} {total:.0f}'
        shown = f"{{{labels.rstrip(',')}}}" if labels else ""
        yield f"{name}_sum{shown} {self._sum(key, label, 'sum'):.9g}"
        yield f"{name}_count{shown} {total:.0f}"


class ModelMeters:
    """What one model sees; told by several threads."""

    def __init__(self, meters: Meters, model: str) -> None:
        self._meters, self._model, self._lock = meters, model, threading.Lock()

    def rows(self, n: int) -> None:
        """Note that `n` rows were computed."""
        with self._lock:
            self._meters.count("rows", self._model, n)

    def errors(self, total: float, n: int) -> None:
        """Note the sum of the errors of `n` rows."""
        with self._lock:
            self._meters.count("error_sum", self._model, total)
            self._meters.count("error_rows", self._model, n)


def size(width: int, processes: int) -> int:
    """Give the bytes that figures of so many processes take, in whole pages."""
    return -(-8 * width * processes // mmap.PAGESIZE) * mmap.PAGESIZE


def resident() -> int:
    """Give the bytes of memory that this process holds."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import resource

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else 1024 * most


def _head(name: str, kind: str, told: str) -> tuple[str, str]:
    return f"# HELP {name} {told}", f"# TYPE {name} {kind}"
