"""The customer's reading side of the API."""

from collections.abc import Callable
from datetime import datetime
from hashlib import blake2b
from typing import Any
from uuid import UUID

import msgspec
from django.http import QueryDict
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.generics import ListAPIView
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from eventstore.timetravel import AsOf, first, moment
from orders.http import customer_of
from orders.money import rounded
from projections import cached
from projections.customer.orders import CustomerOrder
from projections.customer.queries import Wanted, own_order, own_order_as_of, own_orders
from projections.customer.timeline import own_timeline
from projections.shared import Status

MONEY = ("total", "paid", "due", "due_back")


_MOMENT = "A date (to its end) or a date and time, ISO 8601; without a zone it is the shop's."
_FROM = "A date (its beginning) or a date and time, ISO 8601; without a zone it is the shop's."


class LineSerializer(serializers.Serializer[Any]):
    line_id = serializers.IntegerField()
    sku = serializers.CharField()
    name = serializers.CharField()
    quantity = serializers.IntegerField()
    unit_price = serializers.CharField()
    amount = serializers.CharField()
    kind = serializers.CharField()


class OrderSerializer(serializers.ModelSerializer[CustomerOrder]):
    """An order, with amounts in its currency's own decimals."""

    lines = LineSerializer(many=True)
    total = serializers.CharField()
    paid = serializers.CharField()
    due = serializers.CharField()
    due_back = serializers.CharField()

    class Meta:
        model = CustomerOrder
        fields = (
            "order_id", "version", "reference", "status", "country", "currency", *MONEY, "placed_at", "paid_at",
            "shipped_at", "cancelled_at", "carrier", "tracking_code", "behind", "lines",
        )  # fmt: skip

    def to_representation(self, instance: CustomerOrder) -> dict[str, Any]:
        shown = super().to_representation(instance)
        return shown | {name: str(rounded(getattr(instance, name), instance.currency)) for name in MONEY}


class OrderPages(CursorPagination):
    page_size = 20
    page_size_query_param = "limit"
    max_page_size = 100
    ordering = ("-placed_at", "-order_id")


