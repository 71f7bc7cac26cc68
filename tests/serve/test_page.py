"""The page for people, in a real browser: what it shows is what the model gives."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest

pytestmark = pytest.mark.slow


class Opened:
    """The page of a server, with all that it asked for and complained of."""

    def __init__(self, browser, address):
        self.page = browser.new_page(viewport={"width": 1000, "height": 800})
        self.requests, self.complaints = [], []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda said: self.complaints.append(said.text))
        self.page.goto(address)
        self.page.wait_for_function("() => document.documentElement.dataset.ready", timeout=60_000)
        self._turn = 0

    def choose(self, model):
        self.page.locator("#model").select_option(model)

    def drop(self, name, content, kind="application/octet-stream"):
        self._shown(lambda: self.page.locator("#file").set_input_files({"name": name, "mimeType": kind, "buffer": content}))

    def draw(self, points):
        box = self.page.locator("#pad").bounding_box()
        places = [(box["x"] + across * box["width"], box["y"] + down * box["height"]) for across, down in points]

        def act():
            self.page.mouse.move(*places[0])
            self.page.mouse.down()
            for place in places[1:]:
                self.page.mouse.move(*place, steps=4)
            self.page.mouse.up()

        self._shown(act)

    def _shown(self, act):
        before = self.page.evaluate("document.documentElement.dataset.shown || '0'")
        act()
        self.page.wait_for_function("before => document.documentElement.dataset.shown > before", arg=before, timeout=30_000)

    @property
    def code(self):
        return np.array(json.loads(self.page.locator("#code").get_attribute("data-code")))

    def text(self, selector):
        return self.page.locator(selector).inner_text()

    def pixels(self, selector):
        script = "c => Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data)"
        return np.array(self.page.locator(selector).evaluate(script)).reshape(-1, 4)

    def close(self):
        self.page.close()


@pytest.fixture
def opened(browser, server):
    made = Opened(browser, server.address)
    yield made
    made.close()
    assert not [text for text in made.complaints if "status of 400" not in text]  # of which the page tells people
    assert {url.startswith((server.address, "blob:", "data:")) for url in made.requests} == {True}


def npy(rows):
    stream = io.BytesIO()
    np.save(stream, rows)
    return stream.getvalue()


def test_images_of_a_file(opened, digits):
    opened.choose("digits")
    opened.drop("rows.npy", npy(digits.rows[:30]))

    expected = digits.model.transform(digits.rows[:30])
    np.testing.assert_allclose(opened.code, expected[0], rtol=1e-4, atol=1e-5)
    assert opened.text("#count") == "30"
    assert opened.text("#predicted").startswith(f"Predicted: {digits.model.predict(digits.rows[:1])[0]} (")
    rebuilt = np.clip(255 * digits.model.reconstruct(digits.rows[:1])[0], 0, 255)
    np.testing.assert_allclose(opened.pixels("#rebuilt")[:, 0], rebuilt, atol=1.01)
    opened.page.locator("#row").fill("7")
    np.testing.assert_allclose(opened.code, expected[6], rtol=1e-4, atol=1e-5)
    x, y = json.loads(opened.page.locator("#map").get_attribute("data-at"))
    assert 0 <= x <= 440
    assert 0 <= y <= 440
    red = opened.pixels("#map").reshape(440, 440, 4)[round(y), round(x), :3]
    assert red[0] > 150 > red[1]


def test_a_drawn_digit(opened, digits):
    opened.choose("digits")
    opened.draw([(0.5, 0.2), (0.5, 0.8)])
    first = opened.code
    given = opened.pixels("#given")[:, 0].reshape(8, 8)
    assert given[2:6, 3:5].mean() > 5 * max(given[:, [0, 7]].mean(), 1)
    np.testing.assert_allclose(first, digits.model.transform(given.reshape(1, 64) / np.float32(255))[0], rtol=0.05, atol=0.05)
    opened.page.locator("#clear").click()
    opened.draw([(0.2, 0.5), (0.8, 0.5)])

    assert not np.allclose(opened.code, first)
    assert "Error" in opened.text("#error")


def test_a_picture(opened):
    script = """async () => {
      const canvas = new OffscreenCanvas(32, 32), context = canvas.getContext("2d");
      context.fillRect(0, 0, 32, 32);
      context.fillStyle = "#fff";
      context.fillRect(0, 0, 16, 32);
      return Array.from(new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer()));
    }"""
    opened.choose("digits")
    opened.drop("half.png", bytes(opened.page.evaluate(script)), "image/png")

    given = opened.pixels("#given")[:, 0].reshape(8, 8)
    assert given[:, :3].min() > 250
    assert given[:, 5:].max() < 5


def test_a_table(opened, flowers):
    opened.choose("flowers")
    lines = "\n".join(",".join(map(repr, row)) for row in flowers.rows[:5].tolist())
    opened.drop("flowers.csv", f'width,length,height,"age, days"\n{lines}\n'.encode(), "text/csv")

    np.testing.assert_allclose(opened.code, flowers.model.transform(flowers.given[:1])[0], rtol=1e-3, atol=1e-4)
    assert "age, days" in opened.text("#columns")
    assert opened.text("#predicted").startswith("Predicted: ")
    assert not opened.page.locator("#mapped").is_visible(), "codes of three numbers have no map"
    assert not opened.page.locator("#drawing").is_visible()


def test_outliers_and_sentences_of_the_server(opened, odd):
    opened.choose("odd")
    opened.drop("odd.npy", npy(odd.rows[:1] * 50))
    assert opened.text("#error").endswith(": an outlier")
    opened.page.locator("#file").set_input_files({"name": "rows.npy", "mimeType": "", "buffer": npy(np.zeros((1, 4)))})
    opened.page.wait_for_selector("#message:visible")

    assert "in an array of shape n×5: 1×4 came" in opened.text("#message")


def test_a_token_is_asked_for(browser, start, odd, tmp_path):
    (tmp_path / "tokens").write_text("a-token-of-some-length\n")
    opened = Opened(browser, start(odd.path, "--token-file", tmp_path / "tokens").address)
    assert opened.page.locator("#door").is_visible()
    assert not opened.page.locator("#room").is_visible()
    opened.page.locator("#token").fill("a-token-of-some-length")
    opened.page.locator("#door button").click()
    opened.page.wait_for_selector("#room:visible")
    opened.drop("odd.npy", npy(odd.rows[:1]))

    assert "no outlier" in opened.text("#error")
    opened.close()
