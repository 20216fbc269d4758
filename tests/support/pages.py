"""Every page of the admin and every reading of the API."""

from collections.abc import Iterator
from typing import Any

import yaml
from django.contrib.admin.sites import site
from django.test import Client
from django.urls import URLPattern, reverse

from tests.support.plenty import page_of_each

ASKS_AGAIN = "/api/v1/events/stream"
"""Asks for news again and again, for as long as somebody listens."""


def paths() -> Iterator[str]:
    schema = yaml.safe_load(Client().get("/api/v1/schema").content)
    yield from (path for path, methods in schema["paths"].items() if "get" in methods and path != ASKS_AGAIN)


def pages(names: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Name and address of every page of the admin; those that show a row show one that has much."""
    keys = {f"{model._meta.app_label}_{model._meta.model_name}": key for model, key in page_of_each(names).items()}
    for name, pattern in patterns(site.urls[0]):
        model = next((each for each in keys if name.startswith(f"{each}_")), "ordersite_user")
        named = {
            "object_id": keys[model],
            "id": keys[model],
            "name": "ship_lines",
            "app_label": "projections",
            "content_type_id": 1,
            "url": "nowhere",
        }
        needed = pattern.pattern.regex.groupindex
        asked = f"?order={names['order_id']}" if name == "order-command" else ""
        yield name, reverse(f"admin:{name}", kwargs={part: named[part] for part in needed}) + asked


def patterns(urls: list[Any]) -> Iterator[tuple[str, URLPattern]]:
    for each in urls:
        if not isinstance(each, URLPattern):
            yield from patterns(each.url_patterns)
        elif each.name:
            yield each.name, each
