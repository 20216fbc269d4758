"""What the views of people and their money share: bodies that are exact, and the refusals that a description names."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from eventstore.dispatch import Context
from eventstore.ids import new_id
from orders.http.command_view import command_id_of, seen_version
from orders.http.i18n import translate
from orders.http.request import correlation_of, customer_of
from ordersite.api.problems import CONTENT_TYPE, ProblemSerializer
from ordersite.models import User

KEY_IF_ANY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": "^[!-~]{1,255}$"},
    OpenApiParameter.HEADER,
    description="If given, a name of your own for this very request: sent again, it gives the same answer.",
)
VERSION_IF_ANY = OpenApiParameter(
    "If-Match",
    {"type": "string", "pattern": r'^(\*|"[0-9]{1,9}(\.[0-9a-f]+)?")$'},
    OpenApiParameter.HEADER,
    description='If given, the version you have seen, such as `"3"`. If it has moved on, nothing is done: 412.',
)


class Exact(serializers.Serializer[Any]):
    """A body with no field besides those that are declared."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := sorted(set(data) - set(self.fields))):
            raise ValidationError(
                {name: [translate("There is no field '{name}' here.", name=name)] for name in unknown}
            )
        return super().to_internal_value(data)


def read(body: type[Exact], data: Any) -> dict[str, Any]:
    """What a request's body says. Raises ValidationError, field by field."""
    given = body(data=data)
    given.is_valid(raise_exception=True)
    found: dict[str, Any] = given.validated_data
    return found


def refusals(words: dict[int, str]) -> dict[tuple[int, str], OpenApiResponse]:
    """Problems that an operation can answer with besides those of every operation, for its description."""
    return {(code, CONTENT_TYPE): OpenApiResponse(ProblemSerializer, description=why) for code, why in words.items()}


def user_of(request: Request) -> User:
    """The customer who asks, as they log in. Raises PermissionDenied for an account that is no customer's."""
    customer_of(request)
    assert isinstance(request.user, User)
    return request.user


def context_of(request: Request, *, key_needed: bool = True) -> Context:
    """Who sends a command, under the request's own key and version. Raises ValidationError, PermissionDenied."""
    customer_id = customer_of(request)
    has_key = key_needed or "Idempotency-Key" in request.headers
    return Context(
        actor=f"customer:{customer_id}",
        command_id=command_id_of(request) if has_key else new_id(),
        correlation_id=correlation_of(request),
        expected_version=seen_version(request) if "If-Match" in request.headers else None,
    )
