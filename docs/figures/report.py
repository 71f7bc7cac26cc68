"""Draws the picture of a report: ``python docs/figures/report.py`` puts report.png beside this script.

A network is fitted to MNIST by the recipe "map", and the page about its test rows is opened in Chromium, which must be installed. MNIST
comes from the folder that NARROWS_DATA names, or is downloaded once. ``--quick`` takes the small digits of scikit-learn instead;
``--bundle FILE`` what was fitted before; ``--out FOLDER`` draws elsewhere.
"""

from __future__ import annotations

import argparse
import io
import shutil
import tempfile
from pathlib import Path

from PIL import Image

import narrows

ARGUMENTS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist", "--disable-sync"]
PLACE = 0.62, 0.35  # of the ring, as shares of the plane
COLORS = 128


def drawn(page: Path, chromium: str) -> bytes:
    """Open a page, show a row, take the ring somewhere, and give the picture of its explorer."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        opened = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light")
        opened.goto(page.as_uri())
        opened.wait_for_function("document.documentElement.dataset.ready", timeout=120_000)
        opened.locator("#after").click()
        ring, plane = opened.locator("#probe").bounding_box(), opened.locator("#plane").bounding_box()
        assert ring is not None
        assert plane is not None
        opened.mouse.move(ring["x"] + ring["width"] / 2, ring["y"] + ring["height"] / 2)
        opened.mouse.down()
        opened.mouse.move(plane["x"] + plane["width"] * PLACE[0], plane["y"] + plane["height"] * PLACE[1], steps=5)
        opened.mouse.up()
        opened.wait_for_timeout(1000)
        picture: bytes = opened.locator("#explorer").screenshot()
        browser.close()
    return picture


def main() -> None:
    """Fit, write the page, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    arguments = parser.parse_args()
    chromium = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)
    if chromium is None:
        print("no picture: there is no Chromium here")
        return

    rows = narrows.data.load("digits" if arguments.quick else "mnist")
    assert rows.test is not None  # both sets bring test rows
    if arguments.bundle is not None:
        network = narrows.load(arguments.bundle)
    else:
        network = narrows.recipe("map", epochs=2 if arguments.quick else 20, random_state=0, verbose=1).fit(rows.X)
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        narrows.report.write(page, network, rows.test.X, rows.test.labels, image_shape=rows.image_shape, title=rows.name)
        picture = Image.open(io.BytesIO(drawn(page, chromium))).convert("RGB")
    path = arguments.out / "report.png"
    picture.quantize(COLORS, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
