"""The page in a real browser: nothing leaves it, and what it draws is what the decoder gives."""

from __future__ import annotations

import csv
import io
import json
import re

import keras
import numpy as np
import pytest

from narrows import Autoencoder, Conv, LatentMap, report
from narrows.plot.colors import SAFE, TAB10

pytestmark = pytest.mark.slow


SIZE = {"width": 900, "height": 640}


class Opened:
    """A page with all that it asked for and complained of."""

    def __init__(self, browser, path):
        self.page = browser.new_page(**({"viewport": SIZE} if hasattr(browser, "new_context") else {}))
        self.requests, self.complaints = [], []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        # Drawing in software, the browser says that reading pixels back is slow.
        self.page.on("console", lambda said: "ReadPixels" in said.text or self.complaints.append(said.text))
        self.page.goto(path.as_uri())
        self.page.wait_for_function("document.documentElement.dataset.ready", timeout=60_000)
        self.uri = path.as_uri()

    def drag(self, across, up):
        """Drag the ring to a share of the plane; give the code that it then stands for, and what is drawn."""
        plane, ring = self.page.locator("#plane"), self.page.locator("#probe")
        plane.scroll_into_view_if_needed()
        at, box = ring.bounding_box(), plane.bounding_box()
        before = int(ring.get_attribute("data-draws") or 0)
        self.page.mouse.move(at["x"] + at["width"] / 2, at["y"] + at["height"] / 2)
        self.page.mouse.down()
        self.page.mouse.move(box["x"] + box["width"] * across, box["y"] + box["height"] * up, steps=4)
        self.page.mouse.up()
        self.page.wait_for_function("n => Number(document.getElementById('probe').dataset.draws) > n", arg=before)
        self.page.wait_for_timeout(60)  # the last move is drawn with the next frame
        return np.array(json.loads(ring.get_attribute("data-code")), np.float32)

    def drawn(self, act):
        """Do something that moves the ring, and wait until what is there is drawn."""
        ring = self.page.locator("#probe")
        before = int(ring.get_attribute("data-draws"))
        act()
        self.page.wait_for_function("n => Number(document.getElementById('probe').dataset.draws) > n", arg=before)
        return json.loads(ring.get_attribute("data-code"))

    def pixels(self, channels=1):
        """Give what is drawn under the ring, in [0, 255]."""
        drawn = self.page.evaluate(
            "() => { const c = document.querySelector('#probe-row canvas');"
            " return Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data); }"
        )
        return np.array(drawn).reshape(-1, 4)[:, :channels].ravel()

    def lasso(self):
        """Draw a loop around the middle of the plane."""
        self.page.locator("#lasso").click()
        box = self.page.locator("#points").bounding_box()
        middle, reach = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2), 0.35 * box["width"]
        self.page.mouse.move(middle[0] + reach, middle[1])
        self.page.mouse.down()
        for angle in np.linspace(0, 2 * np.pi, 30)[1:]:
            self.page.mouse.move(middle[0] + reach * np.cos(angle), middle[1] + reach * np.sin(angle))
            self.page.wait_for_timeout(12)
        self.page.mouse.up()
        self.page.wait_for_function("!document.getElementById('export').disabled")

    def exported(self):
        """Give the rows of the file that the button downloads."""
        with self.page.expect_download() as download:
            self.page.locator("#export").click()
        return list(csv.DictReader(io.StringIO(download.value.path().read_text("utf-8"))))

    def close(self):
        """Close it, and see that it kept to itself."""
        self.page.close()
        assert [url for url in self.requests if url != self.uri and not url.startswith(("data:", "blob:"))] == []
        assert self.complaints == []


PLACES = ((0.3, 0.3), (0.62, 0.41), (0.5, 0.8), (0.81, 0.25), (0.12, 0.66))


def check_drawn(opened, estimator, channels=1):
    for place in PLACES:
        code = opened.drag(*place)
        wanted = np.asarray(estimator.decoder_(code[None]))[0]
        assert np.abs(opened.pixels(channels) - wanted).max() <= 2


@pytest.fixture
def written(tmp_path):
    def write(estimator, X, y=None, **options):
        path = tmp_path / "page.html"
        report.write(path, estimator, X, y, **options)
        return path

    return write


