"""The application: all routes, behind the door."""

from __future__ import annotations

from importlib import resources
from typing import Any, cast

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.routing import Route

from narrows import __version__
from narrows.serve import _meters, _openapi, _protocol_routes, _refusals, _routes
from narrows.serve._bodies import JSON
from narrows.serve._desk import Desk
from narrows.serve._door import Door
from narrows.serve._refusals import Refusal

# The page runs its own script and style, talks to this server, shows pictures that it has drawn, and nothing else.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob: data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_TYPES = {"html": "text/html; charset=utf-8", "js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8"}
_ABOUT = (
    "Models that narrows has fitted: rows in; codes, reconstructions, predictions and errors out. Rows are sent as JSON, CSV, .npy or "
    "Arrow, told apart by their content type, and answered in the same form, or in the one that Accept names. Errors are one sentence."
)


def app_of(desk: Desk) -> Door:
    """Give the application."""
    app = FastAPI(title="narrows", version=__version__, description=_ABOUT, docs_url=None, redoc_url=None, openapi_url=None)
    app.router.redirect_slashes = False
    _protocol_routes.add(app, desk)
    _routes.add(app, desk)
    _add(app, desk)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(HTTPException, _not_found)
    app.add_exception_handler(Exception, _failed)
    return Door(app, desk)


def routes_of(door: Door) -> list[str]:
    """Give the paths that figures are kept by."""
    return sorted({route.path for route in cast(FastAPI, door.inner).routes if isinstance(route, Route)})


async def _refused(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, Refusal)
    return Response(_refusals.content(problem.text), problem.status, problem.headers, JSON)


async def _not_found(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, HTTPException)
    text = "there is nothing at this path: / lists what there is" if problem.status_code == 404 else str(problem.detail)
    if problem.status_code == 405:
        text = f"{request.method} is not what this path is for: see /openapi.json"
    return Response(_refusals.content(text), problem.status_code, dict(problem.headers or {}), JSON)


async def _failed(request: Request, problem: Exception) -> Response:
    """Tell nothing: what is behind it stands in the log."""
    return Response(_refusals.content("something went wrong here, and was noted: tell whoever runs this server"), 500, media_type=JSON)


def _add(app: FastAPI, desk: Desk) -> None:
    tags: dict[str, Any] = {"tags": ["server"]}
    described: dict[str, Any] = {}
    folder = resources.files("narrows.serve") / "page"
    page = {ending: (folder / f"page.{ending}").read_bytes() for ending in _TYPES}
    models = {"type": "array", "items": {"type": "object"}}
    index = _openapi.answer("The models, for people as a page where Accept asks for HTML.", _openapi.told(models=models), "text/html")

    @app.get("/", summary="What is served", responses={**index, **_openapi.refusals(*_openapi.READ)}, response_model=None, **tags)
    async def index_(request: Request) -> Any:
        if "text/html" in request.headers.get("accept", ""):
            return _file(page["html"], "html")
        if not desk.tokens.let_in(request.headers.get("authorization", "").encode("latin-1")):
            raise Refusal(401, "send a token that this server knows, as in 'Authorization: Bearer TOKEN'", www_authenticate="Bearer")
        return {"models": [_told(desk, name) for name in desk.models]}

    @app.get("/page.js", include_in_schema=False)
    async def script() -> Response:
        return _file(page["js"], "js")

    @app.get("/page.css", include_in_schema=False)
    async def style() -> Response:
        return _file(page["css"], "css")

    text: dict[int | str, dict[str, Any]] = {200: {"description": "Figures.", "content": {"text/plain": {"schema": {"type": "string"}}}}}

    @app.get(
        "/metrics",
        summary="Figures for Prometheus",
        response_class=Response,
        responses={**text, **_openapi.refusals(*_openapi.READ)},
        **tags,
    )
    async def metrics() -> Response:
        return Response(desk.meters.text(), media_type=_meters.TYPE)

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> dict[str, Any]:
        if not described:
            described.update(_openapi.finished(app.openapi(), bool(desk.tokens)))
        return described


def _file(content: bytes, ending: str) -> Response:
    return Response(content, headers={"content-type": _TYPES[ending], "content-security-policy": POLICY, "referrer-policy": "no-referrer"})


def _told(desk: Desk, name: str) -> dict[str, Any]:
    about = desk.models[name].model.about
    facts = {
        "estimator": about.estimator,
        "n_features": about.n_features,
        "n_components": about.n_components,
        "feature_names": about.feature_names,
        "image_shape": about.image_shape,
        "value_range": about.value_range,
        "classes": about.classes,
        "predicts": about.predicts,
        "training_error": about.training_error,
        "threshold": about.threshold,
        "scale": about.scale,
    }
    words = [word for word in _routes.ROUTES if word != "predict" or about.predicts is not None]
    return {
        "name": name,
        **{key: value for key, value in facts.items() if value is not None},
        "routes": [f"/models/{name}/{word}" for word in words],
    }
