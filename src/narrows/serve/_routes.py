"""The routes for people and their programs: rows in, codes, reconstructions, predictions and errors out."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request, Response

from narrows.serve import _answers, _bodies, _openapi
from narrows.serve._answers import Answer
from narrows.serve._desk import Desk
from narrows.serve._prepared import About
from narrows.serve._refusals import Refusal


@dataclass(frozen=True)
class Route:
    """What one route does.

    Parameters
    ----------
    summary : str
    takes : {"rows", "codes"}
    wanted : frozenset of str
        Outputs of the model; "head" stands for what its head predicts.
    form : callable
        Makes an answer of them.
    schema : dict
        Of the answer in JSON.
    """

    summary: str
    takes: str
    wanted: frozenset[str]
    form: Callable[[About, dict[str, Any]], Answer]
    schema: dict[str, Any]


_MADE = {"type": "number", "description": "Where it is known: the mean error of rows when the model was made."}
ROUTES = {
    "encode": Route("Codes of rows", "rows", frozenset({"codes"}), _answers.of_codes, _openapi.told(codes=_openapi.TABLE)),
    "decode": Route(
        "Rows that codes stand for", "codes", frozenset({"reconstruction"}), _answers.of_rows, _openapi.told(rows=_openapi.TABLE)
    ),
    "reconstruct": Route(
        "What the network makes of rows",
        "rows",
        frozenset({"reconstruction", "error"}),
        _answers.of_reconstruction,
        _openapi.told(reconstruction=_openapi.TABLE, errors=_openapi.NUMBERS),
    ),
    "predict": Route(
        "What a head predicts for rows",
        "rows",
        frozenset({"head"}),
        _answers.of_prediction,
        _openapi.told(
            predicted={"type": "array", "description": "Where the head tells classes apart."},
            probabilities={**_openapi.TABLE, "description": "Where it does."},
            classes={"type": "array", "description": "Where it does."},
            prediction={**_openapi.TABLE, "description": "Where it predicts numbers."},
        ),
    ),
    "score": Route(
        "Errors of rows: how badly they are rebuilt",
        "rows",
        frozenset({"error"}),
        _answers.of_errors,
        _openapi.told(
            errors=_openapi.NUMBERS,
            outliers={"type": "array", "items": {"type": "boolean"}, "description": "Where the model detects outliers."},
            threshold={"type": "number", "description": "Where it does."},
            training_error=_MADE,
        ),
    ),
}


PATH = re.compile(rf"(/models/(?P<name>[^/]+))?/(?P<word>{'|'.join(ROUTES)})")


async def answered(desk: Desk, word: str, name: str | None, headers: dict[bytes, bytes], receive: Any) -> tuple[bytes, dict[str, str]]:
    """Answer a request of one of the routes, from its headers and what it sends to an answer's body and headers."""
    route, served = ROUTES[word], desk.model(name)
    about = served.model.about
    wanted = route.wanted
    if "head" in wanted:
        if about.predicts is None:
            raise Refusal(404, f"model {served.model.name!r} has no head, which was to predict something: fit it with --supervised")
        wanted = frozenset({about.predicts})
    with desk.holding() as hold:
        kind = _bodies.type_of(headers.get(b"content-type", b"").decode("latin-1"))
        body = await hold.body(headers, receive)
        rows = await desk.read(_bodies.read, body, kind, body, desk.wanted(served.model, route.takes))
        found = await served.batcher.submit(route.takes, wanted, rows)
        kind = _answers.type_for(headers.get(b"accept", b"").decode("latin-1"), kind)
        content = await desk.read(_write, body, kind, route, about, found)
    return content, {"content-type": f"{kind}; charset=utf-8" if kind.startswith("text/") else kind}


def _write(kind: str, route: Route, about: About, found: dict[str, Any]) -> bytes:
    return _answers.write(kind, route.form(about, found))


def add(app: FastAPI, desk: Desk) -> None:
    """Add the routes: for a model by its name, and without one where there is but one."""
    for word, route in ROUTES.items():
        responses = {**_openapi.refusals(*_openapi.BODY),
                     **_openapi.answer(f"{route.summary}.", route.schema, _bodies.CSV, _bodies.NPY, _bodies.ARROW)}  # fmt: skip
        body = _openapi.body(route.takes)

        def of_one(word: str = word) -> Callable[..., Any]:
            async def handle(request: Request) -> Response:
                given = request.path_params.get("name"), dict(request.scope["headers"]), request.receive
                content, headers = await answered(desk, word, *given)
                return Response(content, headers=headers)

            return handle

        options: dict[str, Any] = {"methods": ["POST"], "response_class": Response, "responses": responses, "summary": route.summary}
        options["tags"] = ["models"]
        app.add_api_route(f"/{word}", of_one(), **options, operation_id=word, openapi_extra=body)
        named = {**body, "parameters": [_openapi.NAME]}
        app.add_api_route(f"/models/{{name}}/{word}", of_one(), **options, operation_id=f"{word}_by_name", openapi_extra=named)
