"""A list of orders in the API: its parameters, its filter and its pages. Every audience lists its own table with it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from django.db.models import F, Func, IntegerField, JSONField, QuerySet
from django.db.models.functions import Cast
from django.http import QueryDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from eventstore.storage.sizes import number_within
from eventstore.timetravel.as_of import parse_first_moment, parse_moment
from orders.http.i18n import translate
from projections.order_body import EXPANDABLE_PARTS
from projections.order_row import STATUSES, OrderRow
from projections.reading.query_params import Pages

R = TypeVar("R", bound=OrderRow)

STATUS_PARAMS: dict[str, tuple[str, type[StrEnum]]] = {
    column.removesuffix("_status") if column != "status" else column: (column, statuses)
    for column, statuses in STATUSES.items()
}
"""The column and its values, by parameter name."""

LIST_PARAMS = (*STATUS_PARAMS, "created_gte", "created_lt", "sku", "expand", "cursor", "limit")

FROM_HELP = "A date (its start) or a date and time, ISO 8601. Without a time zone, the shop's time zone is used."

MOMENT_SCHEMA = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]}

EXPAND = OpenApiParameter(
    "expand",
    {"type": "array", "items": {"type": "string", "enum": [*EXPANDABLE_PARTS]}},
    explode=False,
    description="The parts to include, separated by commas, or each as a parameter. Lines are always included.",
)
EXPAND_LISTED = OpenApiParameter(
    "expand",
    {"type": "array", "items": {"type": "string", "enum": [*EXPANDABLE_PARTS]}},
    explode=False,
    description="The parts to include, such as `lines`, separated by commas, or each as a parameter. Without it a list"
    " has none. With it, a page of large orders has fewer of them.",
)

DESCRIBED_PARAMS = [
    *(
        OpenApiParameter(name, OpenApiTypes.STR, enum=[*statuses], description="Only orders with this status now.")
        for name, (_, statuses) in STATUS_PARAMS.items()
    ),
    OpenApiParameter("created_gte", MOMENT_SCHEMA, description=f"Placed at this moment or later. {FROM_HELP}"),
    OpenApiParameter("created_lt", MOMENT_SCHEMA, description=f"Placed before this moment. {FROM_HELP}"),
    OpenApiParameter("sku", OpenApiTypes.STR, description="Only orders with a line of this SKU."),
    EXPAND_LISTED,
]
"""The parameters of every list, for the API's description; those of pages come from `OrderPages`."""


MOST_READ = 4_000_000
"""The bytes of orders, as they are stored, that a page reads. A page always has one order, however large."""
MOST_EXPANDED = 1_000_000
"""The same for a page with parts of orders. With all parts, an answer has up to twice as many bytes."""


class OrderPages(Pages):
    """Pages of orders, newest first. A page of large orders ends early: its `next` goes on after the last one."""

    example = "orders"
    ordering = ("-placed_at", "-order_id")

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """Return the orders of the page that the request asks for. Raises ValidationError.

        The sizes are read first, without the orders: a hundred of the largest would take a gigabyte of memory.
        """
        size: Any = Func(F("state"), function="octet_length", output_field=IntegerField())
        sized = queryset.only("order_id", "placed_at").annotate(stored_size=size)
        rows: list[Any] = super().paginate_queryset(sized, request, view) or []
        most = MOST_EXPANDED if request.query_params.getlist("expand") else MOST_READ
        forward = not (self.cursor and self.cursor.reverse)
        kept = number_within([row.stored_size for row in (rows if forward else rows[::-1])], most)
        if kept < len(rows):
            self.end_early(kept)
        keys = [row.pk for row in self.page or ()]
        found = queryset.model._default_manager.using(sized.db).in_bulk(keys)
        return [found[key] for key in keys if key in found]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilter:
    """A filter of orders. None means no restriction.

    `statuses` is keyed by column. `created_lt` is exclusive.
    """

    statuses: dict[str, str | None] = field(default_factory=dict)
    created_gte: datetime | None = None
    created_lt: datetime | None = None
    sku: str | None = None

    def among(self, orders: "QuerySet[R]") -> "QuerySet[R]":
        """Return the orders that match."""
        conditions = {
            **self.statuses,
            "placed_at__gte": self.created_gte,
            "placed_at__lt": self.created_lt,
            "read__lines__contains": [{"sku": self.sku}] if self.sku else None,
        }
        given = {name: value for name, value in conditions.items() if value is not None}
        readable: Any = orders.alias(read=Cast("state", JSONField())) if self.sku else orders
        among: QuerySet[R] = readable.filter(**given)
        return among


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


def read_expand(params: QueryDict) -> set[str]:
    """Return the requested parts. Raises ValidationError."""
    parts = {name.strip() for value in params.getlist("expand") for name in value.split(",")}
    for unknown in sorted(parts - set(EXPANDABLE_PARTS)):
        message = translate(
            "There is no part '{part}'; there are {known}.", part=unknown, known=", ".join(EXPANDABLE_PARTS)
        )
        raise ValidationError({"expand": [message]})
    return parts