def test_a_dense_decoder_draws_what_keras_gives_and_a_lasso_takes_rows_away(browser, written, digits, dense):
    rows, labels = digits[0][1000:1300], digits[1][1000:1300]
    opened = Opened(browser, written(dense, rows, labels))

    check_drawn(opened, dense)
    opened.lasso()
    found = opened.exported()
    said = opened.page.locator("#selection-facts").text_content()
    opened.close()

    assert said.startswith(f"{len(found)} rows")
    numbers = np.array([int(row["row"]) for row in found])
    assert 10 < len(set(numbers)) == len(numbers) < 300
    assert [int(row["label"]) for row in found] == labels[numbers - 1].tolist()
    assert [float(row["error"]) for row in found] == pytest.approx(dense.reconstruction_error(rows)[numbers - 1], rel=1e-3)
    places = dense.transform(rows)
    middle = (places.max(0) + places.min(0)) / 2
    far = np.linalg.norm((places - middle) / np.ptp(places, axis=0).max(), axis=1)
    inside = np.isin(np.arange(300), numbers - 1)
    assert far[inside].max() < far[~inside].max()
    assert (far[~inside] < 0.25).sum() == 0


@pytest.mark.parametrize("strided", [False, True])
def test_a_convolutional_decoder_draws_what_keras_gives(browser, written, digits, strided):
    rows = np.repeat(digits[0][:200, :7, :, None], 3, axis=3) // np.array([1, 2, 3], np.uint8)  # odd sides, three colors
    layers = Conv(8, 4, dense=(16,), strided=strided, batch_normalization=True)
    made = Autoencoder(2, layers=layers, epochs=2, random_state=0).fit(rows)

    opened = Opened(browser, written(made, rows))

    check_drawn(opened, made, channels=3)
    opened.close()


def test_a_long_code_has_a_map_and_sliders(browser, written, digits):
    rows = digits[0][:300]
    made = Autoencoder(20, layers=(32,), epochs=2, random_state=0).fit(rows)

    opened = Opened(browser, written(made, rows))

    check_drawn(opened, made)
    opened.page.locator("#code summary").click()
    slider = opened.page.locator("#sliders input").nth(3)
    set_by_hand = "input => { input.value = 1.5; input.dispatchEvent(new Event('input')); }"
    code = np.array(opened.drawn(lambda: slider.evaluate(set_by_hand)), np.float32)
    drawn = opened.pixels()
    assert opened.page.locator("#probe-place").text_content() == "set by hand: the code is no place on the map"
    opened.page.locator("#after").click()
    opened.drawn(opened.page.locator("#take").click)
    assert opened.page.locator("#probe-place").text_content().startswith("at ")
    opened.lasso()
    assert len(opened.exported()) > 10
    opened.close()

    assert code.shape == (20,)
    assert code[3] == np.float32(1.5)
    assert np.abs(drawn - np.asarray(made.decoder_(code[None]))[0]).max() <= 2


def test_a_map_in_two_steps_decodes_as_its_inverse_does(browser, written, digits):
    rows = digits[0][:300]
    small = Autoencoder(layers=(32,), epochs=2)
    made = LatentMap(8, autoencoder=small, tsne={"n_iter": 50}, random_state=0).fit(rows)

    opened = Opened(browser, written(made, rows))
    for place in PLACES[:3]:
        opened.drag(*place)
        place = json.loads(opened.page.locator("#probe").get_attribute("data-place"))
        assert np.abs(opened.pixels() - made.inverse_transform([place])[0]).max() <= 2
    opened.close()


class Own:
    """Layers of a user's own."""

    def build(self, n_features, n_components):
        code, rows = keras.Input((n_components,)), keras.Input((n_features,))
        decoded = keras.layers.Dense(n_features, activation="sigmoid")(keras.layers.Dense(16, activation="tanh")(code))
        return keras.Model(rows, keras.layers.Dense(n_components)(rows)), keras.Model(code, decoded)


def test_a_network_without_a_plan_is_interpolated(browser, written, digits):
    rows = digits[0][:200]
    made = Autoencoder(2, layers=Own(), epochs=2, random_state=0).fit(rows)

    path = written(made, rows)
    opened = Opened(browser, path)
    code = opened.drag(0.4, 0.45)
    drawn = opened.pixels()
    opened.close()

    assert "the page interpolates" in path.read_text("utf-8")
    assert np.abs(drawn - np.asarray(made.decoder_(code[None]))[0]).max() <= 12  # between four places that are near


def test_a_table_shows_values_in_their_own_units(browser, written):
    import pandas as pd

    numbers = np.random.default_rng(0).normal([170, 70, 0.001], [10, 8, 0.0002], (120, 3))
    table = pd.DataFrame(numbers, columns=["height", "<b>weight</b>", "share"])
    made = Autoencoder(2, layers=(8,), epochs=5, random_state=0).fit(table)

    opened = Opened(browser, written(made, table))
    code = opened.drag(0.6, 0.4)
    shown = [float(text) for text in opened.page.locator("#probe-row td").all_text_contents()]
    names = opened.page.locator("#probe-row tbody th").all_text_contents()
    opened.page.locator("#color").select_option(label="height")
    opened.page.wait_for_timeout(200)
    legend = opened.page.locator("#legend").text_content()
    opened.close()

    assert names == ["height", "<b>weight</b>", "share"]
    assert shown == pytest.approx(np.asarray(made.decoder_(code[None]))[0], rel=2e-3)
    low, high = map(float, re.findall(r"[\d.]+", legend))
    assert numbers[:, 0].min() <= low < high <= numbers[:, 0].max()


