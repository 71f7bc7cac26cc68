"""What a server may be told: bundles, an address, tokens and limits."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from narrows._text import sentence

SHORTEST_TOKEN = 16
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
DECODER = ".decoder"  # behind a model's name in the Open Inference Protocol: its way from codes to rows


@dataclass(frozen=True)
class Limits:
    """What one request, and all of them together, may take.

    Parameters
    ----------
    body : int, default=16777216
        Bytes of a request's body. All bodies that are held at one time may be `bodies` times as large.
    bodies : int, default=8
    text : int, default=1000000
        Numbers in a body of JSON, which takes far more memory than the same in binary.
    rows : int, default=65536
        Of a request.
    header : int, default=16384
        Bytes of a request's line and headers.
    connections : int, default=512
        Open at one time, in one process.
    receive_seconds : float, default=20
        From the first byte of a request, or from the opening of a connection, to a request's last; as long may an answer take to leave.
    request_seconds : float, default=30
        From there to the answer.
    idle_seconds : int, default=15
        Of a connection between requests.
    queue_rows : int, default=16384
        That may wait to be computed.
    """

    body: int = 16 << 20
    bodies: int = 8
    text: int = 1_000_000
    rows: int = 65_536
    header: int = 16 << 10
    connections: int = 512
    receive_seconds: float = 20.0
    request_seconds: float = 30.0
    idle_seconds: int = 15
    queue_rows: int = 16_384

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise ValueError(f"{name}={value!r}: must be above 0")


@dataclass(frozen=True)
class Settings:
    """Everything that a server needs to know.

    Parameters
    ----------
    bundles : dict of str to str
        Paths by the names that the models are served under.
    host : str, default="127.0.0.1"
        An address or a name of this machine.
    port : int, default=8080
        0 takes a free one.
    workers : int, default=1
        Processes.
    tokens : tuple of str, default=()
        SHA-256 of each bearer token that opens the server; without any, no token is asked for.
    insecure : bool, default=False
        Whether other machines may come in without a token.
    window_seconds : float, default=0.0
        How long a small request waits for others, to be computed with them.
    batch_rows : int, default=256
        That are computed at one time.
    log_requests : bool, default=True
    limits : Limits

    Raises
    ------
    ValueError
        If these do not go together.
    """

    bundles: dict[str, str]
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    tokens: tuple[str, ...] = ()
    insecure: bool = False
    window_seconds: float = 0.0
    batch_rows: int = 256
    log_requests: bool = True
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if not self.bundles:
            raise ValueError("no bundle was given: a server needs one at least")
        for name, least, value in (("port", 0, self.port), ("workers", 1, self.workers), ("batch_rows", 1, self.batch_rows)):
            if value < least:
                raise ValueError(f"{name}={value}: must be at least {least}")
        if self.window_seconds < 0:
            raise ValueError(f"window_seconds={self.window_seconds:g}: must be at least 0")
        if not (self.tokens or self.insecure or self.is_local):
            raise ValueError(
                f"host {sentence(self.host, 80)!r} can be reached from other machines: name a file of tokens (--token-file), "
                f"or say --insecure to let everybody in"
            )

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the address."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False


def named(given: list[str]) -> dict[str, str]:
    """Give paths of bundles by name: each is a path, served under its file's name, or NAME=PATH.

    Raises
    ------
    ValueError
        If a name has other characters than those of a URL, or comes twice.
    """
    found: dict[str, str] = {}
    for one in given:
        name, sign, path = one.partition("=")
        if not sign or not NAME.fullmatch(name) or Path(one).exists():
            name, path = Path(one).stem, one
        if not NAME.fullmatch(name) or name.endswith(DECODER):
            raise ValueError(
                f"{sentence(name, 80)!r} cannot be the name of a model, which is made of letters, digits, '_', '-' and '.': "
                f"say NAME=PATH, such as model={sentence(path, 80)}"
            )
        if name in found:
            raise ValueError(f"two bundles are called {name!r}: give one another name, as in other={sentence(path, 80)}")
        found[name] = os.fspath(path)
    return found


def read_tokens(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Read a file of bearer tokens, one a line; give the SHA-256 of each. Lines that are empty or begin with # are left out.

    Raises
    ------
    ValueError
        If there is none, or one is short or could not be sent in a header.
    OSError
        If it cannot be read.
    """
    where = f"'{os.fspath(path)}'"
    try:
        lines = [line.strip() for line in Path(path).read_text("ascii").splitlines()]
    except UnicodeDecodeError:
        raise ValueError(f"{where} holds bytes that no token can have: write tokens of letters, digits and -._~+/=") from None
    tokens = [line for line in lines if line and not line.startswith("#")]
    if not tokens:
        raise ValueError(f"{where} holds no token: write one a line, such as what 'openssl rand -hex 32' gives")
    for number, token in enumerate(tokens, start=1):
        if not re.fullmatch(r"[A-Za-z0-9._~+/=-]+", token):
            raise ValueError(f"token {number} of {where} has characters that no token can have: use letters, digits and -._~+/=")
        if len(token) < SHORTEST_TOKEN:
            raise ValueError(
                f"token {number} of {where} has {len(token)} characters, and could be guessed: use {SHORTEST_TOKEN} at least, "
                f"such as what 'openssl rand -hex 32' gives"
            )
    return tuple(hashlib.sha256(token.encode()).hexdigest() for token in tokens)
