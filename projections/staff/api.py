"""The back office API: read orders. For the shop's own programs."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS
from django.db.models import QuerySet
from django.http import QueryDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from eventstore import store
from eventstore.models import Event
from orders.events import OrderCreated
from orders.http.access import READ_ORDERS, SEND_COMMANDS, sees_personal_data
from orders.http.back_office_view import BackOfficeView
from orders.http.i18n import translate
from orders.http.request import query_of
from projections.engine.projection import PROJECTIONS
from projections.order_body import EXPANDABLE_PARTS, order_body
from projections.order_list import (
    DESCRIBED_PARAMS,
    LIST_PARAMS,
    OrderPages,
    read_expand,
    read_order_filter,
)
from projections.order_serializers import LineSerializer, ListedOrderSerializer, RefundSerializer
from projections.reading.from_log import require_logged, row_from_log
from projections.reading.query_params import MIN_VERSION, VERSION_SHOWN, read_id, read_version
from projections.reading.read_your_writes import wait_for
from projections.staff.orders import StaffOrder, candidates


class StaffRefundSerializer(RefundSerializer):
    """A refund, and who requested it. A refund above a limit needs approval by another person."""

    requested_by = serializers.CharField()


class ListedStaffOrderSerializer(ListedOrderSerializer):  # type: ignore[misc, valid-type]  # built with `type`
    """An order as the shop sees it. Personal data is null for a service account without `read_personal_data`."""

    customer_id = serializers.UUIDField(allow_null=True, help_text="Null for a guest.")
    customer_name = serializers.CharField(allow_blank=True, allow_null=True)
    customer_email = serializers.CharField(allow_blank=True, allow_null=True)
    shipping_address = serializers.CharField(allow_blank=True, allow_null=True)
    billing_address = serializers.CharField(allow_blank=True, allow_null=True)
    refunds = StaffRefundSerializer(many=True, required=False)


class StaffOrderSerializer(ListedStaffOrderSerializer):
    """An order as the shop sees it, with all its parts."""

    lines = LineSerializer(many=True)

    refunds = StaffRefundSerializer(many=True)
    allowed_actions = serializers.ListField(
        child=serializers.CharField(), help_text="The commands that the order accepts now."
    )


class StaffOrderPages(OrderPages):
    """Pages of all orders, newest first."""

    example = "back-office/orders"


CHANGED_AFTER = OpenApiParameter(
    "changed_after",
    {"type": "string", "format": "uuid"},
    description="Only orders to which something happened after this event: the `id` of an event of any order.",
)


class ListStaffOrders(BackOfficeView, ListAPIView[StaffOrder]):
    """The pages of all orders."""

    needs = {"GET": (READ_ORDERS,)}
    serializer_class = ListedStaffOrderSerializer
    pagination_class = StaffOrderPages
    queryset = StaffOrder.objects.none()  # for the schema only; `get` builds the list

    @extend_schema(
        operation_id="back_office_order_list",
        tags=["back office"],
        parameters=[
            *DESCRIBED_PARAMS,
            OpenApiParameter("customer_id", OpenApiTypes.UUID, description="Only orders of this customer."),
            OpenApiParameter("reference", OpenApiTypes.STR, description="Only orders with exactly this reference."),
            CHANGED_AFTER,
        ],
        responses=ListedStaffOrderSerializer(many=True),
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the orders of the shop, newest first. An order has to match every parameter.

        A page has fewer orders than `limit` if they are large. Go on at `next` until it is null.

        An SKU or a reference without three letters or digits in a row is looked for in the newest 10,000 orders only.
        """
        params = query_of(request, (*LIST_PARAMS, "customer_id", "reference", "changed_after"))
        parts, hidden = read_expand(params), hidden_from(request.user)
        page = self.paginate_queryset(_listed(params))
        bodies = [staff_order_body(order, parts) | hidden for order in page or ()]
        return self.get_paginated_response(bodies)


