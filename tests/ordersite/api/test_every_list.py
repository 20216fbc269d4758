"""No list of the API answers with more than a bounded number of bytes, and a new list cannot be forgotten."""

import json
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import yaml
from django.utils import timezone
from rest_framework.test import APIClient

from eventstore.ids import new_id
from eventstore.storage import sizes
from ordersite.models import User
from projections.customer.account import CustomerAccountMovement, MovementKind
from projections.webhooks.deliveries import ATTEMPTS_STORED
from projections.webhooks.models import WebhookDelivery
from tests.support.api import place
from tests.support.running import ROOT
from tests.support.webhooks import ENDPOINTS, subscribe

DESCRIPTION: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "openapi.yml").read_text())
BOUNDS = {
    "/api/v1/account": "one entry for each currency",
    "/api/v1/account/movements": "a page of short texts",
    "/api/v1/back-office/approvals": "the newest, without their commands",
    "/api/v1/back-office/events": "the bytes of the stored events",
    "/api/v1/back-office/orders": "the bytes of the stored orders",
    "/api/v1/back-office/webhook-endpoints": "so many endpoints",
    "/api/v1/back-office/webhook-endpoints/{endpoint_id}/deliveries": "a page of short texts",
    "/api/v1/events": "the bytes of the stored events",
    "/api/v1/orders": "the bytes of the stored orders",
    "/api/v1/orders/{order_id}/payments": "one order",
    "/api/v1/orders/{order_id}/refunds": "one order",
    "/api/v1/orders/{order_id}/returns": "one order",
    "/api/v1/orders/{order_id}/shipments": "one order",
    "/api/v1/orders/{order_id}/timeline": "entries, and the bytes of the stored events",
    "/api/v1/webhook-endpoints": "so many endpoints",
    "/api/v1/webhook-endpoints/{endpoint_id}/deliveries": "a page of short texts",
}
"""What bounds each list. The lists of orders and of events have tests of their own: `test_list_budgets`."""
MOST_BYTES = 1_500_000  # of a page of short texts


def is_list(schema: dict[str, Any]) -> bool:
    """Return whether an answer of this schema is a list, or a page of one."""
    if "$ref" in schema:
        schema = DESCRIPTION["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema.get("type") == "array" or "results" in schema.get("properties", {})


def test_every_list_has_a_bound() -> None:
    answers = {
        path: methods["get"]["responses"]["200"].get("content", {})
        for path, methods in DESCRIPTION["paths"].items()
        if "get" in methods
    }
    lists = {path for path, content in answers.items() if any(is_list(each["schema"]) for each in content.values())}
    assert lists == set(BOUNDS), "say what bounds the new list, and test it here or in test_list_budgets"


@pytest.mark.django_db(transaction=True)
def test_the_longest_movements_fill_a_page_of_bounded_size(api: APIClient, ada: User) -> None:
    customer_id, account_id, longest = ada.customer_id, new_id(), "\N{PILE OF POO}"
    assert customer_id
    for number in range(100):
        CustomerAccountMovement.objects.create(
            movement_id=number,
            account_id=account_id,
            customer_id=customer_id,
            currency="GBP",
            version=number + 1,
            kind=MovementKind.DEPOSIT,
            method=longest * 40,
            reason=longest * 300,
            reference=longest * 100,
            occurred_at=timezone.now() - timedelta(seconds=number),
        )
    answer = api.get("/api/v1/account/movements?limit=100")
    assert len(answer.json()["results"]) == 100
    assert len(answer.content) < MOST_BYTES


@pytest.mark.django_db(transaction=True)
def test_the_longest_deliveries_fill_a_page_of_bounded_size(api: APIClient) -> None:
    endpoint_id = subscribe(api, "http://127.0.0.1:9/hooks")["id"]
    attempt = {"at": timezone.now().isoformat(), "status": None, "problem": "x" * 300}
    for _ in range(100):
        WebhookDelivery.objects.create(
            endpoint_id=UUID(endpoint_id),
            event_id=new_id(),
            aggregate_id=new_id(),
            event_type="order.created",
            attempts=[attempt] * ATTEMPTS_STORED,
        )
    answer = api.get(f"{ENDPOINTS}/{endpoint_id}/deliveries?limit=100")
    assert len(answer.json()["results"]) == 100
    assert len(answer.content) < MOST_BYTES


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("most", [1, 3_000, 10**9])
def test_an_export_reads_a_page_of_orders_at_a_time_and_is_the_same_whatever_the_page(
    api: APIClient, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    placed = sorted(place(api) for _ in range(5))
    read, pages = sizes.pages_of, list[list[UUID]]()

    def noted(ids: Iterable[UUID]) -> Iterator[list[UUID]]:
        for page in read(ids):
            pages.append(page)
            yield page

    monkeypatch.setattr(sizes, "MOST_STORED", most)
    monkeypatch.setattr("ordersite.customers.export.pages_of", noted)
    export = json.loads(api.get("/api/v1/me/export").getvalue())
    assert [order["id"] for order in export["orders"]] == placed
    assert [str(key) for page in pages for key in page] == placed
    assert (len(pages) == 5, len(pages) == 1) == (most == 1, most == 10**9)
