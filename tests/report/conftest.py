from __future__ import annotations

import shutil

import numpy as np
import pytest
from sklearn.datasets import load_digits

from narrows import Autoencoder, SupervisedAutoencoder

CHROMIUM = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)


@pytest.fixture(scope="session")
def digits():
    """Images of digits in bytes, and their labels."""
    rows, labels = load_digits(return_X_y=True)
    return np.rint(rows / 16 * 255).astype(np.uint8).reshape(-1, 8, 8), labels


@pytest.fixture(scope="session")
def dense(digits):
    return Autoencoder(2, layers=(64, 32), epochs=5, random_state=0).fit(digits[0][:1000])


@pytest.fixture(scope="session")
def supervised(digits):
    return SupervisedAutoencoder(2, layers=(64, 32), epochs=5, random_state=0).fit(digits[0][:1000], digits[1][:1000])


@pytest.fixture(scope="session")
def browser():
    """A Chromium that draws WebGL in software."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here")
    from playwright.sync_api import sync_playwright

    # The first four keep it from calling home, which has nothing to do with the page.
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    software = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *quiet, *software])
        yield made
        made.close()