class ListOwnOrders(ListAPIView[CustomerOrder]):
    serializer_class = OrderSerializer
    pagination_class = OrderPages
    queryset = CustomerOrder.objects.none()  # for the schema; every request asks for its own customer's

    @extend_schema(
        operation_id="order_list",
        tags=["orders"],
        parameters=[
            OpenApiParameter("status", OpenApiTypes.STR, enum=Status.values, description="What they are now."),
            OpenApiParameter("created_gte", OpenApiTypes.STR, description=f"Placed then or later. {_FROM}"),
            OpenApiParameter("created_lt", OpenApiTypes.STR, description=f"Placed before. {_FROM}"),
            OpenApiParameter("sku", OpenApiTypes.STR, description="Only orders with a line of this article."),
        ],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List your orders, the newest first: all, or those that every parameter fits."""
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> Any:
        return own_orders(customer_of(self.request), _wanted(self.request.query_params))


class GetOwnOrder(APIView):
    @extend_schema(
        operation_id="order_get",
        tags=["orders"],
        parameters=[
            OpenApiParameter(
                "min_version",
                OpenApiTypes.INT,
                description="Wait until this version is visible: what a command answered. 503 if that takes too long.",
            ),
            OpenApiParameter("version", OpenApiTypes.INT, description="The order as it was at this version."),
            OpenApiParameter(
                "as_of", OpenApiTypes.STR, description=f"The order as of what had happened by this moment. {_MOMENT}"
            ),
            OpenApiParameter(
                "recorded_by",
                OpenApiTypes.STR,
                description="The order as it was known at this moment: what happened earlier and was told later does"
                f" not count. {_MOMENT}",
            ),
        ],
        responses={200: OrderSerializer, 304: None},
    )
    def get(self, request: Request, order_id: UUID) -> HttpResponseBase:
        """Get one of your orders, as it is or as it was.

        Send the `ETag` of an earlier answer as `If-None-Match`: 304 says that it still holds.
        """
        customer_id, asked = customer_of(request), request.query_params
        if {"version", "as_of", "recorded_by"} & set(asked):
            as_of = AsOf(
                version=_version(asked, "version"),
                occurred=_moment(asked, "as_of"),
                recorded=_moment(asked, "recorded_by"),
            )
            past = own_order_as_of(customer_id, order_id, as_of)
            if past is None:
                raise _no_order(order_id)
            return Response(OrderSerializer(past).data, headers={"ETag": f'"{past.version}"'})
        hot = hot_order(customer_id, order_id, min_version=_version(asked, "min_version") or 0)
        if hot is None:
            raise _no_order(order_id)
        headers = {"ETag": hot.etag, "Cache-Control": "private, no-cache"}
        answer = Response(msgspec.json.decode(hot.shown), headers=headers)
        # 304 where the client has this very answer, 412 where it named another with If-Match.
        return get_conditional_response(request._request, etag=hot.etag, response=answer) or answer


class MomentSerializer(serializers.Serializer[Any]):
    """One thing that happened to an order."""

    version = serializers.IntegerField(help_text="The order's version after it.")
    event = serializers.CharField(help_text="What happened, to branch on.")
    words = serializers.CharField(help_text="What happened, to show.")
    occurred_at = serializers.DateTimeField()


class OwnTimeline(APIView):
    @extend_schema(operation_id="order_timeline", tags=["orders"], responses=MomentSerializer(many=True))
    def get(self, request: Request, order_id: UUID) -> Response:
        """Get what happened to one of your orders, the oldest first. It is never behind."""
        moments = own_timeline(customer_of(request), order_id)
        if moments is None:
            raise _no_order(order_id)
        return Response(MomentSerializer(moments, many=True).data)


class Hot(msgspec.Struct, frozen=True):
    """An order as it is answered, and as it is kept in the cache."""

    owner: UUID | None
    version: int
    etag: str
    shown: msgspec.Raw


def hot_order(customer_id: UUID, order_id: UUID, *, min_version: int) -> Hot | None:
    """The order, once it shows `min_version`: from the cache, or read and kept there. Raises NotYetVisible."""
    lease = cached.look("customer", order_id)
    if lease.body is not None:
        kept = msgspec.json.decode(lease.body, type=Hot)
        if kept.owner == customer_id and kept.version >= min_version:
            return kept
    order = own_order(customer_id, order_id, min_version=min_version)
    if order is None:
        return None
    shown = msgspec.json.encode(OrderSerializer(order).data)
    # Not the version alone: a rebuild after a release may show the same version otherwise.
    etag = f'"{order.version}.{blake2b(shown, digest_size=6).hexdigest()}"'
    hot = Hot(owner=order.customer_id, version=order.version, etag=etag, shown=msgspec.Raw(shown))
    cached.keep(lease, order.version, msgspec.json.encode(hot))
    return hot


def _no_order(order_id: UUID) -> NotFound:
    return NotFound(f"there is no order {order_id}", code="order_not_found")


def _wanted(asked: QueryDict) -> Wanted:
    """Raises ValidationError, also for a parameter that there is not: it would be left out in silence."""
    known = ("status", "created_gte", "created_lt", "sku", "cursor", "limit")
    wrong = {name: [f"There is no parameter {name!r} here."] for name in asked if name not in known}
    status = asked.get("status")
    if status is not None and status not in Status.values:
        wrong["status"] = [f"There is no status {status!r}; there are {', '.join(Status.values)}."]
    if wrong:
        raise ValidationError(wrong)
    return Wanted(
        status=status,
        created_gte=_moment(asked, "created_gte", first),
        created_lt=_moment(asked, "created_lt", first),
        sku=(asked.get("sku") or "").replace("\0", "") or None,
    )


def _version(asked: QueryDict, name: str) -> int | None:
    given = asked.get(name)
    if given is None:
        return None
    if not given.isdecimal() or len(given) > 9:
        raise ValidationError({name: ["A version is a whole number, such as 3."]})
    return int(given)


def _moment(asked: QueryDict, name: str, read: Callable[[str], datetime] = moment) -> datetime | None:
    given = asked.get(name)
    if given is None:
        return None
    try:
        return read(given)
    except ValueError as error:
        raise ValidationError({name: [str(error)]}) from error
