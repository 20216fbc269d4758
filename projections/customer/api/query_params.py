"""What a customer may ask of the reading side of the API: its parameters, how they are read, and its pages."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

from django.http import QueryDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError

from eventstore.timetravel.as_of import AsOf, parse_first_moment, parse_moment
from orders.http.i18n import translate
from projections.customer.queries import OrderFilter
from projections.order_row import STATUSES
from projections.order_serializers import EXPANDABLE_PARTS
from projections.reading.query_params import Pages, read_version

PAST_PARAMS = ("version", "as_of", "recorded_by")


STATUS_PARAMS: dict[str, tuple[str, type[StrEnum]]] = {
    column.removesuffix("_status") if column != "status" else column: (column, statuses)
    for column, statuses in STATUSES.items()
}
"""By the name of a parameter: the column, and what it may be."""


LIST_PARAMS = (*STATUS_PARAMS, "created_gte", "created_lt", "sku", "expand", "cursor", "limit")


TO_HELP = "A date (to its end) or a date and time, ISO 8601; without a zone it is the shop's."


FROM_HELP = "A date (its beginning) or a date and time, ISO 8601; without a zone it is the shop's."


MOMENT_SCHEMA = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]}


EXPAND = OpenApiParameter(
    "expand",
    {"type": "string", "pattern": f"^(({'|'.join(EXPANDABLE_PARTS)})(,({'|'.join(EXPANDABLE_PARTS)}))*)?$"},
    description=f"Parts to answer with, separated by commas: {', '.join(EXPANDABLE_PARTS)}. The lines always are.",
)


IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="The `ETag` of an answer that you still have: 304 if it holds.",
)


class OrderPages(Pages):
    example = "orders"
    ordering = ("-placed_at", "-order_id")


def read_past(asked: QueryDict) -> AsOf | None:
    """Which past is asked for; None where it is the present. Raises ValidationError."""
    if not set(PAST_PARAMS) & set(asked):
        return None
    return AsOf(
        version=read_version(asked, "version"),
        occurred=read_moment(asked, "as_of"),
        recorded=read_moment(asked, "recorded_by"),
    )


def read_expand(asked: QueryDict) -> set[str]:
    """Raises ValidationError."""
    parts = {each.strip() for each in asked.get("expand", "").split(",")} - {""}
    for unknown in sorted(parts - set(EXPANDABLE_PARTS)):
        words = translate(
            "There is no part '{part}'; there are {known}.", part=unknown, known=", ".join(EXPANDABLE_PARTS)
        )
        raise ValidationError({"expand": [words]})
    return parts | {"lines"}


def read_order_filter(asked: QueryDict) -> OrderFilter:
    """Raises ValidationError."""
    statuses = {}
    for name, (column, known) in STATUS_PARAMS.items():
        status = asked.get(name)
        if status is not None and status not in [*known]:
            words = translate(
                "There is no status '{status}'; there are {known}.", status=status, known=", ".join(known)
            )
            raise ValidationError({name: [words]})
        statuses[column] = status
    return OrderFilter(
        statuses=statuses,
        created_gte=read_moment(asked, "created_gte", parse_first_moment),
        created_lt=read_moment(asked, "created_lt", parse_first_moment),
        sku=asked.get("sku") or None,
    )


def read_moment(asked: QueryDict, name: str, read: Callable[[str], datetime] = parse_moment) -> datetime | None:
    given = asked.get(name)
    if given is None:
        return None
    try:
        return read(given)
    except ValueError as error:
        words = translate("'{given}' is no date or time such as 2011-03-31 or 2011-03-31T12:00", given=given[:50])
        raise ValidationError({name: [words]}) from error
