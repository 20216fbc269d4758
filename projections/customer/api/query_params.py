"""What a customer may ask of the reading side of the API: its parameters, how they are read, and its pages."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

from django.http import QueryDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError

from eventstore.timetravel.as_of import AsOf, first, moment
from orders.http.i18n import said
from projections.customer.queries import Wanted
from projections.order_row import STATUSES
from projections.order_serializers import PARTS
from projections.reading.query_params import Pages, version_in

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


EXPAND = OpenApiParameter(
    "expand",
    {"type": "string", "pattern": f"^(({'|'.join(PARTS)})(,({'|'.join(PARTS)}))*)?$"},
    description=f"Parts to answer with, separated by commas: {', '.join(PARTS)}. The lines always are.",
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


def moment_in(asked: QueryDict, name: str, read: Callable[[str], datetime] = moment) -> datetime | None:
    given = asked.get(name)
    if given is None:
        return None
    try:
        return read(given)
    except ValueError as error:
        words = said("'{given}' is no date or time such as 2011-03-31 or 2011-03-31T12:00", given=given[:50])
        raise ValidationError({name: [words]}) from error
