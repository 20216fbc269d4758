"""The back office's reading side, for programs of the shop's own."""

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
from projections.order_serializers import OrderSerializer, RefundSerializer, order_body
from projections.reading.query_params import MIN_VERSION, VERSION_SHOWN, read_version
from projections.reading.read_your_writes import NotYetVisible, wait_for
from projections.staff.orders import StaffOrder


class StaffRefundSerializer(RefundSerializer):
    """A refund, and who asked for it: over a limit, somebody else has to approve it."""

    requested_by = serializers.CharField()


class StaffOrderSerializer(OrderSerializer):  # type: ignore[misc, valid-type]  # made by hand
    """An order as the shop sees it, all its parts in it."""

    customer_id = serializers.UUIDField(allow_null=True, help_text="None: a guest.")
    customer_name = serializers.CharField(allow_blank=True)
    customer_email = serializers.CharField(allow_blank=True)
    refunds = StaffRefundSerializer(many=True)
    allowed_actions = serializers.ListField(
        child=serializers.CharField(), help_text="The commands that the order would take now."
    )


class GetStaffOrder(APIView):
    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        staff_of(request)

    def actions(self, order: StaffOrder) -> list[str]:
        """What the order would take: nothing, until somebody who knows commands says what."""
        return []

    @extend_schema(
        operation_id="back_office_order_get",
        tags=["back office"],
        parameters=[MIN_VERSION, VERSION_SHOWN],
        responses=StaffOrderSerializer,
    )
    def get(self, request: Request, order_id: UUID) -> Response:
        """Get an order as the shop sees it, and the commands that it would take now."""
        min_version = read_version(query_of(request, ("min_version",)), "min_version") or 0
        order = staff_order(order_id, min_version=min_version)
        if order is None:
            words = translate("there is no order {order_id}", order_id=order_id)
            raise NotFound(words, code="order_not_found")
        return Response(
            staff_order_body(order, self.actions(order)),
            headers={"ETag": f'"{order.version}"', "Cache-Control": "private, no-cache"},
        )


def staff_order_body(order: StaffOrder, actions: list[str]) -> dict[str, Any]:
    """What a customer is shown of it, and what only the shop is."""
    body = order_body(order)
    for told, refund in zip(body["refunds"], order.state.refunds, strict=True):
        told["requested_by"] = refund.requested_by
    return body | {
        "customer_id": order.customer_id and str(order.customer_id),
        "customer_name": order.customer_name,
        "customer_email": order.customer_email,
        "allowed_actions": actions,
    }


def staff_order(order_id: UUID, *, min_version: int = 0) -> StaffOrder | None:
    """The order, once it shows `min_version`; None if there is none of that id. Raises NotYetVisible.

    Read from the primary: whoever is about to send a command wants the order as it is.
    """
    rows = StaffOrder.objects.using(DEFAULT_DB_ALIAS).filter(pk=order_id)
    order = rows.first()
    if order and order.version >= min_version:
        return order
    facts = store.read_stream(order_id)
    there = facts[-1].version if facts and isinstance(facts[0].event, OrderCreated) else 0
    if order is None and not (there and min_version):
        return None
    if there < min_version:
        raise NotYetVisible(f"order {order_id} has not reached version {min_version}")
    return wait_for(rows.filter(version__gte=min_version).first, projection="staff", rows=[order_id])
