"""The API's description, docs/openapi.yml."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from openapi_schema_validator import OAS30Validator, oas30_format_checker
from openapi_spec_validator import validate
from referencing import Registry
from referencing.jsonschema import DRAFT4

from orders.actions import ACTIONS
from ordersite.api.openapi import view
from ordersite.api.openapi.describe import Undescribed, describe, properties, resolve
from ordersite.api.problem_codes import PROBLEM_CODES
from projections.customer.public_events import PUBLIC_TYPES
from projections.order_body import EXPANDABLE_PARTS
from projections.webhooks.planning import MESSAGE_TYPES
from tests.support.problem_codes import codes_in_source, files_with_computed_codes
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


def validator_of(schema: dict[str, Any], part: dict[str, Any]) -> OAS30Validator:
    """Return a validator of a part of the description, whose references it can follow."""
    registry: Any = Registry().with_resource("urn:api", DRAFT4.create_resource(schema))
    local = yaml.safe_load(yaml.safe_dump(part).replace("#/components", "urn:api#/components"))
    return OAS30Validator(local, registry=registry, format_checker=oas30_format_checker)


def test_docs_openapi_is_up_to_date(schema: dict[str, Any]) -> None:
    assert yaml.safe_load(Client().get("/api/v1/schema").content) == schema, "make schema"


def test_the_description_is_valid(schema: dict[str, Any]) -> None:
    validate(schema)


def test_every_operation_has_a_description_and_security(schema: dict[str, Any]) -> None:
    for operation in operations(schema):
        assert operation["description"].strip().endswith((".", "`.")), operation["operationId"]
        assert operation.get("security") or operation["operationId"] in ("login", "register", "email_verify")
        assert len(operation["tags"]) == 1


def test_every_operation_has_a_summary_a_known_tag_and_described_parameters(schema: dict[str, Any]) -> None:
    tags = {tag["name"] for tag in schema["tags"]}
    for operation in operations(schema):
        assert operation["summary"].strip(), operation["operationId"]
        assert not operation["summary"].endswith("."), operation["operationId"]
        assert set(operation["tags"]) <= tags
        assert "security" in operation, operation["operationId"]
        for parameter in operation["parameters"]:
            named = schema["components"]["parameters"].get(parameter.get("$ref", "").rpartition("/")[2], parameter)
            assert named["description"].endswith("."), (operation["operationId"], named)


def test_every_component_and_property_is_described(schema: dict[str, Any]) -> None:
    for name, component in schema["components"]["schemas"].items():
        assert component.get("description") or "oneOf" in component, name
    for path, described in properties(schema):
        assert "$ref" not in described, f"{path}: what stands beside a reference is ignored"
        assert described["description"].strip(), path
        assert not re.search(r"serializer|context\[|dataclass|Return ", described["description"]), path


def test_every_value_has_an_example_that_fits(schema: dict[str, Any]) -> None:
    schemas = schema["components"]["schemas"]
    seen = 0
    for path, described in properties(schema):
        resolved_type = resolve(described, schemas)
        has_parts = "properties" in resolved_type or (
            resolved_type.get("type") == "array" and "properties" in resolve(resolved_type["items"], schemas)
        )
        if not has_parts:
            assert described["example"] != "example", path
            errors = [error.message for error in validator_of(schema, described).iter_errors(described["example"])]
            assert not errors, (path, errors)
            seen += 1
    assert seen > 300


def test_no_example_is_a_placeholder(schema: dict[str, Any]) -> None:
    placeholders = [line for line in DESCRIPTION.read_text().splitlines() if re.search(r"[:-] '?example'?$", line)]
    assert not placeholders


def test_no_component_has_a_numbered_name(schema: dict[str, Any]) -> None:
    for kind, components in schema["components"].items():
        assert not [name for name in components if re.search(r"_?\d+$|Enum$", name)], kind


def test_enumerations_of_the_code_are_enumerations_of_the_description(schema: dict[str, Any]) -> None:
    schemas = schema["components"]["schemas"]

    def values(path: str) -> list[Any]:
        component, _, field = path.partition(".")
        found: Any = resolve(schemas[component]["properties"][field], schemas)
        if found.get("type") == "array":
            found = resolve(found["items"], schemas)
        return sorted(found["enum"])

    assert values("PublicEvent.type") == values("Moment.event") == sorted(PUBLIC_TYPES)
    assert values("WebhookEndpoint.event_types") == values("NewWebhookEndpointRequest.event_types")
    assert values("WebhookMessage.type") == values("WebhookDelivery.type") == sorted(MESSAGE_TYPES)
    assert values("Problem.code") == sorted(PROBLEM_CODES)
    assert values("Problem.allowed_actions") == values("StaffOrder.allowed_actions") == sorted(ACTIONS)
    for path in ("/api/v1/orders", "/api/v1/orders/{order_id}"):
        (expand,) = [each for each in schema["paths"][path]["get"]["parameters"] if each.get("name") == "expand"]
        assert expand["schema"]["items"]["enum"] == list(EXPANDABLE_PARTS)


def test_every_code_of_a_problem_is_described() -> None:
    assert list(PROBLEM_CODES) == sorted(codes_in_source()), "make schema"
    assert files_with_computed_codes() == {
        "eventstore/timetravel/restoring.py",  # AGGREGATE_not_found
        "orders/rules/common.py",  # PART_not_found
        "orders/rules/undoing.py",  # from a tuple, which is read too
        "projections/webhooks/addresses.py",  # the code of a field
    }, "tests/support/problem_codes.py has to find the codes of the new file"


def test_a_property_without_words_is_an_error() -> None:
    forgotten = {"Answer": {"type": "object", "properties": {"colour": {"type": "string"}}}}
    with pytest.raises(Undescribed, match=r"Answer\.colour"):
        describe({"paths": {}, "components": {"schemas": forgotten}}, None)


def test_a_payment_is_one_of_its_ways(schema: dict[str, Any]) -> None:
    schemas = schema["components"]["schemas"]
    ways = [each["$ref"].rpartition("/")[2] for each in schemas["PaymentRequest"]["oneOf"]]
    assert {way: schemas[way]["required"] for way in ways} == {
        "NewPaymentRequest": ["amount", "payment_method"],
        "NewAccountPaymentRequest": ["payment_method"],
    }
    assert schema["paths"]["/api/v1/orders/{order_id}/payments"]["post"]["requestBody"]["required"] is True
    validator = validator_of(schema, {"$ref": "#/components/schemas/PaymentRequest"})
    assert validator.is_valid({"payment_method": "account"})
    assert validator.is_valid({"payment_method": "account", "amount": "1.00"})
    assert validator.is_valid({"payment_method": "card", "amount": "1.00"})
    assert not validator.is_valid({"payment_method": "card"})


def test_messages_and_streamed_events_have_a_schema(schema: dict[str, Any]) -> None:
    created = schema["paths"]["/api/v1/webhook-endpoints"]["post"]
    message = created["callbacks"]["event"]["{$request.body#/url}"]["post"]["requestBody"]["content"]
    assert message["application/json"]["schema"]["$ref"].endswith("/WebhookMessage")
    stream = schema["paths"]["/api/v1/events/stream"]["get"]["responses"]["200"]["content"]
    assert stream["text/event-stream"]["schema"]["$ref"].endswith("/PublicEvent")


def test_every_body_has_a_valid_example(schema: dict[str, Any]) -> None:
    seen = 0
    for operation in operations(schema):
        answers = [resolved(schema, each) for each in operation["responses"].values()]
        for body in (operation.get("requestBody", {}), *answers):
            for media in body.get("content", {}).values():
                validator = validator_of(schema, media["schema"])
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


def test_the_description_is_made_once_for_each_language_and_format(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    get_schema: Any = SchemaGenerator.get_schema

    def counted(*args: Any, **more: Any) -> Any:
        made.append(more)
        return get_schema(*args, **more)

    monkeypatch.setattr(SchemaGenerator, "get_schema", counted)
    view._make.cache_clear()
    variants = ["", "?format=json", "?lang=ru", "?lang=ru&format=json"]
    answers = [Client().get(f"/api/v1/schema{query}") for query in variants for _ in range(2)]
    assert len(made) == len(variants)
    assert len({answer["ETag"] for answer in answers}) == len(variants)
    known = Client().get("/api/v1/schema", headers={"If-None-Match": answers[0]["ETag"]})
    assert (known.status_code, known.content) == (304, b"")
    for query in ("?lang=de", "?lang=xx", "?version=7", "?colour=red"):
        assert Client().get(f"/api/v1/schema{query}")["ETag"] == answers[0]["ETag"]
    assert len(made) == len(variants)
