"""All pages of the admin and all GET operations of the API."""

from collections.abc import Iterator
from typing import Any

import yaml
from django.contrib.admin.sites import site
from django.db.models import Model
from django.test import Client
from django.urls import URLPattern, reverse

from tests.support.plenty import page_of_each

STREAM = "/events/stream"
"""Left out: it polls the database as long as the client listens."""


def paths() -> Iterator[str]:
    """Yield the path of every GET operation of the API."""
    schema = yaml.safe_load(Client().get("/api/v1/schema").content)
    yield from (path for path, methods in schema["paths"].items() if "get" in methods and not path.endswith(STREAM))


def pages(names: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield name and URL of every page of the admin; a page of one row shows the row with most data."""
    keys = {_name(model): key for model, key in page_of_each(names).items()}
    lacking = [model._meta.label for model in site._registry if _name(model) not in keys]
    assert not lacking, f"fill() has to create a row of each, and page_of_each() to name it: {lacking}"
    for name, pattern in patterns(site.urls[0]):
        model = next((each for each in keys if name.startswith(f"{each}_")), "ordersite_user")
        arguments = {
            "object_id": keys[model],
            "id": keys[model],
            "name": "ship_lines",
            "app_label": "projections",
            "content_type_id": 1,
            "url": "nowhere",
        }
        parameters = pattern.pattern.regex.groupindex
        query = f"?order={names['order_id']}" if name == "order-command" else ""
        yield name, reverse(f"admin:{name}", kwargs={part: arguments[part] for part in parameters}) + query


def _name(model: type[Model]) -> str:
    return f"{model._meta.app_label}_{model._meta.model_name}"


def patterns(urls: list[Any]) -> Iterator[tuple[str, URLPattern]]:
    """Yield all named URL patterns, with their names."""
    for each in urls:
        if not isinstance(each, URLPattern):
            yield from patterns(each.url_patterns)
        elif each.name:
            yield each.name, each
