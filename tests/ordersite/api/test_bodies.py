"""Bodies, headers and parameters are taken exactly as the API's description says."""

import copy
from typing import Any

import pytest
from rest_framework.test import APIClient

from eventstore.models import Event
from tests.support.api import BODY, ORDERS, PAYMENT, RUSSIAN, place, problem, send
from tests.support.webhooks import ENDPOINTS


def with_value(path: str, value: Any) -> dict[str, Any]:
    body = copy.deepcopy(BODY)
    part: Any = body
    *parents, last = [int(name) if name.isdecimal() else name for name in path.split(".")]
    for name in parents:
        part = part[name]
    part[last] = value
    return body


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("lines.0.unit_price", 7.5, "in quotes"),
        ("lines.0.unit_price", 7, "in quotes"),
        ("lines.0.unit_price", True, "in quotes"),
        ("lines.0.quantity", "2", "without quotes"),
        ("lines.0.quantity", 1.5, "whole number"),
        ("lines.0.quantity", True, "whole number"),
        ("lines.0.name", 7, "text"),
        ("lines.0.kind", 1, "text"),
        ("prices_include_tax", "true", "true or false"),
        ("prices_include_tax", 1, "true or false"),
        ("reference", 7, "text"),
        ("currency", ["GBP"], "text"),
    ],
)
def test_a_value_of_another_type_is_refused(api: APIClient, field: str, value: Any, words: str) -> None:
    refused = problem(send(api, ORDERS, with_value(field, value)), 400, "invalid")
    (error,) = refused["errors"]
    assert (error["field"], error["code"]) == (field, "wrong_type")
    assert words in error["message"]
    assert not Event.objects.exists()


def test_a_whole_number_may_be_written_with_a_point(api: APIClient) -> None:
    assert send(api, ORDERS, with_value("lines.0.quantity", 2.0)).status_code == 201


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/api/v1/auth/login", {"username": "ada", "password": 1}, "password"),
        ("/api/v1/auth/login", {"username": "ada", "password": "secret-1", "colour": "red"}, "colour"),
        ("/api/v1/account/deposits", {"currency": "GBP", "amount": 50, "method": "card"}, "amount"),
        (ENDPOINTS, {"url": 7}, "url"),
        (ENDPOINTS, {"url": "https://example.com/", "event_types": ["order.paid", 1]}, "event_types.1"),
    ],
)
def test_every_body_is_as_strict(api: APIClient, path: str, body: Any, field: str) -> None:
    refused = problem(send(api, path, body), 400, "invalid")
    assert [error["field"] for error in refused["errors"]] == [field]


def test_each_way_to_pay_has_its_own_fields(api: APIClient) -> None:
    payments = f"{ORDERS}/{place(api)}/payments"

    def fields(body: Any) -> list[str]:
        return [error["field"] for error in problem(send(api, payments, body), 400, "invalid")["errors"]]

    assert fields({"payment_method": "card"}) == ["amount"]
    assert fields({"payment_method": "card", "amount": None}) == ["amount"]
    assert fields({"payment_method": "account", "capture": False}) == ["capture"]
    assert fields({"amount": "22.50"}) == ["payment_method"]
    for from_account in ({}, {"amount": None}, {"amount": "22.50"}):
        problem(send(api, payments, {"payment_method": "account", **from_account}), 402, "balance_too_low")


def test_a_body_that_is_not_json_is_told_where(api: APIClient) -> None:
    def refused(body: bytes, **headers: str) -> Any:
        answer = api.post("/api/v1/auth/login", data=body, content_type="application/json", headers=headers)
        return problem(answer, 400, "parse_error")["detail"]

    assert refused(b'{"username":\n 7,}') == "The body is not JSON: see line 2, column 4."
    assert refused(b"{", **RUSSIAN) == "Тело запроса — не JSON: см. строку 1, столбец 2."
    assert "UTF-8" in refused(b'"\xff"')
    assert "Infinity" in refused(b'{"username": NaN}')


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("", "idempotency_key_missing"),
        ("two words", "idempotency_key_malformed"),
        ("é", "idempotency_key_malformed"),
        ("x" * 256, "idempotency_key_malformed"),
    ],
)
def test_a_missing_key_and_a_malformed_one_are_told_apart(api: APIClient, key: str, code: str) -> None:
    problem(send(api, ORDERS, BODY, key), 400, code)


@pytest.mark.parametrize("seen", ["0", '"0"', "1", '"01"', 'W/"1"', '"1", "2"', '""', "**"])
def test_a_malformed_version_is_refused_by_reads_and_changes(api: APIClient, seen: str) -> None:
    order = f"{ORDERS}/{place(api)}"
    problem(send(api, f"{order}/payments", PAYMENT, **{"If-Match": seen}), 400, "if_match_malformed")
    problem(api.get(order, headers={"If-Match": seen}), 400, "if_match_malformed")
    assert api.get(order, headers={"If-Match": "*"}).status_code == 200


@pytest.mark.parametrize("path", ["/api/v1/events", "/api/v1/events/stream"])
def test_an_empty_cursor_is_refused(api: APIClient, path: str) -> None:
    problem(api.get(path, {"after": ""}), 400, "cursor_malformed")


@pytest.mark.parametrize("digits", ["٣", "³", "1_0", "+1", " 1"])
def test_numbers_have_ascii_digits(api: APIClient, digits: str) -> None:
    order = f"{ORDERS}/{place(api)}"
    problem(api.get(order, {"min_version": digits}), 400, "invalid")
    problem(api.get(ORDERS, {"limit": digits}), 400, "invalid")
    problem(api.get("/api/v1/events", {"limit": digits}), 400, "invalid")


@pytest.mark.parametrize("query", ["expand=payments,returns", "expand=payments&expand=returns"])
def test_a_list_is_separated_by_commas_or_repeated(api: APIClient, query: str) -> None:
    shown = api.get(f"{ORDERS}/{place(api)}?{query}").json()
    assert {"payments", "returns"} <= set(shown)
    assert "refunds" not in shown
    problem(api.get(f"{ORDERS}?{query}&expand=secrets"), 400, "invalid")
    problem(api.get(f"{ORDERS}?{query}&limit=1&limit=2"), 400, "invalid")