def _listed(params: QueryDict) -> "QuerySet[StaffOrder]":
    """Return the orders that match all parameters. Raises ValidationError."""
    order_filter, orders = read_order_filter(params), StaffOrder.objects.all()
    for text in filter(None, (order_filter.sku, params.get("reference"))):
        orders = orders.filter(pk__in=candidates(text).values("pk"))
    if reference := params.get("reference"):
        orders = orders.filter(reference=reference)
    if (customer_id := read_id(params, "customer_id")) is not None:
        orders = orders.filter(customer_id=customer_id)
    if (event_id := read_id(params, "changed_after")) is not None:
        position = Event.objects.filter(event_id=event_id).values_list("position", flat=True).first()
        if position is None:
            raise ValidationError({"changed_after": [translate("There is no event with this id.")]})
        orders = orders.filter(pk__in=Event.objects.filter(position__gt=position).values("aggregate_id"))
    return order_filter.among(orders)


class GetStaffOrder(BackOfficeView):
    """Show one order to staff. `ordersite.api.orders` adds the commands that the order accepts."""

    needs = {"GET": (READ_ORDERS, SEND_COMMANDS)}

    def actions(self, order: StaffOrder) -> list[str]:
        """Return the names of the commands that the order accepts now. A subclass overrides it."""
        return []

    @extend_schema(
        operation_id="back_office_order_get",
        tags=["back office"],
        parameters=[MIN_VERSION, VERSION_SHOWN],
        responses=StaffOrderSerializer,
    )
    def get(self, request: Request, order_id: UUID) -> Response:
        """Get an order as the shop sees it, and the commands that it accepts now."""
        min_version = read_version(query_of(request, ("min_version",)), "min_version") or 0
        order = staff_order(order_id, min_version=min_version)
        if order is None:
            message = translate("there is no order {order_id}", order_id=order_id)
            raise NotFound(message, code="order_not_found")
        return Response(
            staff_order_body(order) | {"allowed_actions": self.actions(order)} | hidden_from(request.user),
            headers={"ETag": f'"{order.version}"', "Cache-Control": "private, no-cache"},
        )


PERSONAL = ("customer_name", "customer_email", "shipping_address", "billing_address")
"""The fields of an order that are personal data of its customer."""


def hidden_from(user: Any) -> dict[str, None]:
    """Return null for each field of an order that this user may not read."""
    return {} if sees_personal_data(user) else dict.fromkeys(PERSONAL)


def staff_order_body(order: StaffOrder, parts: Collection[str] = EXPANDABLE_PARTS) -> dict[str, Any]:
    """Return an order as the API shows it to staff: what its customer sees, and what only the shop may see."""
    body = order_body(order, parts)
    for shown, refund in zip(body.get("refunds", ()), order.state.refunds, strict=False):
        shown["requested_by"] = refund.requested_by
    return body | {
        "customer_id": order.customer_id and str(order.customer_id),
        "customer_name": order.customer_name,
        "customer_email": order.customer_email,
    }


def staff_order(order_id: UUID, *, min_version: int = 0) -> StaffOrder | None:
    """Return the order once it shows `min_version`, or None if no order has this id.

    A new order that has no row yet is made from the log. Reads from the primary: a client that is about to send a
    command needs the current order. Raises NotYetVisible, at once if the log has no such version.
    """
    rows = StaffOrder.objects.using(DEFAULT_DB_ALIAS).filter(pk=order_id)
    order = rows.first()
    if order and order.version >= min_version:
        return order
    facts = store.read_stream(order_id)
    if not facts or not isinstance(facts[0].event, OrderCreated):
        return None
    require_logged(facts, min_version)
    if order is None:
        return row_from_log(StaffOrder, PROJECTIONS["staff"], facts)
    return wait_for(rows.filter(version__gte=min_version).first, projection="staff", rows=[order_id])
