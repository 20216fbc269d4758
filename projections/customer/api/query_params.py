"""Query parameters of the customer API's read endpoints: how they are documented and parsed."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

from django.http import QueryDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError

from eventstore.timetravel.as_of import AsOf, parse_first_moment, parse_moment
from orders.http.i18n import translate
from orders.http.request import IF_MATCH_SCHEMA
from projections.customer.queries import OrderFilter
from projections.order_body import EXPANDABLE_PARTS
from projections.order_row import STATUSES
from projections.reading.query_params import Pages, read_version

PAST_PARAMS = ("version", "as_of", "recorded_by")

STATUS_PARAMS: dict[str, tuple[str, type[StrEnum]]] = {
    column.removesuffix("_status") if column != "status" else column: (column, statuses)
    for column, statuses in STATUSES.items()
}
"""The column and its values, by parameter name."""

LIST_PARAMS = (*STATUS_PARAMS, "created_gte", "created_lt", "sku", "expand", "cursor", "limit")

TO_HELP = "A date (its end) or a date and time, ISO 8601. Without a time zone, the shop's time zone is used."
FROM_HELP = "A date (its start) or a date and time, ISO 8601. Without a time zone, the shop's time zone is used."

MOMENT_SCHEMA = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]}

EXPAND = OpenApiParameter(
    "expand",
    {"type": "array", "items": {"type": "string", "enum": [*EXPANDABLE_PARTS]}},
    explode=False,
    description="The parts to include, separated by commas, or each as a parameter. Lines are always included.",
)

IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="The `ETag` of an earlier answer. The response is 304 if it is still current.",
)

IF_STILL = OpenApiParameter(
    "If-Match",
    IF_MATCH_SCHEMA,
    OpenApiParameter.HEADER,
    description="The `ETag` of an earlier answer. The response is 412 if the order has changed since.",
)


class OrderPages(Pages):
    """Pages of orders, newest first."""

    example = "orders"
    ordering = ("-placed_at", "-order_id")


def read_past(params: QueryDict) -> AsOf | None:
    """Return the requested moment or version in the past, or None for the present. Raises ValidationError."""
    if not set(PAST_PARAMS) & set(params):
        return None
    return AsOf(
        version=read_version(params, "version"),
        occurred=read_moment(params, "as_of"),
        recorded=read_moment(params, "recorded_by"),
    )


def read_expand(params: QueryDict) -> set[str]:
    """Return the requested parts, always with the lines. Raises ValidationError."""
    parts = {name.strip() for name in ",".join(params.getlist("expand")).split(",")} - {""}
    for unknown in sorted(parts - set(EXPANDABLE_PARTS)):
        message = translate(
            "There is no part '{part}'; there are {known}.", part=unknown, known=", ".join(EXPANDABLE_PARTS)
        )
        raise ValidationError({"expand": [message]})
    return parts | {"lines"}


def read_order_filter(params: QueryDict) -> OrderFilter:
    """Return the filter of the list of orders. Raises ValidationError."""
    statuses = {}
    for name, (column, values) in STATUS_PARAMS.items():
        status = params.get(name)
        if status is not None and status not in [*values]:
            message = translate(
                "There is no status '{status}'; there are {known}.", status=status, known=", ".join(values)
            )
            raise ValidationError({name: [message]})
        statuses[column] = status
    return OrderFilter(
        statuses=statuses,
        created_gte=read_moment(params, "created_gte", parse_first_moment),
        created_lt=read_moment(params, "created_lt", parse_first_moment),
        sku=params.get("sku") or None,
    )


def read_moment(params: QueryDict, name: str, parse: Callable[[str], datetime] = parse_moment) -> datetime | None:
    """Return a parameter as a moment, or None if it was not sent. Raises ValidationError."""
    text = params.get(name)
    if text is None:
        return None
    try:
        return parse(text)
    except ValueError as error:
        message = translate("'{given}' is no date or time such as 2011-03-31 or 2011-03-31T12:00", given=text[:50])
        raise ValidationError({name: [message]}) from error
