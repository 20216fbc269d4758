"""How the API's description is made."""

from collections.abc import Iterator
from typing import Any, Literal

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.permissions import AllowAny

from orders.http.command_view import CommandSerializer, CommandView
from ordersite.api.problems import CONTENT_TYPE, ProblemSerializer

Direction = Literal["request", "response"]
BODIES = ("POST", "PUT", "PATCH")

# What every operation has is said once, and referred to.
_HEADERS = {
    "X-Request-ID": "The request's own, or one made for it. Quote it when something is wrong.",
    "Content-Language": "Of the words in the answer.",
    "RateLimit-Policy": 'How often one may ask: `"user";q=600;w=60` is 600 requests in 60 seconds.',
    "RateLimit": 'What is left: `"user";r=599;t=37` is 599 requests in the next 37 seconds. The nearest limit first.',
}
_WAIT = "Seconds after which to send it again."
_ACCEPT_LANGUAGE = {
    "name": "Accept-Language",
    "in": "header",
    "schema": {"type": "string"},
    "example": "ru",
    "description": "What is said to people is said in English, or in Russian where that is wanted. `code`, statuses and"
    " the like stay as they are.",
}
_THROTTLED = "Too many requests, or attempts to log in; see `Retry-After`."


def add_what_holds_everywhere(result: dict[str, Any], generator: Any, **more: Any) -> dict[str, Any]:
    """A hook of drf-spectacular's: the headers of every request and answer, and the answer to too many."""
    components = result["components"]
    components["headers"] = {name: _header(words) for name, words in _HEADERS.items()}
    components["parameters"] = {"AcceptLanguage": _ACCEPT_LANGUAGE}
    everywhere = {name: {"$ref": f"#/components/headers/{name}"} for name in _HEADERS}
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    components["responses"] = {
        "TooManyRequests": {
            "description": _THROTTLED,
            "headers": {"Retry-After": _header(_WAIT), **everywhere},
            "content": {CONTENT_TYPE: problem},
        }
    }
    for operation in operations(result):
        operation.setdefault("parameters", []).append({"$ref": "#/components/parameters/AcceptLanguage"})
        for response in operation["responses"].values():
            response["headers"] = everywhere | response.get("headers", {})
        operation["responses"]["429"] = {"$ref": "#/components/responses/TooManyRequests"}
    return result


def _header(words: str) -> dict[str, Any]:
    return {"description": words, "schema": {"type": "string"}}


def operations(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Each operation of a description."""
    for path in result["paths"].values():
        yield from path.values()


def _also_checked(field: Any) -> dict[str, Any]:
    """What a field of a body checks, beyond what drf-spectacular tells of it."""
    match field:
        case serializers.ListField() if not field.allow_empty:
            return {"minItems": 1}
        case serializers.DecimalField(min_value=0, max_digits=int(digits), decimal_places=int(decimals)):
            after = rf"(\.[0-9]{{1,{decimals}}})?"
            if field.max_value == 100:
                return {"pattern": rf"^(100(\.0{{1,{decimals}}})?|[0-9]{{1,2}}{after})$"}
            return {"pattern": rf"^[0-9]{{1,{digits - decimals}}}{after}$"}
        case serializers.CharField() if not field.allow_blank and field.trim_whitespace:
            return {"pattern": r"[^\s\x1c-\x1f\x85]"}  # spaces alone are nothing
        case _:
            return {}


class Schema(AutoSchema):
    """Adds to each operation the problems it can answer with, and to each body what it does not take."""

    def _map_serializer_field(self, field: Any, direction: Direction, bypass_extensions: bool = False) -> Any:
        mapped: Any = super()._map_serializer_field
        schema = mapped(field, direction, bypass_extensions)
        if direction == "request" and "$ref" not in schema:
            schema = schema | _also_checked(field)
        return schema

    def _map_serializer(self, serializer: Any, direction: Direction, bypass_extensions: bool = False) -> Any:
        """A body of a command takes no field that it does not name."""
        mapped: Any = super()._map_serializer
        schema = mapped(serializer, direction, bypass_extensions)
        if direction == "request" and isinstance(serializer, CommandSerializer):
            schema["additionalProperties"] = False
        return schema

    def _get_response_bodies(self, direction: Direction = "response") -> Any:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        shaped: Any = self._get_response_for_code
        for code, why in self._problems().items():
            response = OpenApiResponse(ProblemSerializer, description=why)
            bodies.setdefault(code, shaped(response, code, [CONTENT_TYPE], direction))
        return bodies

    def _problems(self) -> dict[str, str]:
        problems = {
            "400": "Something in the request is malformed; `errors` says what.",
            "406": "Answers are JSON, and `Accept` wants none.",
        }
        if self.method in BODIES:
            problems |= {
                "411": "The body is sent without `Content-Length`.",
                "413": "The body is too large.",
                "415": "The body is no JSON.",
            }
        if AllowAny in self.view.permission_classes:
            problems["401"] = "Wrong name or password."
        else:
            problems["401"] = "No valid token."
            problems |= self._not_for_everybody()
        if self.method == "GET" and "{order_id}" in self.path:
            problems["503"] = "`min_version` is not visible yet; see `Retry-After`."
        if self.method in BODIES and isinstance(self.view, CommandView):
            problems |= self._of_a_command()
        own: dict[str, dict[str, str]] = getattr(self.view, "problems", {})  # what a view says of its methods
        return problems | own.get(self.method, {})

    def _not_for_everybody(self) -> dict[str, str]:
        if "/back-office/" in self.path:
            return {"404": "There is no such order; or, for whoever does not act for the shop, no back office."}
        problems = {"403": "This account is not a customer's."}
        if "{order_id}" in self.path:
            problems["404"] = "You have no such order."
        if "{command_id}" in self.path:
            problems["404"] = "You sent no such command with `Prefer: respond-async`, or too long ago."
        return problems

    def _of_a_command(self) -> dict[str, str]:
        problems = {
            "503": "Too many change this order at once, or wait to be done; see `Retry-After`.",
            "409": "A rule of the order forbids it: `code` says which, `allowed_actions` what it would take instead.",
            "422": "This Idempotency-Key was used for another request.",
        }
        if "{order_id}" in self.path:
            problems["412"] = "The order has changed since the version you named."
            problems["428"] = "Which version you have seen is not named: send `If-Match`."
        return problems
