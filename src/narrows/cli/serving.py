"""``narrows serve``: bundles behind an address."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from narrows.cli.screen import Screen


def serve(screen: Screen, bundles: list[str], token_file: Path | None, said: dict[str, Any], limits: dict[str, Any]) -> int:
    """Serve bundles until told to end; give the exit code.

    Parameters
    ----------
    screen : Screen
    bundles : list of str
        Paths, or NAME=PATH.
    token_file : Path or None
    said, limits : dict
        Of `narrows.serve.Settings`, and of its `Limits`.

    Raises
    ------
    ValueError, OSError, ImportError
        If what was said does not go together, a bundle cannot be served, the address cannot be had, or a package is missing.
    """
    from narrows import serve as server

    named = server.named(bundles)
    tokens = server.read_tokens(token_file) if token_file is not None else ()
    settings = server.Settings(named, tokens=tokens, limits=server.Limits(**limits), **said)

    def told(address: str) -> None:
        if settings.insecure and not settings.is_local and not tokens:
            screen.warning(f"everybody who can reach {settings.host} can use these models: --token-file lets in those who have a token")
        screen.say(f"serving {', '.join(named)} at {address} (Ctrl-C to stop)")
        screen.result({"address": address, "models": list(named)})

    server.run(settings, told)
    return 0
