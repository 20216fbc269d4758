"""Shared by the views of customers and their accounts: strict request bodies, headers and documented refusals."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework.request import Request

from eventstore.dispatch import Context
from eventstore.ids import new_id
from orders.http.bodies import StrictSerializer
from orders.http.command_view import seen_version
from orders.http.idempotency import command_id_of
from orders.http.request import IF_MATCH_SCHEMA, correlation_of, customer_of
from ordersite.api.problems import CONTENT_TYPE, ProblemSerializer
from ordersite.models import User

OPTIONAL_VERSION = OpenApiParameter(
    "If-Match",
    IF_MATCH_SCHEMA,
    OpenApiParameter.HEADER,
    description='Optional: the version you have seen, such as `"3"`. If it is not the current one: 412.',
)


def read(serializer_class: type[StrictSerializer], data: Any) -> dict[str, Any]:
    """Return the validated fields of a request body. Raises ValidationError for each invalid field."""
    serializer = serializer_class(data=data)
    serializer.is_valid(raise_exception=True)
    fields: dict[str, Any] = serializer.validated_data
    return fields


def refusals(descriptions: dict[int, str]) -> dict[tuple[int, str], OpenApiResponse]:
    """Describe the problems of one operation, by status. The schema adds those that every operation has."""
    return {
        (code, CONTENT_TYPE): OpenApiResponse(ProblemSerializer, description=text)
        for code, text in descriptions.items()
    }


def user_of(request: Request) -> User:
    """Return the logged-in customer's account. Raises PermissionDenied if the account is not a customer's."""
    customer_of(request)
    assert isinstance(request.user, User)
    return request.user


def context_of(request: Request, *, key_needed: bool = True) -> Context:
    """Return a command's context: sender, id, correlation id and version. Raises ValidationError, PermissionDenied."""
    customer_id = customer_of(request)
    has_key = key_needed or "Idempotency-Key" in request.headers
    return Context(
        actor=f"customer:{customer_id}",
        command_id=command_id_of(request) if has_key else new_id(),
        correlation_id=correlation_of(request),
        expected_version=seen_version(request) if "If-Match" in request.headers else None,
    )
