"""Who is asking, and under what name: what the writing and the reading side of the API both need of a request."""

import re
from collections.abc import Collection
from typing import Any
from uuid import UUID, uuid5

from django.http import HttpRequest, QueryDict
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.request import Request

from eventstore.ids import new_id
from orders.http.i18n import translate

API = "/api/"
"""Below it everything is answered for programs: errors as problems, in the client's language, and counted."""

SEND_COMMANDS = "projections.send_commands"
"""The permission of those who act for the shop."""

_REQUESTS = UUID("5d8f6a3e-6f61-4b0e-9a55-0d0f2f1c7b10")
_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,200}")


def customer_of(request: Request) -> UUID:
    """Whose orders this request is about. Raises PermissionDenied for an account that is no customer's."""
    customer_id: UUID | None = getattr(request.user, "customer_id", None)
    if customer_id is None:
        raise PermissionDenied(translate("This account is not a customer's."), code="not_a_customer")
    return customer_id


def buyer_of(request: Request) -> dict[str, Any]:
    """Who buys, as an order remembers it. Raises PermissionDenied as `customer_of` does."""
    user: Any = request.user
    customer_id = customer_of(request)
    return {"customer_id": customer_id, "customer_name": user.get_full_name(), "customer_email": user.email}


def staff_of(request: Request) -> str:
    """Whose name a command of the back office is sent in. Raises NotFound: for anybody else there is no back office."""
    if not request.user.has_perm(SEND_COMMANDS):
        raise NotFound(translate("there is nothing at {path}", path=request.path))
    return request.user.get_username()


def query_of(request: Request, known: Collection[str] = ()) -> QueryDict:
    """The query of a request that may ask for what is `known`, each once.

    Raises ValidationError by name for anything else: it would be left out in silence.
    """
    asked = request.query_params
    wrong = {}
    for name, values in asked.lists():
        if name not in known:
            wrong[name] = [translate("There is no parameter '{name}' here.", name=name)]
        elif len(values) > 1:
            wrong[name] = [translate("Send it once.")]
        elif "\0" in values[0]:
            wrong[name] = [translate("Null characters are not allowed.")]
    if wrong:
        raise ValidationError(wrong)
    return asked


def request_id(request: HttpRequest | Request) -> str:
    """The request's `X-Request-ID`; a new one where it has none that can be honoured."""
    given: str = request.META.get("HTTP_X_REQUEST_ID", "")
    if not _REQUEST_ID.fullmatch(given):
        given = request.META["HTTP_X_REQUEST_ID"] = str(new_id())
    return given


def correlation_of(request: HttpRequest | Request) -> UUID:
    """What every event of this request carries: its id where that is a UUID, else one made from it."""
    return correlation_named(request_id(request))


def correlation_named(name: str) -> UUID:
    """The correlation id of the request that is called so."""
    try:
        return UUID(name)
    except ValueError:
        return uuid5(_REQUESTS, name)
