"""The customer's reading side of the API."""

from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import APIException, NotFound
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from orders.http.i18n import translate
from orders.http.request import customer_of, query_of
from projections.customer.api import cached_order
from projections.customer.api.cached_order import CachedOrder
from projections.customer.api.query_params import (
    EXPAND,
    FROM_HELP,
    IF_NONE_MATCH,
    LIST_PARAMS,
    MOMENT_SCHEMA,
    PAST_PARAMS,
    STATUS_PARAMS,
    TO_HELP,
    OrderPages,
    read_expand,
    read_order_filter,
    read_past,
)
from projections.customer.orders import CustomerOrder
from projections.customer.queries import own_order_as_of, own_orders
from projections.customer.timeline import own_timeline
from projections.order_serializers import (
    EXPANDABLE_PARTS,
    OrderSerializer,
    PaymentSerializer,
    RefundSerializer,
    ReturnSerializer,
    ShipmentSerializer,
    order_body,
)
from projections.reading.query_params import MIN_VERSION, VERSION_SCHEMA, VERSION_SHOWN, read_version


class ListOwnOrders(ListAPIView[CustomerOrder]):
    serializer_class = OrderSerializer
    pagination_class = OrderPages
    queryset = CustomerOrder.objects.none()  # for the schema; every request asks for its own customer's

    @extend_schema(
        operation_id="order_list",
        tags=["orders"],
        parameters=[
            *(
                OpenApiParameter(name, OpenApiTypes.STR, enum=[*statuses], description="What they are now.")
                for name, (_, statuses) in STATUS_PARAMS.items()
            ),
            OpenApiParameter("created_gte", MOMENT_SCHEMA, description=f"Placed then or later. {FROM_HELP}"),
            OpenApiParameter("created_lt", MOMENT_SCHEMA, description=f"Placed before. {FROM_HELP}"),
            OpenApiParameter("sku", OpenApiTypes.STR, description="Only orders with a line of this article."),
            EXPAND,
        ],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List your orders, the newest first: all, or those that every parameter fits."""
        asked = query_of(request, LIST_PARAMS)
        parts = read_expand(asked)
        own = own_orders(customer_of(request), read_order_filter(asked))
        page = self.paginate_queryset(own)
        return self.get_paginated_response([_with_parts(order_body(order), parts) for order in page or ()])


class GetOwnOrder(APIView):
    problems: ClassVar = {"GET": {"412": "You sent `If-Match`, and the order is not shown so any more."}}

    @extend_schema(
        operation_id="order_get",
        tags=["orders"],
        parameters=[
            MIN_VERSION,
            EXPAND,
            IF_NONE_MATCH,
            VERSION_SHOWN,
            OpenApiParameter("version", VERSION_SCHEMA, description="The order as it was at this version."),
            OpenApiParameter(
                "as_of", MOMENT_SCHEMA, description=f"The order as of what had happened by this moment. {TO_HELP}"
            ),
            OpenApiParameter(
                "recorded_by",
                MOMENT_SCHEMA,
                description="The order as it was known at this moment: what happened earlier and was told later does"
                f" not count. {TO_HELP}",
            ),
        ],
        responses={200: OrderSerializer, 304: OpenApiResponse(description="The answer that you have still holds.")},
    )
    def get(self, request: Request, order_id: UUID) -> HttpResponseBase:
        """Get one of your orders, as it is or as it was.

        Send the `ETag` of an earlier answer as `If-None-Match`: 304 says that it still holds.
        """
        customer_id, asked = customer_of(request), query_of(request, ("min_version", "expand", *PAST_PARAMS))
        parts = read_expand(asked)
        as_of = read_past(asked)
        if as_of:
            past = own_order_as_of(customer_id, order_id, as_of)
            if past is None:
                raise _no_order(order_id)
            return Response(_with_parts(order_body(past), parts), headers={"ETag": f'"{past.version}"'})
        order = _now(request, order_id, min_version=read_version(asked, "min_version") or 0)
        told = cached_order.respond(request._request, order, parts)
        if told.status_code == status.HTTP_412_PRECONDITION_FAILED:
            raise NotThatVersion(translate("it has changed since you read it: read it again, then retry"))
        return told


class NotThatVersion(APIException):
    """A reading was asked for with If-Match, and the order is not shown so any more."""

    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_code = "version_differs"


class OwnPart(APIView):
    """One kind of what belongs to an order: `part` of what is shown of it."""

    part: ClassVar[str]

    def read(self, request: Request, order_id: UUID) -> HttpResponse:
        asked = query_of(request, ("min_version",))
        order = _now(request, order_id, min_version=read_version(asked, "min_version") or 0)
        tag = {"ETag": f'"{order.version}"'}
        return HttpResponse(order.parts[self.part], content_type="application/json", headers=tag)


class OwnPayments(OwnPart):
    part = "payments"

    @extend_schema(
        operation_id="order_payments",
        tags=["orders"],
        parameters=[MIN_VERSION, VERSION_SHOWN],
        responses=PaymentSerializer(many=True),
    )
    def get(self, request: Request, order_id: UUID) -> HttpResponse:
        """Get the payments of one of your orders."""
        return self.read(request, order_id)


class OwnShipments(OwnPart):
    part = "shipments"

    @extend_schema(
        operation_id="order_shipments",
        tags=["orders"],
        parameters=[MIN_VERSION, VERSION_SHOWN],
        responses=ShipmentSerializer(many=True),
    )
    def get(self, request: Request, order_id: UUID) -> HttpResponse:
        """Get the parcels of one of your orders."""
        return self.read(request, order_id)


class OwnRefunds(OwnPart):
    part = "refunds"

    @extend_schema(
        operation_id="order_refunds",
        tags=["orders"],
        parameters=[MIN_VERSION, VERSION_SHOWN],
        responses=RefundSerializer(many=True),
    )
    def get(self, request: Request, order_id: UUID) -> HttpResponse:
        """Get what was given back, or is on its way, of one of your orders: for which lines, with which tax."""
        return self.read(request, order_id)


class OwnReturns(OwnPart):
    part = "returns"

    @extend_schema(
        operation_id="order_returns",
        tags=["orders"],
        parameters=[MIN_VERSION, VERSION_SHOWN],
        responses=ReturnSerializer(many=True),
    )
    def get(self, request: Request, order_id: UUID) -> HttpResponse:
        """Get the returns of one of your orders."""
        return self.read(request, order_id)


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
        query_of(request)
        moments = own_timeline(customer_of(request), order_id)
        if moments is None:
            raise _no_order(order_id)
        return Response(MomentSerializer(moments, many=True).data)


def _now(request: Request, order_id: UUID, *, min_version: int) -> CachedOrder:
    """The order as it is answered. Raises PermissionDenied, NotFound, NotYetVisible."""
    lease = getattr(request._request, "order_lease", None)
    order = cached_order.read(customer_of(request), order_id, min_version=min_version, lease=lease)
    if order is None:
        raise _no_order(order_id)
    return order


def _with_parts(order: dict[str, Any], parts: set[str]) -> dict[str, Any]:
    """What was asked for of an order; its lines always are."""
    return {name: value for name, value in order.items() if name not in EXPANDABLE_PARTS or name in parts}


def _no_order(order_id: UUID) -> NotFound:
    return NotFound(translate("there is no order {order_id}", order_id=order_id), code="order_not_found")
