"""Pay orders through the API."""

from rest_framework.test import APIClient

from tests.support.api import ORDERS, PAYMENT, send


def pay(api: APIClient, order_id: str) -> None:
    """Pay an order that is at version 1."""
    path = f"{ORDERS}/{order_id}/payments"
    assert send(api, path, PAYMENT, **{"If-Match": '"1"'}).status_code == 200
