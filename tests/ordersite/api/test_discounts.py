"""Discounts and quantities through the customer API."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.support.api import BODY, ORDERS, place, problem, send

TEN = {"sku": "TEN", "name": "Ten", "quantity": 1, "unit_price": "10.00", "tax_rate": "20"}


def shown(api: APIClient, order_id: str, version: int) -> Any:
    return api.get(f"{ORDERS}/{order_id}", {"min_version": version}).json()


def edit(api: APIClient, order_id: str, quantity: int) -> int:
    body = {"quantities": [{"line_id": 1, "quantity": quantity}]}
    version: int = send(api, f"{ORDERS}/{order_id}/edits", body).json()["version"]
    return version


@pytest.mark.parametrize(
    ("line", "discounts"),
    [({}, [{"name": "FIVE", "amount": "5.00"}]), ({"discount": "5.00"}, [])],
    ids=["voucher", "line"],
)
def test_a_discount_of_5_stays_5_when_an_order_of_1_is_edited_to_100_and_back(
    api: APIClient, line: dict[str, str], discounts: list[dict[str, str]]
) -> None:
    body = BODY | {"lines": [TEN | line], "discounts": discounts}
    order_id = send(api, ORDERS, body).json()["order_id"]
    before = shown(api, order_id, 1)
    large = shown(api, order_id, edit(api, order_id, 100))
    assert (before["discount"], large["discount"], large["total"]) == ("5.00", "5.00", "995.00")
    back = shown(api, order_id, edit(api, order_id, 1))
    assert back["lines"] == before["lines"]
    assert back["discounts"] == before["discounts"]


def test_every_kind_of_discount_is_shown_with_its_terms(api: APIClient) -> None:
    lines = [
        TEN | {"discount": "1.50", "discount_kind": "per_unit", "quantity": 2},
        TEN | {"discount": "12.5", "discount_kind": "percent", "discount_most": "1.00"},
    ]
    discounts = [{"name": "TENTH", "amount": "10", "kind": "percent", "most": "2.00"}]
    order_id = send(api, ORDERS, BODY | {"lines": lines, "discounts": discounts}).json()["order_id"]
    order = shown(api, order_id, 1)
    assert [(line["discount"], line["discount_terms"]) for line in order["lines"]] == [
        ("3.00", {"kind": "per_unit", "amount": "1.50", "most": None}),
        ("1.00", {"kind": "percent", "amount": "12.5", "most": "1.00"}),
    ]
    assert order["discounts"] == [
        {"name": "TENTH", "kind": "percent", "amount": "10", "most": "2.00", "taken_off": "2.00"}
    ]


@pytest.mark.parametrize(
    ("discount", "status"),
    [
        ({"name": "X", "amount": "1", "kind": "per_unit"}, 400),
        ({"name": "X", "amount": "1", "kind": "half"}, 400),
        ({"name": "X", "amount": "-1"}, 400),
        ({"name": "X", "amount": "101", "kind": "percent"}, 409),
        ({"name": "X", "amount": "10.01"}, 409),
    ],
)
def test_a_wrong_discount_is_refused(api: APIClient, discount: dict[str, str], status: int) -> None:
    assert send(api, ORDERS, BODY | {"lines": [TEN], "discounts": [discount]}).status_code == status


def test_a_choice_that_there_is_not_is_refused_with_all_choices(api: APIClient) -> None:
    discounts = [{"name": "X", "amount": "1", "kind": "per_unit"}]
    answer = send(api, ORDERS, BODY | {"lines": [TEN], "discounts": discounts})
    assert problem(answer, 400, "invalid")["errors"] == [
        {
            "field": "discounts.0.kind",
            "message": "'per_unit' is not possible here. Send one of: fixed, percent.",
            "code": "invalid_choice",
        }
    ]


@pytest.mark.parametrize("quantity", [0.5, "1.5"])
def test_quantities_are_whole_units(api: APIClient, quantity: object) -> None:
    answer = send(api, ORDERS, BODY | {"lines": [TEN | {"quantity": quantity}]})
    (error,) = problem(answer, 400, "invalid")["errors"]
    assert (error["field"], error["message"]) == ("lines.0.quantity", "Send a whole number, without quotes.")
    order_id = place(api)
    edited = send(api, f"{ORDERS}/{order_id}/edits", {"quantities": [{"line_id": 1, "quantity": quantity}]})
    (error,) = problem(edited, 400, "invalid")["errors"]
    assert error["message"] == "Send a whole number, without quotes."
