"""The back office API: read orders. For the shop's own programs."""

from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from eventstore import store
from orders.events import OrderCreated
from orders.http.i18n import translate
from orders.http.request import query_of, staff_of
from projections.engine.projection import PROJECTIONS
from projections.order_body import order_body
from projections.order_serializers import OrderSerializer, RefundSerializer
from projections.reading.from_log import require_logged, row_from_log
from projections.reading.query_params import MIN_VERSION, VERSION_SHOWN, read_version
from projections.reading.read_your_writes import wait_for
from projections.staff.orders import StaffOrder


class StaffRefundSerializer(RefundSerializer):
    """A refund, and who requested it. A refund above a limit needs approval by another person."""

    requested_by = serializers.CharField()


class StaffOrderSerializer(OrderSerializer):  # type: ignore[misc, valid-type]  # built with `type`
    """An order as the shop sees it, with all its parts."""

    customer_id = serializers.UUIDField(allow_null=True, help_text="Null for a guest.")
    customer_name = serializers.CharField(allow_blank=True)
    customer_email = serializers.CharField(allow_blank=True)
    refunds = StaffRefundSerializer(many=True)
    allowed_actions = serializers.ListField(
        child=serializers.CharField(), help_text="The commands that the order accepts now."
    )


class GetStaffOrder(APIView):
    """Show one order to staff. `ordersite.api.orders` adds the commands that the order accepts."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse anybody who is not staff."""
        super().initial(request, *args, **kwargs)
        staff_of(request)

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
            staff_order_body(order, self.actions(order)),
            headers={"ETag": f'"{order.version}"', "Cache-Control": "private, no-cache"},
        )


def staff_order_body(order: StaffOrder, actions: list[str]) -> dict[str, Any]:
    """Return an order as the API shows it to staff: what its customer sees, and what only the shop may see."""
    body = order_body(order)
    for shown, refund in zip(body["refunds"], order.state.refunds, strict=True):
        shown["requested_by"] = refund.requested_by
    return body | {
        "customer_id": order.customer_id and str(order.customer_id),
        "customer_name": order.customer_name,
        "customer_email": order.customer_email,
        "allowed_actions": actions,
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
