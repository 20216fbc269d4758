"""Customer accounts through the API."""

from typing import Any

from rest_framework.test import APIClient

from tests.support.api import send

ACCOUNT = "/api/v1/account"
DEPOSIT = {"currency": "GBP", "amount": "50.00", "method": "card", "reference": "pay_1"}


def deposit(api: APIClient, key: str | None = None, headers: dict[str, str] | None = None, **changes: Any) -> Any:
    """Deposit money, with changed fields."""
    return send(api, f"{ACCOUNT}/deposits", DEPOSIT | changes, key, **(headers or {}))
