"""The operations of the API, as its description lists them."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import yaml
from django.test import Client
from rest_framework.test import APIClient


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield method, path and description of each operation; deletions come last."""
    schema = yaml.safe_load(Client().get("/api/v1/schema").content)
    for is_deletion in (False, True):
        for path, methods in schema["paths"].items():
            for method, operation in methods.items():
                if (method == "delete") is is_deletion:
                    yield method, path, operation


def request(api: APIClient, method: str, path: str, operation: dict[str, Any]) -> Any:
    """Send the operation with its example body, the first if there are several."""
    media = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    body = media.get("example") or next((each["value"] for each in media.get("examples", {}).values()), None)
    headers = {"Idempotency-Key": str(uuid4()), "If-Match": "*"} if method != "get" else {}
    return getattr(api, method)(path, body, format="json", headers=headers) if body else getattr(api, method)(
        path, headers=headers
    )  # fmt: skip
