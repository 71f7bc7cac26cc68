"""The description of the server says all that it does: schemathesis finds no other answer, and none that is the server's fault."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

schemathesis = pytest.importorskip("schemathesis")

QUICK = settings(max_examples=12, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate], deadline=None)


@pytest.fixture(scope="session")
def described(server):
    return server.ask("GET", "/openapi.json").json


def operations(described):
    return [(path, method) for path, methods in described["paths"].items() for method in methods]


def test_every_route_is_described(server, described):
    from narrows.serve._routes import ROUTES

    assert {f"/{word}" for word in ROUTES} <= set(described["paths"])
    assert {"/", "/metrics", "/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/{name}/infer"} <= set(described["paths"])
    for path, method in operations(described):
        operation = described["paths"][path][method]
        assert operation["summary"]
        assert {"200", "401", "503"} <= set(operation["responses"])
        assert "422" not in operation["responses"]
        assert operation["operationId"]


def test_a_server_with_tokens_says_so(described):
    from narrows.serve._openapi import finished

    assert "security" not in described
    said = finished(json.loads(json.dumps(described)), True)
    assert said["security"] == [{"token": []}]
    assert said["components"]["securitySchemes"]["token"] == {"type": "http", "scheme": "bearer"}


def test_no_answer_is_undocumented_or_the_servers_fault(server, described):
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks

    schema = schemathesis.openapi.from_dict(described)
    schema.config.update(base_url=server.address)
    held = [not_a_server_error, checks.status_code_conformance, checks.content_type_conformance, checks.response_schema_conformance]
    n = 0
    for found in schema.get_all_operations():
        operation = found.ok()

        @QUICK
        @given(case=operation.as_strategy(), name=st.sampled_from(["digits", "flowers", "odd", "odd.decoder", None]))
        def run(case, name):
            nonlocal n
            if name is not None and "name" in case.path_parameters:
                case.path_parameters["name"] = name
            case.call_and_validate(checks=held, timeout=30)
            n += 1

        run()
    assert n > 200
