"""The routes of the Open Inference Protocol, version 2: health, what there is, and inference."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request, Response

from narrows import __version__
from narrows.serve import _openapi, _tensors
from narrows.serve._bodies import JSON
from narrows.serve._desk import Desk
from narrows.serve._refusals import Refusal

INFERENCE = re.compile(r"/v2/models/(?P<name>[^/]+)(/versions/(?P<version>[^/]+))?/infer")
INFER = "/v2/models/{name}/infer"  # what figures are kept by
Infer = Callable[[str, str | None, dict[bytes, bytes], Any], Awaitable[tuple[bytes, dict[str, str]]]]
HEALTH = ("/v2/health/live", "/v2/health/ready")
SERVER = {
    "name": "narrows",
    "version": __version__,
    "extensions": ["binary_tensor_data"],
}


def add(app: FastAPI, desk: Desk) -> None:
    """Add the routes."""
    tags: dict[str, Any] = {"tags": ["Open Inference Protocol"]}
    plain: dict[str, Any] = {"response_class": Response, **tags}
    yes: dict[int | str, dict[str, Any]] = {200: {"description": "Yes."}}

    @app.get("/v2/health/live", summary="Whether the server runs", responses={**yes, **_openapi.refusals(*_openapi.READ)}, **plain)
    async def live() -> Response:
        return Response()

    @app.get("/v2/health/ready", summary="Whether it answers", responses={**yes, **_openapi.refusals(*_openapi.READ)}, **plain)
    async def ready() -> Response:
        _check_ready(desk)
        return Response()

    described = _openapi.told(
        name={"type": "string"}, version={"type": "string"}, extensions={"type": "array", "items": {"type": "string"}}
    )
    responses = {**_openapi.answer("Of the server.", described), **_openapi.refusals(*_openapi.READ)}

    @app.get("/v2", summary="What the server is", responses=responses, **tags)
    async def server() -> dict[str, Any]:
        return SERVER

    for path, parameters, suffix in (
        ("/v2/models/{name}", [_openapi.NAME], ""),
        ("/v2/models/{name}/versions/{version}", [_openapi.NAME, _openapi.VERSION], "_of_version"),
    ):
        extra: dict[str, Any] = {"openapi_extra": {"parameters": parameters}}
        refusals = _openapi.refusals(404, *_openapi.READ)
        app.add_api_route(
            path,
            _about_model(desk),
            methods=["GET"],
            summary="What goes into a model and comes out",
            operation_id=f"model{suffix}",
            responses={**_openapi.answer("Of the model.", _openapi.MODEL), **refusals},
            response_model=None,
            **tags,
            **extra,
        )
        app.add_api_route(
            f"{path}/ready",
            _is_ready(desk),
            methods=["GET"],
            summary="Whether a model answers",
            operation_id=f"ready{suffix}",
            responses={**yes, **refusals},
            **plain,
            **extra,
        )
        app.add_api_route(
            f"{path}/infer",
            _infer(desk),
            methods=["POST"],
            summary="Run a model",
            operation_id=f"infer{suffix}",
            responses={
                **_openapi.answer("The outputs that were asked for.", _openapi.INFER_ANSWER, "application/octet-stream"),
                **_openapi.refusals(*_openapi.BODY),
            },
            openapi_extra={"parameters": [*parameters, _openapi.INFER_HEADER], **_openapi.INFER_BODY},
            **plain,
        )


def _check_ready(desk: Desk) -> None:
    if not desk.is_ready:
        raise Refusal(503, "the server is about to end" if desk.is_closing else "models are being loaded", retry_after="1")


def _check_version(version: str | None) -> None:
    if version not in (None, _tensors.VERSION):
        raise Refusal(404, f"models have one version here, {_tensors.VERSION!r}")


def _about_model(desk: Desk) -> Any:
    async def model(request: Request) -> dict[str, Any]:
        _check_version(request.path_params.get("version"))
        name = request.path_params["name"]
        served, start, outputs = desk.by_protocol(name)
        ends = [
            {"name": output, "datatype": _tensors.DATATYPES.get(output, ("FP32",))[0], "shape": [-1, width]}
            for output, width in outputs.items()
        ]
        return {
            "name": name,
            "versions": [_tensors.VERSION],
            "platform": "onnxruntime_onnx",
            "inputs": [{"name": start, "datatype": "FP32", "shape": [-1, served.model.width(start)]}],
            "outputs": ends,
        }

    return model


def _is_ready(desk: Desk) -> Any:
    async def ready(request: Request) -> Response:
        _check_version(request.path_params.get("version"))
        desk.by_protocol(request.path_params["name"])
        _check_ready(desk)
        return Response()

    return ready


def _infer(desk: Desk) -> Any:
    infer = inference(desk)

    async def described(request: Request) -> Response:
        name, version = request.path_params["name"], request.path_params.get("version")
        content, headers = await infer(name, version, dict(request.scope["headers"]), request.receive)
        return Response(content, headers=headers)

    return described


def inference(desk: Desk) -> Infer:
    """Give what answers requests at `INFERENCE`: from the parts of their path, their headers and what they send to an answer."""

    async def infer(name: str, version: str | None, headers: dict[bytes, bytes], receive: Any) -> tuple[bytes, dict[str, str]]:
        _check_version(version)
        served, start, offered = desk.by_protocol(name)
        kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if kind not in (b"application/json", b"application/octet-stream", b""):
            raise Refusal(415, f"send {JSON}, or application/octet-stream with binary tensors")
        with desk.holding() as hold:
            body = await hold.body(headers, receive)
            said = headers.get(_tensors.HEADER_LENGTH.encode())
            length = None if said is None else said.decode("latin-1")
            # Binary tensors are not copied, so that reading them takes no time.
            asked = await desk.read(_tensors.read, body if length is None else b"", body, length, desk.wanted(served.model, start), offered)
            found = await served.batcher.submit(start, frozenset(asked.outputs), asked.rows)
            answer: tuple[bytes, dict[str, str]] = await desk.read(
                _tensors.write, b"" if all(asked.outputs.values()) else body, name, asked, found
            )
        return answer

    return infer
