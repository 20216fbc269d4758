"""Read endpoints of the customer API for orders."""

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
from orders.http.request import customer_of, query_of, version_in
from projections.customer.api import cached_order
from projections.customer.api.cached_order import CachedOrder
from projections.customer.api.query_params import IF_NONE_MATCH, IF_STILL, PAST_PARAMS, TO_HELP, read_past
from projections.customer.orders import CustomerOrder
from projections.customer.public_events import PUBLIC_TYPES
from projections.customer.queries import own_order_as_of, own_orders
from projections.customer.timeline import own_timeline
from projections.order_body import order_body
from projections.order_list import (
    DESCRIBED_PARAMS,
    EXPAND,
    LIST_PARAMS,
    MOMENT_SCHEMA,
    OrderPages,
    read_expand,
    read_order_filter,
)
from projections.order_serializers import (
    ListedOrderSerializer,
    OrderSerializer,
    PaymentSerializer,
    RefundSerializer,
    ReturnSerializer,
    ShipmentSerializer,
)
from projections.reading.query_params import MIN_VERSION, VERSION_SCHEMA, VERSION_SHOWN, read_version


class ListOwnOrders(ListAPIView[CustomerOrder]):
    """The pages of a customer's orders."""

    serializer_class = ListedOrderSerializer
    pagination_class = OrderPages
    queryset = CustomerOrder.objects.none()  # for the schema only; `get` builds the customer's own

    @extend_schema(operation_id="order_list", tags=["orders"], parameters=DESCRIBED_PARAMS)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List your orders, newest first. An order has to match every parameter.

        A page has fewer orders than `limit` if they are large. Go on at `next` until it is null.
        """
        params = query_of(request, LIST_PARAMS)
        parts = read_expand(params)
        orders = own_orders(customer_of(request), read_order_filter(params))
        page = self.paginate_queryset(orders)
        return self.get_paginated_response([order_body(order, parts) for order in page or ()])


class GetOwnOrder(APIView):
    """One order of a customer, as it is or as it was."""

    problems: ClassVar = {"GET": {"412": "You sent `If-Match`, and the order has changed since."}}

    @extend_schema(
        operation_id="order_get",
        tags=["orders"],
        parameters=[
            MIN_VERSION,
            EXPAND,
            IF_NONE_MATCH,
            IF_STILL,
            VERSION_SHOWN,
            OpenApiParameter("version", VERSION_SCHEMA, description="The order as it was at this version."),
            OpenApiParameter(
                "as_of",
                MOMENT_SCHEMA,
                description=f"The order after the events that had happened by this moment. {TO_HELP}",
            ),
            OpenApiParameter(
                "recorded_by",
                MOMENT_SCHEMA,
                description="The order as it was known at this moment: events that were recorded later do not count,"
                f" even if they happened earlier. {TO_HELP}",
            ),
        ],
        responses={200: OrderSerializer, 304: OpenApiResponse(description="Your copy is still current.")},
    )
    def get(self, request: Request, order_id: UUID) -> HttpResponseBase:
        """Get one of your orders, as it is now or as it was.

        Send the `ETag` of an earlier answer as `If-None-Match`: 304 means that it is still current.
        """
        customer_id, params = customer_of(request), query_of(request, ("min_version", "expand", *PAST_PARAMS))
        parts = read_expand(params) | {"lines"}
        if "If-Match" in request.headers:
            version_in(request.headers["If-Match"])  # Django ignores a malformed one
        as_of = read_past(params)
        if as_of:
            past = own_order_as_of(customer_id, order_id, as_of)
            if past is None:
                raise _no_order(order_id)
            return Response(order_body(past, parts), headers={"ETag": f'"{past.version}"'})
        order = _current_order(request, order_id, min_version=read_version(params, "min_version") or 0)
        response = cached_order.respond(request._request, order, parts)
        if response.status_code == status.HTTP_412_PRECONDITION_FAILED:
            raise VersionDiffers(translate("it has changed since you read it: read it again, then retry"))
        return response


class VersionDiffers(APIException):
    """A GET was sent with `If-Match`, and the order has changed since."""

    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_code = "version_differs"


class OwnPart(APIView):
    """One kind of part of an order. A subclass names it as `part`, a key of `CachedOrder.parts`."""

    part: ClassVar[str]

    def read(self, request: Request, order_id: UUID) -> HttpResponse:
        """Answer with the parts as JSON."""
        params = query_of(request, ("min_version",))
        order = _current_order(request, order_id, min_version=read_version(params, "min_version") or 0)
        headers = {"ETag": f'"{order.version}"'}
        return HttpResponse(order.parts[self.part], content_type="application/json", headers=headers)


class OwnPayments(OwnPart):
    """The payments of an order."""

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
    """The parcels of an order."""

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
    """The refunds of an order."""

    part = "refunds"

    @extend_schema(
        operation_id="order_refunds",
        tags=["orders"],
        parameters=[MIN_VERSION, VERSION_SHOWN],
        responses=RefundSerializer(many=True),
    )
    def get(self, request: Request, order_id: UUID) -> HttpResponse:
        """Get the refunds of one of your orders, settled or pending, with their lines and tax."""
        return self.read(request, order_id)


class OwnReturns(OwnPart):
    """The returns of an order."""

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
    """An entry of an order's timeline."""

    version = serializers.IntegerField(help_text="The order's version after the event.")
    event = serializers.ChoiceField(choices=PUBLIC_TYPES, help_text="The type of the event, for programs.")
    words = serializers.CharField(help_text="The event as text to show to a person.")
    occurred_at = serializers.DateTimeField()


class OwnTimeline(APIView):
    """The timeline of an order."""

    @extend_schema(
        operation_id="order_timeline",
        tags=["orders"],
        parameters=[
            OpenApiParameter(
                "after", VERSION_SCHEMA, description="Only events after this version of the order. Without it: all."
            ),
            OpenApiParameter(
                "Link",
                OpenApiTypes.STR,
                OpenApiParameter.HEADER,
                response=[200],
                description='The address of later events, with `rel="next"`, if this answer does not have all.',
            ),
        ],
        responses=MomentSerializer(many=True),
    )
    def get(self, request: Request, order_id: UUID) -> Response:
        """Get the events of one of your orders, oldest first. This is always up to date.

        An answer has at most 500 events, and fewer if they are large: then `Link` names the address of the later ones.
        """
        after = read_version(query_of(request, ("after",)), "after") or 0
        timeline = own_timeline(customer_of(request), order_id, after_version=after)
        if timeline is None:
            raise _no_order(order_id)
        headers = {}
        if timeline.more_after is not None:
            headers["Link"] = f'<{request.path}?after={timeline.more_after}>; rel="next"'
        return Response(MomentSerializer(timeline.entries, many=True).data, headers=headers)


def _current_order(request: Request, order_id: UUID, *, min_version: int) -> CachedOrder:
    """Return the customer's order as it is now, encoded. Raises PermissionDenied, NotFound, NotYetVisible."""
    lease = getattr(request._request, "order_lease", None)
    order = cached_order.read(customer_of(request), order_id, min_version=min_version, lease=lease)
    if order is None:
        raise _no_order(order_id)
    return order


def _no_order(order_id: UUID) -> NotFound:
    return NotFound(translate("there is no order {order_id}", order_id=order_id), code="order_not_found")
