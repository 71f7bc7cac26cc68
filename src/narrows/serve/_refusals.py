"""What a request is refused with: a status and one sentence."""

from __future__ import annotations

import json

BUSY_SECONDS = 1  # after which a client may well try again


class Refusal(Exception):
    """A request that is not answered as it was meant.

    Parameters
    ----------
    status : int
        Of HTTP.
    text : str
        One sentence for whoever sent the request: it tells nothing but what came, what is allowed, and what to do.
    headers : str
        Names and values that go with it.
    """

    def __init__(self, status: int, text: str, **headers: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Gone(Exception):
    """Whoever sent the request has hung up, and waits for no answer."""


def bad(text: str) -> Refusal:
    """Refuse what is wrong with a request itself."""
    return Refusal(400, text)


def busy(text: str) -> Refusal:
    """Refuse for now: there is more to do than can be kept waiting."""
    return Refusal(429, text, retry_after=str(BUSY_SECONDS))


def too_slow(seconds: float) -> Refusal:
    """Give up a request that could not be computed in time."""
    return Refusal(503, f"this took more than {seconds:g} seconds: send fewer rows, or try again later", retry_after=str(BUSY_SECONDS))


def content(text: str) -> bytes:
    """Give the body of a refusal."""
    return json.dumps({"error": text}).encode()
