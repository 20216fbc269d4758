"""The API's description, docs/openapi.yml."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from django.test import Client
from openapi_schema_validator import OAS30Validator, oas30_format_checker
from openapi_spec_validator import validate
from referencing import Registry
from referencing.jsonschema import DRAFT4

from tests.support.running import ROOT

DESCRIPTION = ROOT / "docs" / "openapi.yml"
METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    described: dict[str, Any] = yaml.safe_load(DESCRIPTION.read_text())
    return described


def operations(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in schema["paths"].values():
        yield from path.values()


def resolved(schema: dict[str, Any], response: dict[str, Any]) -> dict[str, Any]:
    name = response.get("$ref", "").removeprefix("#/components/responses/")
    resolved_response: dict[str, Any] = schema["components"]["responses"][name] if name else response
    return resolved_response


def test_docs_openapi_is_up_to_date(schema: dict[str, Any]) -> None:
    assert yaml.safe_load(Client().get("/api/v1/schema").content) == schema, "make schema"


def test_the_description_is_valid(schema: dict[str, Any]) -> None:
    validate(schema)


def test_every_operation_has_a_description_and_security(schema: dict[str, Any]) -> None:
    for operation in operations(schema):
        assert operation["description"].strip().endswith((".", "`.")), operation["operationId"]
        assert operation.get("security") or operation["operationId"] in ("login", "register", "email_verify")
        assert len(operation["tags"]) == 1


def test_every_body_has_a_valid_example(schema: dict[str, Any]) -> None:
    registry: Any = Registry().with_resource("urn:api", DRAFT4.create_resource(schema))
    seen = 0
    for operation in operations(schema):
        answers = [resolved(schema, each) for each in operation["responses"].values()]
        for body in (operation.get("requestBody", {}), *answers):
            for media in body.get("content", {}).values():
                media_schema = yaml.safe_dump(media["schema"]).replace("#/components", "urn:api#/components")
                validator = OAS30Validator(
                    yaml.safe_load(media_schema), registry=registry, format_checker=oas30_format_checker
                )
                examples = [each["value"] for each in media["examples"].values()] if "examples" in media else []
                for example in examples or [media["example"]]:
                    errors = [error.message for error in validator.iter_errors(example)]
                    assert not errors, (operation["operationId"], errors)
                    seen += 1
    assert seen > 300


def test_every_error_is_described_as_a_problem(schema: dict[str, Any]) -> None:
    for operation in operations(schema):
        codes = set(operation["responses"])
        assert {"400", "406", "429"} <= codes, operation["operationId"]
        if operation.get("security"):
            assert "401" in codes, operation["operationId"]
        for code in codes:
            if code >= "400":
                content = resolved(schema, operation["responses"][code])["content"]
                assert list(content) == ["application/problem+json"], (operation["operationId"], code)
                assert content["application/problem+json"]["example"]["status"] == int(code)


def test_a_new_order_links_to_every_operation_on_it(schema: dict[str, Any]) -> None:
    placed = schema["paths"]["/api/v1/orders"]["post"]["responses"]["201"]["links"]
    paths = schema["paths"].items()
    of_order = {
        operation["operationId"]
        for path, methods in paths
        if path.startswith("/api/v1/orders/{order_id}")
        for operation in methods.values()
    }
    assert set(placed) == of_order
    assert placed["order_pay"]["parameters"] == {
        "order_id": "$response.body#/order_id",
        "header.If-Match": "$response.header.ETag",
    }
