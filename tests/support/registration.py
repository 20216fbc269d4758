"""Helpers of tests about registering: a newcomer, and several people who name one address."""

from typing import Any
from uuid import UUID

from rest_framework.test import APIClient

from ordersite.customers import emails

AUTH = "/api/v1/auth"
OWNERS = "nine-copper-bells"  # the password of whoever owns the address
PASSWORD = "seven-brass-lanterns"
NEWCOMER = {"username": "grace", "password": PASSWORD, "name": "Grace Okafor", "email": "grace@example.com"}


def post(client: APIClient, path: str, body: Any = None) -> Any:
    return client.post(path, body, format="json")


def by_address(email: str = "grace@example.com", **changes: Any) -> Any:
    body = {name: value for name, value in NEWCOMER.items() if name != "username"} | {"email": email} | changes
    return post(APIClient(), f"{AUTH}/register", body)


def logs_in(name: str, password: str) -> bool:
    return bool(post(APIClient(), f"{AUTH}/login", {"username": name, "password": password}).status_code == 200)


def verify(customer_id: str, email: str = "grace@example.com") -> Any:
    token = emails.token_for(UUID(customer_id), email)
    return post(APIClient(), f"{AUTH}/verify-email", {"token": token})
