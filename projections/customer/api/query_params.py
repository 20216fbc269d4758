"""Query parameters of the customer API's read endpoints: how they are documented and parsed."""

from django.http import QueryDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

from eventstore.timetravel.as_of import AsOf
from orders.http.request import IF_MATCH_SCHEMA
from projections.order_list import read_moment
from projections.reading.query_params import read_version

PAST_PARAMS = ("version", "as_of", "recorded_by")

TO_HELP = "A date (its end) or a date and time, ISO 8601. Without a time zone, the shop's time zone is used."

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


def read_past(params: QueryDict) -> AsOf | None:
    """Return the requested moment or version in the past, or None for the present. Raises ValidationError."""
    if not set(PAST_PARAMS) & set(params):
        return None
    return AsOf(
        version=read_version(params, "version"),
        occurred=read_moment(params, "as_of"),
        recorded=read_moment(params, "recorded_by"),
    )
