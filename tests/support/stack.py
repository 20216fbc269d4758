"""Requests to a running site."""

import time
from typing import Any
from uuid import uuid4

from tests.support.running import Running

ORDER = {
    "currency": "GBP",
    "country": "United Kingdom",
    "lines": [{"sku": "MUG-201", "name": "Stoneware mug", "quantity": 2, "unit_price": "9.95"}],
}


def customer(running: Running) -> dict[str, str]:
    """Return the headers of the demo customer."""
    return {"Authorization": f"Token {running.logins()['customer_token']}"}


def place_and_pay(running: Running, auth: dict[str, str]) -> str:
    """Place an order, pay it, and read it back by the API. Return its id."""

    def post(path: str, body: Any) -> Any:
        headers = {"Idempotency-Key": str(uuid4()), "If-Match": "*"}
        status, _, answer = running.call("POST", path, body, **auth, **headers)
        assert status in (200, 201), answer
        return answer

    order_id: str = post("/api/v1/orders", ORDER)["order_id"]
    post(f"/api/v1/orders/{order_id}/payments", {"amount": "19.90", "payment_method": "card"})
    deadline = time.monotonic() + 30
    while True:
        status, _, order = running.call("GET", f"/api/v1/orders/{order_id}?min_version=2", **auth)
        if status != 503 or time.monotonic() > deadline:
            break
    assert (status, order["payment"]) == (200, "paid"), order
    return order_id
