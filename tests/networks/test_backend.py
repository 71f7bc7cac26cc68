"""Keras on JAX, whatever the environment says: one sentence, or no effect."""

from __future__ import annotations

import json

import pytest

FIT = """
import numpy as np
from narrows.networks import Dense, computation
from narrows import _backend
plan = Dense(4).plan(6, 2, code_activation="linear", output_activation="sigmoid")
weights = computation.first_weights(plan, np.random.default_rng(0), None)
made = computation.of_plan(plan.computation)
out = made.reconstruct(weights, np.ones((3, 6), np.float32))
print(_backend.keras().backend.backend(), out.dtype, out.shape)
"""


@pytest.fixture
def keras_home(tmp_path) -> str:
    """A home whose keras.json has other defaults than Keras's."""
    settings = {"floatx": "float16", "epsilon": 1e-3, "backend": "numpy", "image_data_format": "channels_first"}
    (tmp_path / "keras.json").write_text(json.dumps(settings))
    return str(tmp_path)


def test_keras_json_has_no_effect(python, keras_home):
    assert python(FIT, KERAS_HOME=keras_home) == "jax float32 (3, 6)\n"


def test_another_backend_in_the_environment_is_one_warning(python):
    printed = python(
        "import warnings; warnings.simplefilter('error', UserWarning)\n"
        "from narrows import _backend, errors\n"
        "try: _backend.keras()\n"
        "except errors.BackendWarning as warning: print(warning)",
        KERAS_BACKEND="torch",
    )

    assert printed == "KERAS_BACKEND=torch is set, but narrows computes with JAX: Keras is loaded on JAX in this process\n"


def test_keras_already_on_another_backend_is_one_sentence(python):
    printed = python(
        "import os; os.environ['KERAS_BACKEND'] = 'numpy'\n"
        "import keras\n"
        "from narrows import _backend, errors\n"
        "try: _backend.keras()\n"
        "except errors.BackendError as error: print(isinstance(error, ImportError), error)"
    )

    assert printed.startswith(
        "True Keras is already loaded on the backend 'numpy', and narrows needs 'jax': import narrows.Autoencoder before keras"
    )


def test_keras_imported_after_narrows_is_on_jax(python):
    """What the sentence above advises is true, and what a user writes first: ``from narrows import …``, then ``import keras``."""
    printed = python(
        "from narrows import Autoencoder\nimport keras\nprint(keras.backend.backend())\nfrom narrows import _backend\n_backend.keras()"
    )

    assert printed == "jax\n"


FORK = (
    FIT
    + """
import multiprocessing
from narrows.errors import BackendError
from narrows.networks import scale
from narrows.networks.network import Network
fitted = Network(scale.learn("auto", np.ones((3, 6))), weights, plan)

def child():
    for what in (_backend.keras, lambda: fitted.encode(np.ones((3, 6)))):
        try: what()
        except BackendError as error: print(error, flush=True)

worker = multiprocessing.get_context("fork").Process(target=child)
worker.start(); worker.join(60)
print(worker.exitcode)
worker.kill()
"""
)


def test_a_forked_process_is_told_instead_of_hanging(python):
    """To fit there and to predict there."""
    _, *told, code = python(FORK).splitlines()

    assert len(told) == 2
    assert all(
        "this process was forked after JAX had started its threads, and would hang: use joblib's default backend 'loky'" in t for t in told
    )
    assert code == "0"


def test_xla_starts_as_many_threads_as_the_worker_may_use(python):
    """joblib tells its workers by OMP_NUM_THREADS; XLA reads NPROC, which does not leak into the environment."""
    code = (
        "import os; from narrows import _backend; _backend.keras()\n"
        "names = [open(f'/proc/self/task/{task}/comm').read() for task in os.listdir('/proc/self/task')]\n"
        "print(sum('XLAEigen' in name for name in names), 'NPROC' in os.environ)"
    )

    assert python(code, OMP_NUM_THREADS="1") == "1 False\n"
