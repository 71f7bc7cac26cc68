"""What tests share; narrows itself is not imported here, so that tests of its import see a clean process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

# A test may import Keras before narrows does. The processes that `python` starts go without this.
os.environ.setdefault("KERAS_BACKEND", "jax")

# Most of the time of these tests goes into compiling programs that then run for a moment. They compute the same, but for rounding.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")

# The same examples in every run, whatever the clock says: a failure found here is found everywhere.
settings.register_profile("narrows", deadline=None, derandomize=True, database=None, max_examples=50)
settings.load_profile("narrows")

ROOT = Path(__file__).parent.parent


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., str]:
    """Run code in a fresh interpreter, in an empty folder, with no Keras settings; give back what it printed."""

    def run(code: str, **environment: str) -> str:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("KERAS_", "PYTHON"))}
        if "PYTHONPATH" in os.environ:
            inherited["PYTHONPATH"] = os.pathsep.join(os.path.abspath(path) for path in os.environ["PYTHONPATH"].split(os.pathsep))
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env=inherited | environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return run


@pytest.fixture(scope="session")
def mnist_path() -> Path:
    """Give the folder of MNIST's four files; skip where NARROWS_DATA does not hold it: tests never download."""
    folder = Path(os.environ.get("NARROWS_DATA", ROOT / "no-data")) / "mnist"
    if not folder.is_dir():
        pytest.skip("MNIST is not there: set NARROWS_DATA to the folder that holds mnist/")
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Give a Chromium that draws WebGL in software; skip where none is installed.

    Its event loop counts as running for as long as it lives, and tests of other modules run loops of their own: hence one a module.
    """
    chromium = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)
    if chromium is None:
        pytest.skip("there is no Chromium here")
    from playwright.sync_api import sync_playwright

    # The first four keep it from calling home, which has nothing to do with the page.
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    software = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", *quiet, *software])
        yield made
        made.close()


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Give what mounts a disk, with options such as "size=16k"; skip where that is not allowed: only root may, and not everywhere."""
    mounted: list[Path] = []

    def run(options: str) -> Path:
        folder = tmp_path / f"disk{len(mounted)}"
        folder.mkdir()
        try:
            done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, text=True, check=False)
        except OSError as problem:
            pytest.skip(f"no disk can be mounted here: {problem}")
        if done.returncode:
            pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
        mounted.append(folder)
        return folder

    yield run
    for folder in mounted:
        subprocess.run(["umount", folder], check=True)


@pytest.fixture
def rng() -> np.random.Generator:
    """Give random numbers that are the same in every run."""
    return np.random.default_rng(0)
