"""Keras 3 on JAX: imported late, on the right backend, with threads and caches that suit this process."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import platform
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from narrows.errors import BackendError, BackendWarning

_started_in: int | None = None

# A user's own ``import keras`` may come after narrows' and before the first fit, and so may the import that unpickling
# a Keras object does in a worker process: both must find JAX.
if "keras" not in sys.modules and not os.environ.get("KERAS_BACKEND"):
    os.environ["KERAS_BACKEND"] = "jax"


def keras() -> ModuleType:
    """Import Keras on JAX and start JAX's devices.

    Returns
    -------
    module
        `keras`, whose backend is JAX whatever ``keras.json`` says.

    Raises
    ------
    BackendError
        If Keras is already loaded on another backend, or JAX was started before this process was forked.
    """
    _refuse_forked()
    return _import_keras()


@functools.cache
def _import_keras() -> ModuleType:
    asked = os.environ.get("KERAS_BACKEND")
    if "keras" not in sys.modules:
        if asked not in (None, "", "jax"):
            warnings.warn(
                f"KERAS_BACKEND={asked} is set, but narrows computes with JAX: Keras is loaded on JAX in this process",
                BackendWarning,
                stacklevel=4,
            )
        with _environment(KERAS_BACKEND="jax", NPROC=_threads(), TF_CPP_MIN_LOG_LEVEL="3" if _quieted() else None):
            import keras as module

            _start_jax()
    else:
        import keras as module

        if module.backend.backend() != "jax":
            raise BackendError(
                f"Keras is already loaded on the backend {module.backend.backend()!r}, and narrows needs 'jax': "
                f"import narrows.Autoencoder before keras, or set KERAS_BACKEND=jax before Python starts"
            )
        with _environment(NPROC=_threads()):
            _start_jax()
    return module


def _start_jax() -> None:
    """Start the devices now, while the number of threads is set, and keep compiled programs on disk."""
    global _started_in
    import jax

    _keep_programs(jax)
    jax.devices()
    _started_in = os.getpid()


@functools.cache
def _quieted() -> bool:
    """Whether XLA is told to log nothing but what ends the process: where nobody has said, and JAX has yet to be loaded.

    With AVX-512 its loader takes preferences of the compiler (prefer-no-gather) for instructions that the processor lacks, and foretells
    crashes for each program from the cache, which then runs well (openxla/xla issue 44565). Errors come as exceptions anyway.
    """
    return "avx512f" in processor_flags() and "jax" not in sys.modules and not os.environ.get("TF_CPP_MIN_LOG_LEVEL")


def _keep_programs(jax: ModuleType) -> None:
    if jax.config.jax_compilation_cache_dir is not None or os.environ.get("NARROWS_PROGRAM_CACHE") == "off":
        return
    if "avx512f" in processor_flags() and not _quieted() and os.environ.get("TF_CPP_MIN_LOG_LEVEL") != "3":
        return  # each program from the cache would come with a false alarm
    import pooch

    # A program compiled for one processor can crash another one: homes are shared between machines, programs must not be.
    machine = hashlib.sha256(" ".join([platform.machine(), *sorted(processor_flags())]).encode()).hexdigest()[:12]
    folder = Path(pooch.os_cache("narrows")) / "programs" / f"jax-{jax.__version__}-{machine}"
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)  # a fit has a dozen small programs, half a second in all


def _threads() -> str | None:
    """How many threads XLA may start, where the environment says so (joblib's workers are told by OMP_NUM_THREADS)."""
    said = os.environ.get("NPROC") or os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    return said if said.isdigit() and int(said) > 0 else None


@contextlib.contextmanager
def _environment(**values: str | None) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    try:
        for name, value in values.items():
            if value is not None:
                os.environ[name] = value
        yield
    finally:
        for name, old in before.items():
            if old is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = old


def _refuse_forked() -> None:
    if _started_in not in (None, os.getpid()):
        raise BackendError(
            "this process was forked after JAX had started its threads, and would hang: use joblib's default backend 'loky' "
            "(or multiprocessing's 'spawn' or 'forkserver') to fit in worker processes"
        )


@functools.cache
def processor_flags() -> frozenset[str]:
    """Give the flags of the first processor, empty where the system does not say."""
    with contextlib.suppress(OSError), open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith(("flags", "Features")):
                return frozenset(line.split(":", 1)[1].split())
    return frozenset()