def test_rows_are_stepped_through_by_keys_and_the_ring_goes_to_them(browser, written, digits, supervised):
    rows, labels = digits[0][1000:1100], digits[1][1000:1100]
    opened = Opened(browser, written(supervised, rows, labels))
    page = opened.page

    page.locator("#after").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    facts = page.locator("#row-facts").text_content()
    drawn = page.evaluate(
        "Array.from(document.querySelector('#row-shown canvas').getContext('2d').getImageData(0, 0, 8, 8).data).filter((_, i) => !(i % 4))"
    )
    code = opened.drawn(page.locator("#take").click)
    page.locator("#probe").focus()
    moved = opened.drawn(lambda: page.keyboard.press("ArrowRight"))
    colors = [page.locator("#legend i").nth(1).evaluate("dot => dot.style.backgroundColor")]
    page.locator("#safe").check()
    colors.append(page.locator("#legend i").nth(1).evaluate("dot => dot.style.backgroundColor"))
    opened.close()

    assert facts.startswith(f"row 2; label: {labels[1]}; error ")
    assert drawn == rows[1].ravel().tolist()
    assert code == pytest.approx(supervised.transform(rows[1:2])[0], rel=1e-6)
    assert moved[0] > code[0]
    assert moved[1] == pytest.approx(code[1], rel=1e-5)
    assert colors == [f"rgb{tuple(bytes.fromhex(palette[1][1:]))}" for palette in (TAB10, SAFE)]


def test_out_of_view_the_ring_waits_at_the_edge_and_a_key_brings_it_back(browser, written, digits, dense):
    opened = Opened(browser, written(dense, digits[0][:100]))
    page, ring = opened.page, opened.page.locator("#probe")
    opened.drag(0.9, 0.9)
    box = page.locator("#plane").bounding_box()
    page.mouse.move(box["x"] + 40, box["y"] + 40)
    for _ in range(6):
        page.mouse.wheel(0, -240)
        page.wait_for_timeout(40)
    page.wait_for_function("document.getElementById('probe').classList.contains('away')")

    page.locator("#home").focus()
    page.keyboard.press("Tab")  # a focus outside would scroll the map away from under the ring
    focused = page.evaluate("[document.activeElement.id, document.getElementById('plane').scrollTop]")
    middle = opened.drawn(lambda: page.keyboard.press("ArrowRight"))
    at, box = ring.bounding_box(), page.locator("#plane").bounding_box()
    before, after = middle, opened.drawn(lambda: page.keyboard.press("Shift+ArrowRight"))
    moved = ring.bounding_box()["x"] - at["x"]
    opened.close()

    assert focused == ["probe", 0]
    assert at["x"] + at["width"] / 2 == pytest.approx(box["x"] + box["width"] / 2, abs=2)
    assert moved == pytest.approx(0.05 * box["width"], abs=2)
    assert after[0] > before[0]


def test_a_script_in_a_label_shows_as_text(browser, written, digits, dense):
    evil = "<script>document.title='gone'</script><img src=x onerror=alert(1)>"
    labels = np.array([evil, "]]>\"'&amp;</script>"] * 50)
    opened = Opened(browser, written(dense, digits[0][:100], labels, title=evil, names=[evil] * 100, columns={evil: labels}))
    opened.page.locator("#after").click()
    legend = opened.page.locator("#legend").text_content()
    scripts = opened.page.locator("script").count()
    title = opened.page.title()
    opened.close()

    assert evil[:40] in legend
    assert scripts == 3
    assert title.startswith(evil[:20])


def test_without_webgl_the_map_is_drawn_and_selected_from_as_well(browser, written, digits, dense):
    context = browser.new_context(viewport=SIZE)
    context.add_init_script(
        "const was = HTMLCanvasElement.prototype.getContext;"
        "HTMLCanvasElement.prototype.getContext = function (kind, ...more) {"
        " return kind.includes('webgl') ? null : was.call(this, kind, ...more); };"
    )
    opened = Opened(context, written(dense, digits[0][:200], digits[1][:200]))
    notice = opened.page.locator("#notice").text_content()
    check_drawn(opened, dense)
    opened.lasso()
    assert len(opened.exported()) > 10
    opened.close()
    context.close()

    assert "no WebGL" in notice
