"""The API's description, docs/openapi.yml, as whoever makes a client of it meets it."""

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

KEPT = ROOT / "docs" / "openapi.yml"
METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    described: dict[str, Any] = yaml.safe_load(KEPT.read_text())
    return described


def operations(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in schema["paths"].values():
        yield from path.values()


def resolved(schema: dict[str, Any], response: dict[str, Any]) -> dict[str, Any]:
    name = response.get("$ref", "").removeprefix("#/components/responses/")
    found: dict[str, Any] = schema["components"]["responses"][name] if name else response
    return found


def test_the_kept_description_is_what_the_site_answers(schema: dict[str, Any]) -> None:
    assert yaml.safe_load(Client().get("/api/v1/schema").content) == schema, "make schema"


def test_it_is_a_valid_one(schema: dict[str, Any]) -> None:
    validate(schema)


def test_every_operation_says_in_words_what_it_does_and_who_may(schema: dict[str, Any]) -> None:
    for operation in operations(schema):
        assert operation["description"].strip().endswith((".", "`.")), operation["operationId"]
        assert operation.get("security") or operation["operationId"] in ("login", "register", "email_verify")
        assert len(operation["tags"]) == 1


def test_every_body_has_an_example_that_fits_it(schema: dict[str, Any]) -> None:
    registry: Any = Registry().with_resource("urn:api", DRAFT4.create_resource(schema))
    seen = 0
    for operation in operations(schema):
        answers = [resolved(schema, each) for each in operation["responses"].values()]
        for body in (operation.get("requestBody", {}), *answers):
            for media in body.get("content", {}).values():
                inside = yaml.safe_dump(media["schema"]).replace("#/components", "urn:api#/components")
                validator = OAS30Validator(
                    yaml.safe_load(inside), registry=registry, format_checker=oas30_format_checker
                )
                shown = [each["value"] for each in media["examples"].values()] if "examples" in media else []
                for example in shown or [media["example"]]:
                    errors = [error.message for error in validator.iter_errors(example)]
                    assert not errors, (operation["operationId"], errors)
                    seen += 1
    assert seen > 300


def test_whatever_is_refused_is_described_as_a_problem(schema: dict[str, Any]) -> None:
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


def test_a_new_order_leads_to_all_that_can_be_done_with_it(schema: dict[str, Any]) -> None:
    placed = schema["paths"]["/api/v1/orders"]["post"]["responses"]["201"]["links"]
    paths = schema["paths"].items()
    around = {
        operation["operationId"]
        for path, methods in paths
        if path.startswith("/api/v1/orders/{order_id}")
        for operation in methods.values()
    }
    assert set(placed) == around
    assert placed["order_pay"]["parameters"] == {
        "order_id": "$response.body#/order_id",
        "header.If-Match": "$response.header.ETag",
    }
