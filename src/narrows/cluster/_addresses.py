"""What an address of a cluster says: which machines are meant, or how many workers are to be started here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["auto", "local", "host", "client"]

ALLOWED = (
    "say 'auto' (the cluster of this machine, or of RAY_ADDRESS), 'local:N' (N workers on this machine alone), 'HOST:PORT' (a cluster that "
    "this machine is part of) or 'ray://HOST:PORT' (one that it is not)"
)
ENVIRONMENT = "env"  # no address: the processes are there, started by something else, and find each other by their environment
MOST_WORKERS = 4096

_HOST = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_.-]+):(?P<port>[0-9]{1,5})")


@dataclass(frozen=True)
class Address:
    """Where a cluster is.

    Attributes
    ----------
    text : str
        As a person said it.
    kind : {"auto", "local", "host", "client"}
    host : str
        Without brackets; of "host" and "client".
    port : int
        Of "host" and "client".
    workers : int
        Of "local".
    """

    text: str
    kind: Kind
    host: str = ""
    port: int = 0
    workers: int = 0


def parsed(text: str) -> Address:
    """Read an address.

    Raises
    ------
    ValueError
        If it is none.
    """
    said = text.strip()
    if said == "auto":
        return Address(said, "auto")
    if said.startswith("local:"):
        number = said.removeprefix("local:")
        if not (number.isascii() and number.isdecimal() and 1 <= int(number) <= MOST_WORKERS):
            raise ValueError(f"{text!r} starts no workers: after 'local:' comes their number, from 1 to {MOST_WORKERS:,}, as in local:4")
        return Address(said, "local", workers=int(number))
    kind: Kind = "client" if said.startswith("ray://") else "host"
    found = _HOST.fullmatch(said.removeprefix("ray://"))
    if found is None or not 1 <= int(found["port"]) <= 65535:
        raise ValueError(f"{text!r} is no address of a cluster: {ALLOWED}")
    return Address(said, kind, host=found["host"].strip("[]"), port=int(found["port"]))
