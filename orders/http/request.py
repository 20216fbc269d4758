"""What both sides of the API read from a request: the customer, the query, and the request id."""

import re
from collections.abc import Collection
from typing import Any
from uuid import UUID, uuid5

from django.http import HttpRequest, QueryDict
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request

from eventstore.ids import new_id
from orders.http.i18n import translate

API = "/api/"
"""The path prefix of the API. Below it, errors are problem details in the client's language; requests are counted."""

_REQUESTS = UUID("5d8f6a3e-6f61-4b0e-9a55-0d0f2f1c7b10")
_ETAG = re.compile(r'"([1-9][0-9]{0,8})(\.[0-9a-f]+)?"')  # from a command or from a read
IF_MATCH_SCHEMA = {"type": "string", "pattern": r'^(\*|"[1-9][0-9]{0,8}(\.[0-9a-f]+)?")$'}
"""The values of an `If-Match` header, for the API's description."""

_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,200}")

LISTS = ("expand",)
"""The parameters that are lists. Generated clients repeat them, or separate the values by commas."""


def is_api(request: HttpRequest) -> bool:
    """Return whether the request is for the API, also if the site is served below a path of its host."""
    return request.path_info.startswith(API)


def customer_of(request: Request) -> UUID:
    """Return the id of the customer who sent the request. Raises PermissionDenied for a user who is not a customer."""
    customer_id: UUID | None = getattr(request.user, "customer_id", None)
    if customer_id is None:
        raise PermissionDenied(translate("This account is not a customer's."), code="not_a_customer")
    return customer_id


def buyer_of(request: Request) -> dict[str, Any]:
    """Return the buyer's id, name and email as fields of `CreateOrder`. Raises PermissionDenied."""
    user: Any = request.user
    customer_id = customer_of(request)
    return {"customer_id": customer_id, "customer_name": user.get_full_name(), "customer_email": user.email}


def query_of(request: Request, allowed: Collection[str] = ()) -> QueryDict:
    """Return the query of a request, with each allowed parameter at most once, except those that are lists.

    Raises ValidationError, by parameter, for unknown and repeated ones: otherwise they would be ignored silently.
    """
    query = request.query_params
    errors = {}
    for name, values in query.lists():
        if name not in allowed:
            errors[name] = [translate("There is no parameter '{name}' here.", name=name)]
        elif len(values) > 1 and name not in LISTS:
            errors[name] = [translate("Send this parameter only once.")]
        elif any("\0" in value for value in values):
            errors[name] = [translate("Null characters are not allowed.")]
    if errors:
        raise ValidationError(errors)
    return query


def version_in(if_match: str) -> int | None:
    """Return the version in an `If-Match` header, or None for `*`. Raises ValidationError."""
    if if_match == "*":
        return None
    etag = _ETAG.fullmatch(if_match)
    if etag is None:
        message = translate('Send one version in quotes, such as "3", or * for any. Versions begin with 1.')
        raise ValidationError({"If-Match": [message]}, code="if_match_malformed")
    return int(etag[1])


def request_id(request: HttpRequest | Request) -> str:
    """Return the request's `X-Request-ID`. Sets a new one if it is missing or malformed."""
    value: str = request.META.get("HTTP_X_REQUEST_ID", "")
    if not _REQUEST_ID.fullmatch(value):
        value = request.META["HTTP_X_REQUEST_ID"] = str(new_id())
    return value


def correlation_of(request: HttpRequest | Request) -> UUID:
    """Return the correlation id of all events of this request: its request id, or a UUID computed from it."""
    return correlation_named(request_id(request))


def correlation_named(name: str) -> UUID:
    """Return the correlation id for a request id: the id itself if it is a UUID, else a UUID computed from it."""
    try:
        return UUID(name)
    except ValueError:
        return uuid5(_REQUESTS, name)
