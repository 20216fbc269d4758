"""Webhook endpoints through the API."""

from typing import Any

from rest_framework.test import APIClient

ENDPOINTS = "/api/v1/webhook-endpoints"


def subscribe(api: APIClient, url: str, **more: Any) -> dict[str, Any]:
    answer = api.post(ENDPOINTS, {"url": url, **more}, format="json")
    assert answer.status_code == 201, answer.content
    created: dict[str, Any] = answer.json()
    return created
