"""Requests to the API, and checks of its problems."""

from typing import Any
from uuid import uuid4

from rest_framework.test import APIClient

ORDERS = "/api/v1/orders"
BODY: dict[str, Any] = {
    "currency": "GBP",
    "country": "United Kingdom",
    "reference": "PO-7",
    "lines": [
        {"sku": "MUG", "name": "Mug", "quantity": 2, "unit_price": "7.50"},
        {"sku": "MUG", "name": "Mug", "quantity": 1, "unit_price": "7.50"},
    ],
}
RUSSIAN = {"Accept-Language": "ru-RU,ru;q=0.9,en;q=0.8"}
PAYMENT = {"amount": "22.50", "payment_method": "card"}


def send(api: APIClient, path: str, body: Any, key: str | None = None, *, method: str = "post", **headers: str) -> Any:
    """Send a command with a new idempotency key and `If-Match: *`, unless given; an empty value omits the header."""
    if key != "":
        headers["Idempotency-Key"] = key or str(uuid4())
    sent = {name: value for name, value in {"If-Match": "*", **headers}.items() if value}
    return getattr(api, method)(path, body, format="json", headers=sent)


def place(api: APIClient) -> str:
    """Place an order, and return its id."""
    return str(send(api, ORDERS, BODY).json()["order_id"])


def problem(response: Any, status: int, code: str) -> dict[str, Any]:
    """Check that the response is this problem, and return its body."""
    assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json")
    body: dict[str, Any] = response.json()
    assert (body["status"], body["code"]) == (status, code)
    assert body["type"] == f"urn:ordersite:problem:{code}"
    assert body["detail"]
    return body
