"""Create webhook endpoints through the API."""

from typing import Any

from rest_framework.test import APIClient

ENDPOINTS = "/api/v1/webhook-endpoints"


def subscribe(api: APIClient, url: str, **fields: Any) -> dict[str, Any]:
    """Create an endpoint; return it as the API shows it, with its secret."""
    answer = api.post(ENDPOINTS, {"url": url, **fields}, format="json")
    assert answer.status_code == 201, answer.content
    created: dict[str, Any] = answer.json()
    return created
