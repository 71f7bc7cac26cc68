"""Bearer tokens: whether one that came is known."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence


class Tokens:
    """Tokens that open the server; none of them is kept, only their SHA-256.

    Parameters
    ----------
    digests : sequence of str
        Everybody is let in where there are none.
    """

    def __init__(self, digests: Sequence[str]) -> None:
        self._digests = [digest.encode() for digest in digests]

    def __bool__(self) -> bool:
        return bool(self._digests)

    def let_in(self, authorization: bytes) -> bool:
        """Say whether whoever sends this header may come in."""
        if not self._digests:
            return True
        scheme, _, token = authorization.partition(b" ")
        digest = hashlib.sha256(token.strip()).hexdigest().encode()
        # All are looked at, and each to its end: the time that it takes tells nothing of them.
        known = sum([hmac.compare_digest(digest, one) for one in self._digests])
        return scheme.lower() == b"bearer" and known > 0
