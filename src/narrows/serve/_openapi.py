"""How the routes are described: bodies, answers and refusals, as OpenAPI has them."""

from __future__ import annotations

from typing import Any

from narrows.serve._bodies import ARROW, CSV, JSON, NPY
from narrows.serve._tensors import HEADER_LENGTH, TYPES

ERROR = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"], "additionalProperties": False}
NUMBERS = {"type": "array", "items": {"type": ["number", "null"]}}
ROWS = {"type": "array", "minItems": 1, "items": {"type": "array", "items": {"type": "number"}, "minItems": 1}}
TABLE = {"type": "array", "items": NUMBERS}
NAME = {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}, "description": "Of a model."}
VERSION = {"name": "version", "in": "path", "required": True, "schema": {"type": "string"}, "description": "Always 1."}
_BINARY = {"type": "string", "format": "binary"}
_REFUSALS = {
    400: "What came is not in order; the sentence says what is wrong.",
    401: "No token came, or one that is not known.",
    403: "A page of another site sent this.",
    404: "There is no such model, or it has no head.",
    408: "The request did not arrive in time.",
    413: "The body, or the number of rows, is larger than is allowed.",
    415: "The body is of a type that is not read, or packed.",
    421: "The request was meant for another host.",
    429: "Too much is waiting already; try again after the seconds in Retry-After.",
    431: "The headers are larger than is allowed.",
    503: "It took too long, or the server is about to end.",
}
READ, BODY = (401, 403, 408, 421, 431, 503), (400, 401, 403, 404, 408, 413, 415, 421, 429, 431, 503)


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe refusals."""
    found: dict[int | str, dict[str, Any]] = {
        status: {"description": _REFUSALS[status], "content": {JSON: {"schema": ERROR}}} for status in statuses
    }
    for status in found.keys() & {429, 503}:
        found[status]["headers"] = {"Retry-After": {"schema": {"type": "string"}, "description": "Seconds."}}
    return found


def answer(description: str, schema: dict[str, Any], *others: str) -> dict[int | str, dict[str, Any]]:
    """Describe an answer in JSON, and in other types."""
    content: dict[str, Any] = {JSON: {"schema": schema}}
    content |= {kind: {"schema": {"type": "string"} if kind.startswith("text/") else _BINARY} for kind in others}
    return {200: {"description": description, "content": content}}


def told(**properties: dict[str, Any]) -> dict[str, Any]:
    """Describe an object; those whose description begins with "Where" may be missing."""
    required = [name for name, value in properties.items() if not value.get("description", "").startswith("Where")]
    return {"type": "object", "properties": properties, "required": required}


def body(what: str) -> dict[str, Any]:
    """Describe a body of rows or of codes."""
    one_of = [told(**{what: ROWS}) | {"additionalProperties": False}, ROWS]
    if what == "rows":
        records = {"type": "array", "minItems": 1, "items": {"type": "object", "additionalProperties": {"type": "number"}}}
        one_of.append(told(rows=records) | {"additionalProperties": False})
    content: dict[str, Any] = {JSON: {"schema": {"anyOf": one_of}}, CSV: {"schema": {"type": "string"}}}
    content |= {kind: {"schema": _BINARY} for kind in (NPY, ARROW)}
    return {"requestBody": {"required": True, "content": content}}


_PARAMETERS = {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}}
_SHAPE = {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1}
_DATA = {"description": "The numbers, nested or not. Left out where they follow the JSON as binary.", "type": "array"}
_INPUT = {
    "type": "object",
    "required": ["name", "shape", "datatype"],
    "properties": {
        "name": {"type": "string"},
        "shape": _SHAPE,
        "datatype": {"enum": sorted(TYPES)},
        "parameters": _PARAMETERS,
        "data": _DATA,
    },
}
_OUTPUT = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "parameters": _PARAMETERS}}
INFER_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            JSON: {
                "schema": {
                    "type": "object",
                    "required": ["inputs"],
                    "properties": {
                        "id": {"type": "string", "maxLength": 200},
                        "parameters": _PARAMETERS,
                        "inputs": {"type": "array", "minItems": 1, "maxItems": 1, "items": _INPUT},
                        "outputs": {"type": "array", "items": _OUTPUT},
                    },
                }
            },
            "application/octet-stream": {"schema": _BINARY},
        },
    }
}
INFER_HEADER = {
    "name": HEADER_LENGTH.title(),
    "in": "header",
    "required": False,
    "schema": {"type": "string", "pattern": "^[0-9]{1,11}$"},
    "description": "Bytes of JSON that the body begins with, where binary tensors follow.",
}
_TENSOR = {
    "type": "object",
    "required": ["name", "shape", "datatype"],
    "properties": {"name": {"type": "string"}, "shape": _SHAPE, "datatype": {"type": "string"}, "data": NUMBERS, "parameters": _PARAMETERS},
}
INFER_ANSWER = told(
    model_name={"type": "string"},
    model_version={"type": "string"},
    outputs={"type": "array", "items": _TENSOR},
    id={"type": "string", "description": "Where the request had one."},
)
_END = told(name={"type": "string"}, datatype={"type": "string"}, shape={"type": "array", "items": {"type": "integer"}})
MODEL = told(
    name={"type": "string"},
    versions={"type": "array", "items": {"type": "string"}},
    platform={"type": "string"},
    inputs={"type": "array", "items": _END},
    outputs={"type": "array", "items": _END},
)


def finished(described: dict[str, Any], has_tokens: bool) -> dict[str, Any]:
    """Give FastAPI's description without the answers that it adds by itself, and with the token that is asked for."""
    for path in described["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
    if has_tokens:
        described.setdefault("components", {})["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        described["security"] = [{"token": []}]
    return described
