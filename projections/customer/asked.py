"""What a customer may ask of the reading side of the API: its parameters, how they are read, and its pages."""

from collections.abc import Callable
from datetime import MAXYEAR, MINYEAR, datetime
from enum import StrEnum
from typing import Any, ClassVar

from django.http import QueryDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from eventstore.timetravel import AsOf, first, moment
from orders.words import said
from projections.customer.queries import Wanted
from projections.customer.shown import PARTS
from projections.shared import STATUSES

PAST = ("version", "as_of", "recorded_by")
STATUSES_ASKED: dict[str, tuple[str, type[StrEnum]]] = {
    column.removesuffix("_status") if column != "status" else column: (column, statuses)
    for column, statuses in STATUSES.items()
}
"""By the name of a parameter: the column, and what it may be."""
WANTED = (*STATUSES_ASKED, "created_gte", "created_lt", "sku", "expand", "cursor", "limit")

TO = "A date (to its end) or a date and time, ISO 8601; without a zone it is the shop's."
FROM = "A date (its beginning) or a date and time, ISO 8601; without a zone it is the shop's."
A_MOMENT = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]}
A_VERSION = {"type": "integer", "minimum": 0, "maximum": 999_999_999}
EXPAND = OpenApiParameter(
    "expand",
    {"type": "string", "pattern": f"^(({'|'.join(PARTS)})(,({'|'.join(PARTS)}))*)?$"},
    description=f"Parts to answer with, separated by commas: {', '.join(PARTS)}. The lines always are.",
)
MIN_VERSION = OpenApiParameter(
    "min_version",
    A_VERSION,
    description="Wait until this version is visible: what a command answered. 503 if that takes too long.",
)
IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="The `ETag` of an answer that you still have: 304 if it holds.",
)
VERSION_SHOWN = OpenApiParameter(
    "ETag",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    response=[200],
    description="The version that is shown, to send as `If-Match` with a command.",
)


class Pages(CursorPagination):
    """Pages of what a customer has much of: the next and the one before by whole addresses, nothing counted."""

    page_size = 20
    page_size_query_param = "limit"
    max_page_size = 100
    example: ClassVar[str]
    """The address of such a page, as the API's description shows it."""

    def get_page_size(self, request: Request) -> int:
        """Raises ValidationError."""
        given = request.query_params.get("limit", str(self.page_size))
        if not given.isdecimal() or not 1 <= int(given[:9]) <= self.max_page_size:
            words = said("It is a number from 1 to {most}.", most=self.max_page_size)
            raise ValidationError({"limit": [words]})
        return int(given)

    def decode_cursor(self, request: Request) -> Any:
        """Raises ValidationError."""
        try:
            cursor = super().decode_cursor(request)
            if cursor and cursor.position is not None and not self.is_position(str(cursor.position)):
                raise NotFound  # anybody can make one up, and the database does not take everything
        except NotFound as error:
            words = said("This is no cursor of an answer: begin without one.")
            raise ValidationError({"cursor": [words]}) from error
        return cursor

    def is_position(self, position: str) -> bool:
        """Whether a cursor may say so: the first of `ordering`, here a moment, of the last that a page showed."""
        try:
            moment = datetime.fromisoformat(position)
        except ValueError:
            return False
        return moment.tzinfo is not None and MINYEAR < moment.year < MAXYEAR

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self.get_next_link(), "prev": self.get_previous_link(), "results": data})

    def get_paginated_response_schema(self, schema: Any) -> dict[str, Any]:
        link = {"type": "string", "format": "uri", "nullable": True}
        there = link | {"example": f"https://shop.example/api/v1/{self.example}?cursor=cD00ODY%3D"}
        properties = {"next": there, "prev": link | {"example": None}, "results": schema}
        return {"type": "object", "required": list(properties), "properties": properties}

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        limit = {"type": "integer", "minimum": 1, "maximum": self.max_page_size, "default": self.page_size}
        return [
            _asked("cursor", {"type": "string"}, "Where to go on: take the whole of `next` or `prev`."),
            _asked("limit", limit, "How many at once."),
        ]


class OrderPages(Pages):
    example = "orders"
    ordering = ("-placed_at", "-order_id")


def _asked(name: str, schema: dict[str, Any], words: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": words, "schema": schema}


def past_in(asked: QueryDict) -> AsOf | None:
    """Which past is asked for; None where it is the present. Raises ValidationError."""
    if not set(PAST) & set(asked):
        return None
    return AsOf(
        version=version_in(asked, "version"),
        occurred=moment_in(asked, "as_of"),
        recorded=moment_in(asked, "recorded_by"),
    )


def expanded(asked: QueryDict) -> set[str]:
    """Raises ValidationError."""
    parts = {each.strip() for each in asked.get("expand", "").split(",")} - {""}
    for unknown in sorted(parts - set(PARTS)):
        words = said("There is no part '{part}'; there are {known}.", part=unknown, known=", ".join(PARTS))
        raise ValidationError({"expand": [words]})
    return parts | {"lines"}


def wanted(asked: QueryDict) -> Wanted:
    """Raises ValidationError."""
    statuses = {}
    for name, (column, known) in STATUSES_ASKED.items():
        status = asked.get(name)
        if status is not None and status not in [*known]:
            words = said("There is no status '{status}'; there are {known}.", status=status, known=", ".join(known))
            raise ValidationError({name: [words]})
        statuses[column] = status
    return Wanted(
        statuses=statuses,
        created_gte=moment_in(asked, "created_gte", first),
        created_lt=moment_in(asked, "created_lt", first),
        sku=asked.get("sku") or None,
    )


def version_in(asked: QueryDict, name: str) -> int | None:
    given = asked.get(name)
    if given is None:
        return None
    if not given.isdecimal() or len(given) > 9:
        raise ValidationError({name: [said("A version is a whole number, such as 3.")]})
    return int(given)


def moment_in(asked: QueryDict, name: str, read: Callable[[str], datetime] = moment) -> datetime | None:
    given = asked.get(name)
    if given is None:
        return None
    try:
        return read(given)
    except ValueError as error:
        words = said("'{given}' is no date or time such as 2011-03-31 or 2011-03-31T12:00", given=given[:50])
        raise ValidationError({name: [words]}) from error
