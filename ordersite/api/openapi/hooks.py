"""drf-spectacular's schema class and hooks: headers, problems and stricter bodies in the API's description."""

import inspect
from collections.abc import Iterator
from typing import Any, Literal

from django.urls import get_script_prefix
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.permissions import AllowAny

from orders.http.bodies import NoneOf, StrictSerializer, largest_body
from orders.http.command_view import CommandSerializer, CommandView
from ordersite.api.problems import CONTENT_TYPE, ProblemSerializer

Direction = Literal["request", "response"]
BODIES = ("POST", "PUT", "PATCH")

# Described once as components; every operation refers to them.
_HEADERS = {
    "X-Request-ID": "The id that the request sent, or a new one. Quote it when you report an error.",
    "Content-Language": "The language of the texts in the answer.",
    "RateLimit-Policy": 'The limits: `"user";q=600;w=60` means 600 requests in 60 seconds.',
    "RateLimit": 'What is left: `"user";r=599;t=37` means 599 requests in 37 seconds. The nearest limit comes first.',
}
_WAIT = "Seconds to wait before you send the request again."
_ACCEPT_LANGUAGE = {
    "name": "Accept-Language",
    "in": "header",
    "schema": {"type": "string"},
    "example": "ru",
    "description": "Texts for people are in English, or in Russian if you ask for it. `code`, statuses and other values"
    " for programs do not change.",
}
_THROTTLED = "Too many requests or too many attempts to log in; see `Retry-After`."


def add_shared_parts(result: dict[str, Any], generator: Any, **more: Any) -> dict[str, Any]:
    """Add the headers of all requests and answers, and the answer 429. A postprocessing hook of drf-spectacular."""
    components = result["components"]
    components["headers"] = {name: _header(text) for name, text in _HEADERS.items()}
    components["parameters"] = {"AcceptLanguage": _ACCEPT_LANGUAGE}
    shared_headers = {name: {"$ref": f"#/components/headers/{name}"} for name in _HEADERS}
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    components["responses"] = {
        "TooManyRequests": {
            "description": _THROTTLED,
            "headers": {"Retry-After": _header(_WAIT), **shared_headers},
            "content": {CONTENT_TYPE: problem},
        }
    }
    for operation in operations(result):
        operation.setdefault("parameters", []).append({"$ref": "#/components/parameters/AcceptLanguage"})
        for response in operation["responses"].values():
            response["headers"] = shared_headers | response.get("headers", {})
        operation["responses"]["429"] = {"$ref": "#/components/responses/TooManyRequests"}
    return result


def add_servers(result: dict[str, Any], generator: Any, **more: Any) -> dict[str, Any]:
    """Say below which path the API is served, if not at the root of the host. A postprocessing hook."""
    prefix = get_script_prefix().rstrip("/")
    return result | {"servers": [{"url": prefix}]} if prefix else result


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}


def operations(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield each operation of the description."""
    for path in result["paths"].values():
        yield from path.values()


def _extra_constraints(field: Any) -> dict[str, Any]:
    """Return constraints of a request field that drf-spectacular does not describe by itself."""
    match field:
        case serializers.ListField() if not field.allow_empty:
            return {"minItems": 1}
        case serializers.DecimalField(min_value=0, max_digits=int(digits), decimal_places=int(decimals)):
            fraction = rf"(\.[0-9]{{1,{decimals}}})?"
            if field.max_value == 100:
                return {"pattern": rf"^(100(\.0{{1,{decimals}}})?|[0-9]{{1,2}}{fraction})$"}
            return {"pattern": rf"^[0-9]{{1,{digits - decimals}}}{fraction}$"}
        case serializers.CharField() if reserved := _reserved(field):
            return {"not": {"enum": reserved}}
        case serializers.CharField() if not field.allow_blank and field.trim_whitespace:
            return {"pattern": r"[^\s\x1c-\x1f\x85]"}  # not only white space
        case _:
            return {}


def _reserved(field: Any) -> list[str]:
    return [text for validator in field.validators if isinstance(validator, NoneOf) for text in validator.reserved]


class Schema(AutoSchema):
    """Add to each operation its problems, and forbid unknown fields in the bodies of commands."""

    def _map_serializer_field(self, field: Any, direction: Direction, bypass_extensions: bool = False) -> Any:
        mapped: Any = super()._map_serializer_field
        schema = mapped(field, direction, bypass_extensions)
        if direction == "request" and "$ref" not in schema:
            schema = schema | _extra_constraints(field)
        return schema

    def _map_serializer(self, serializer: Any, direction: Direction, bypass_extensions: bool = False) -> Any:
        mapped: Any = super()._map_serializer
        schema = mapped(serializer, direction, bypass_extensions)
        if direction == "request" and isinstance(serializer, CommandSerializer):
            schema["description"] = inspect.getdoc(serializer.dataclass_definition.dataclass_type) or ""
        if direction == "request" and isinstance(serializer, CommandSerializer | StrictSerializer):
            schema["additionalProperties"] = False
        return schema

    def _get_response_bodies(self, direction: Direction = "response") -> Any:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        if self.path.startswith("{$request"):
            return bodies  # a callback: the answers of a customer's server
        describe: Any = self._get_response_for_code
        for code, text in self._problems().items():
            response = OpenApiResponse(ProblemSerializer, description=text)
            bodies.setdefault(code, describe(response, code, [CONTENT_TYPE], direction))
        return bodies

    def _problems(self) -> dict[str, str]:
        problems = {
            "400": "The request is invalid; `errors` says what is wrong.",
            "406": "Answers are JSON, but `Accept` does not allow JSON.",
            "503": "The site cannot answer now; see `Retry-After`.",
        }
        if self.method in BODIES:
            problems |= {
                "411": "The body was sent without `Content-Length`.",
                "413": f"The body is larger than {largest_body(self.view):,} bytes.",
                "415": "The body is not JSON.",
            }
        if AllowAny in self.view.permission_classes:
            problems["401"] = "Wrong name or password."
        else:
            problems["401"] = "The token is missing or invalid."
            problems |= self._access_problems()
        if self.method == "GET" and "{order_id}" in self.path:
            problems["503"] = "`min_version` is not visible yet, or the site cannot answer now; see `Retry-After`."
        if self.method in BODIES and isinstance(self.view, CommandView):
            problems |= self._command_problems()
        own: dict[str, dict[str, str]] = getattr(self.view, "problems", {})  # a view may describe its own problems
        return problems | own.get(self.method, {})

    def _access_problems(self) -> dict[str, str]:
        if "/back-office/" in self.path:
            return {
                "403": "This service account has no permission for this.",
                "404": "There is no such order, or this account may not use the back office.",
            }
        problems = {"403": "This account is not a customer's."}
        if "{order_id}" in self.path:
            problems["404"] = "You have no such order."
        if "{command_id}" in self.path:
            problems["404"] = (
                "You sent no such command with `Prefer: respond-async`, or its outcome is no longer retained."
            )
        return problems

    def _command_problems(self) -> dict[str, str]:
        problems = {
            "503": "Too many requests change this order, too many commands are waiting, or the site cannot answer now;"
            " see `Retry-After`.",
            "409": "A rule of the order forbids the command: `code` names the rule, `allowed_actions` what"
            f" {'staff' if '/back-office/' in self.path else 'you'} can do instead.",
            "422": "This Idempotency-Key was used for another request.",
        }
        if "{order_id}" in self.path:
            problems["412"] = "The order has changed since the version you named."
            problems["428"] = "The version you have seen is missing: send `If-Match`."
        return problems
