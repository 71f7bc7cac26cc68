"""The report about MNIST's test set: how large it is, how soon a browser has it ready, how many pictures a second its decoder draws."""

from __future__ import annotations

import shutil
import statistics
import tempfile
import warnings
from pathlib import Path
from typing import Any

import _report

FRAMES = 120  # that the ring is moved through
SOFTWARE = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]
QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
# Moves the ring along a circle, once for each frame that the browser draws, and gives the time between the first and the last.
WALK = """
frames => new Promise((done) => {
  const ring = document.getElementById("probe"), box = document.getElementById("points").getBoundingClientRect();
  ring.setPointerCapture = () => {};
  ring.hasPointerCapture = () => true;
  let seen = 0, began = null;
  const step = (now) => {
    began = began ?? now;
    if (seen === frames) return done((now - began) / frames);
    const angle = (seen++ / frames) * 2 * Math.PI;
    const [across, up] = [0.5 + 0.3 * Math.cos(angle), 0.5 + 0.3 * Math.sin(angle)];
    const at = { clientX: box.left + box.width * across, clientY: box.top + box.height * up };
    ring.dispatchEvent(new PointerEvent("pointermove", at));
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
})
"""
# The decoder alone: milliseconds for one code.
DECODE = """
() => {
  const spec = JSON.parse(document.getElementById("spec").textContent);
  return unpack(document.getElementById("arrays").textContent, spec.arrays).then((arrays) => {
    const decode = makeDecoder(spec.decoder, arrays), width = spec.decoder.inputs, codes = arrays.codes;
    const began = performance.now();
    for (let i = 0; i < 50; i++) decode(codes.slice(i * width, (i + 1) * width));
    return (performance.now() - began) / 50;
  });
}
"""


def models(quick: bool) -> dict[str, tuple[Any, bool]]:
    """Give what pages are about, and whether it takes images; one pass over few rows, since what was learned does not matter here."""
    from narrows import Autoencoder, Conv

    plain = {"epochs": 1, "random_state": 0}
    found = {"dense, 784-500-300-100-2": (Autoencoder(2, **plain), False)}
    if not quick:
        found["convolutional, Conv(16, 24, dense=(128,))"] = (Autoencoder(2, layers=Conv(16, 24, dense=(128,)), **plain), True)
    return found


def measured(path: Path, rounds: int) -> dict[str, float]:
    """Open a page some times; give medians."""
    from playwright.sync_api import sync_playwright

    chromium = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)
    if chromium is None:
        raise SystemExit("this needs Chromium: apt-get install chromium")
    ready, pictures, decoding = [], [], []
    requests: set[str] = set()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=[*SOFTWARE, *QUIET])
        for _ in range(rounds + 1):  # the first one warms up
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.on("request", lambda request: requests.add(request.url))
            page.goto(path.as_uri())
            page.wait_for_function("document.documentElement.dataset.ready", timeout=60_000)
            ready.append(float(page.evaluate("document.documentElement.dataset.ready")) / 1000)
            pictures.append(1000 / page.evaluate(WALK, FRAMES))
            decoding.append(page.evaluate(DECODE))
            page.close()
        browser.close()
    outside = [url for url in requests if not url.startswith(("file:", "blob:", "data:"))]
    return {
        "size, MB": path.stat().st_size / 1e6,
        "ready, seconds": statistics.median(ready[1:]),
        "pictures a second": statistics.median(pictures[1:]),
        "decoding, milliseconds": statistics.median(decoding[1:]),
        "requests": len(outside),
    }


def main() -> None:
    """Print the table."""
    parser = _report.options(__doc__.splitlines()[0], rounds=5)
    arguments = _report.start(parser)
    warnings.simplefilter("ignore")
    from narrows import data, report

    rows = data.load("mnist")
    targets = {"size, MB": (8, False), "ready, seconds": (1, False), "pictures a second": (30, True), "requests": (0, False)}
    found: dict[str, Any] = {}
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        for name, (model, images) in models(arguments.quick).items():
            X, T = (part.reshape(-1, 28, 28) if images else part for part in (rows.X[:2000], rows.test.X))
            path = Path(folder) / "page.html"
            report.write(path, model.fit(X), T, rows.test.labels, image_shape=(28, 28))
            found[name] = measured(path, 1 if arguments.quick else arguments.rounds)
            for figure, value in found[name].items():
                target, more = targets.get(figure, (None, False))
                met = "" if target is None else _report.reached(value, target, at_least=more)
                lines.append([name, figure, f"{value:.3g}", "" if target is None else f"{target}", met])
    _report.table(["page", "figure", "here", "asked", "reached"], lines)
    print()
    _report.finish(arguments, found)


if __name__ == "__main__":
    main()
