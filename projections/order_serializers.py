"""An order as the API shows it.

Amounts are exact decimal text with the currency's number of decimals; times are ISO 8601.
"""

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from typing import Any

from rest_framework import serializers

from orders.lines import Line
from orders.money import rounded
from orders.state import Payment, Refund, Return, Shipment
from orders.statuses import FulfilmentStatus, OrderStatus, PaymentStatus, ReturnsStatus
from orders.values import LineAmount, LineKind, LineQuantity, RefundStatus, ReturnReason, ReturnStatus
from projections.order_row import AddressedOrder

MONEY = (
    "total", "tax", "cancelled", "returned", "allowances", "authorised", "voided", "paid", "refund_pending", "refunded",
    "written_off", "due", "due_back",
)  # fmt: skip
EXPANDABLE_PARTS = ("lines", "payments", "shipments", "refunds", "returns")
"""The parts of an order that a client can request with `expand`."""


def order_body(order: AddressedOrder) -> dict[str, Any]:
    """Return an order with all its parts, as the API shows it."""
    money = {name: _amount(getattr(order, name), order.currency) for name in MONEY}
    times = {name: _iso(getattr(order, name)) for name in ("placed_at", "paid_at", "shipped_at", "cancelled_at")}
    return {
        "order_id": str(order.order_id),
        "version": order.version,
        "reference": order.reference,
        "status": order.status,
        "payment": order.payment_status,
        "fulfilment": order.fulfilment_status,
        "return": order.return_status,
        "country": order.country,
        "currency": order.currency,
        "prices_include_tax": order.state.prices_include_tax,
        **money,
        **times,
        "shipping_address": order.shipping_address,
        "billing_address": order.billing_address,
        "behind": order.behind,
        "lines": [_line(line, order.currency) for line in order.lines],
        "payments": [_payment(payment, order) for payment in order.state.payments],
        "shipments": [_shipment(shipment, order) for shipment in order.state.shipments],
        "refunds": [_refund(refund, order) for refund in order.state.refunds],
        "returns": [_return(returned, order) for returned in order.state.returns],
    }


def _line(line: Line, currency: str) -> dict[str, Any]:
    money = ("amount", "discount", "discount_share", "tax", "total")
    return {
        "line_id": line.line_id,
        "sku": line.sku,
        "name": line.name,
        "kind": line.kind,
        "quantity": line.quantity,
        "unit_price": str(line.unit_price),
        "tax_rate": str(line.tax_rate),
        **{name: _amount(getattr(line, name), currency) for name in money},
        "cancelled": line.cancelled,
        "shipped": line.shipped,
        "returned": line.returned,
        "refunded": _amount(line.given_back, currency),
    }


def _payment(payment: Payment, order: AddressedOrder) -> dict[str, Any]:
    return {
        "payment_id": payment.payment_id,
        "method": payment.method,
        "reference": payment.reference,
        "failed": payment.failed,
        **{
            name: _amount(getattr(payment, name), order.currency)
            for name in ("amount", "authorised", "captured", "voided")
        },
        "created_at": _created_at(order, f"payment/{payment.payment_id}"),
        "captured_at": _last_at(order, f"payment/{payment.payment_id}", "order.payment_captured", "order.paid"),
    }


def _shipment(shipment: Shipment, order: AddressedOrder) -> dict[str, Any]:
    part = f"shipment/{shipment.shipment_id}"
    return {
        "shipment_id": shipment.shipment_id,
        "carrier": shipment.carrier,
        "tracking_code": shipment.tracking_code,
        "lines": _units(shipment.lines),
        "shipped_at": _created_at(order, part),
        "delivered_at": _last_at(order, part, "order.parcel_delivered"),
    }


def _refund(refund: Refund, order: AddressedOrder) -> dict[str, Any]:
    part = f"refund/{refund.refund_id}"
    kinds = {line.line_id: line.kind for line in order.lines}
    return {
        "refund_id": refund.refund_id,
        "status": refund.status,
        "amount": _amount(refund.amount, order.currency),
        "to_account": refund.account_id is not None,
        "lines": [
            {
                "line_id": line.line_id,
                "kind": kinds[line.line_id],
                "quantity": line.quantity,
                "amount": _amount(line.amount, order.currency),
                "tax": _amount(line.tax, order.currency),
            }
            for line in refund.lines
        ],
        "requested_at": _created_at(order, part),
        "settled_at": _last_at(order, part, "order.refund_settled"),
    }


def _return(returned: Return, order: AddressedOrder) -> dict[str, Any]:
    part = f"return/{returned.return_id}"
    return {
        "return_id": returned.return_id,
        "status": returned.status,
        "reason": returned.reason,
        "lines": _units(returned.lines),
        "outstanding": _units(returned.outstanding),
        "requested_at": _created_at(order, part),
        "received_at": _last_at(order, part, "order.return_received"),
    }


def _units(lines: Iterable[LineQuantity | LineAmount]) -> list[dict[str, int]]:
    return [{"line_id": line.line_id, "quantity": line.quantity} for line in lines]


def _amount(amount: Decimal, currency: str) -> str:
    return str(rounded(amount, currency))


def _iso(at: Any) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None


def _created_at(order: AddressedOrder, part: str) -> str | None:
    """Return when the first event of a part happened."""
    return _with_z(min(order.times.get(part, {}).values(), default=""))


def _last_at(order: AddressedOrder, part: str, *events: str) -> str | None:
    """Return when one of these events last happened to a part."""
    return _with_z(max((order.times.get(part, {}).get(event, "") for event in events), default=""))


def _with_z(time: str) -> str | None:
    return time.replace("+00:00", "Z") or None


# --- schema for the API description -----------------------------------------------------------------------------------


def _one_of(values: type[StrEnum]) -> serializers.ChoiceField:
    """Return a choice field with the labels that the API description uses for these values elsewhere."""
    return serializers.ChoiceField(choices=[(value.value, value.name) for value in values])


class UnitsSerializer(serializers.Serializer[Any]):
    """A number of units of one line."""

    line_id = serializers.IntegerField()
    quantity = serializers.IntegerField()


class LineSerializer(serializers.Serializer[Any]):
    """A line as it was sold, and what happened to its units. `total` is the price after discounts, including `tax`."""

    line_id = serializers.IntegerField()
    sku = serializers.CharField()
    name = serializers.CharField()
    kind = _one_of(LineKind)
    quantity = serializers.IntegerField()
    unit_price = serializers.CharField()
    tax_rate = serializers.CharField(help_text="Per cent.")
    amount = serializers.CharField(help_text="Quantity times price, before discounts.")
    discount = serializers.CharField(help_text="The discount on this line.")
    discount_share = serializers.CharField(help_text="This line's share of the order's discounts.")
    tax = serializers.CharField()
    total = serializers.CharField()
    cancelled = serializers.IntegerField(help_text="Units.")
    shipped = serializers.IntegerField(help_text="Units.")
    returned = serializers.IntegerField(help_text="Units.")
    refunded = serializers.CharField(help_text="Amount, already refunded or pending.")


class PaymentSerializer(serializers.Serializer[Any]):
    """A payment of an order."""

    payment_id = serializers.IntegerField()
    method = serializers.CharField()
    reference = serializers.CharField()
    failed = serializers.BooleanField()
    amount = serializers.CharField()
    authorised = serializers.CharField()
    captured = serializers.CharField()
    voided = serializers.CharField()
    created_at = serializers.DateTimeField()
    captured_at = serializers.DateTimeField(allow_null=True)


class ShipmentSerializer(serializers.Serializer[Any]):
    """A parcel of an order."""

    shipment_id = serializers.IntegerField()
    carrier = serializers.CharField()
    tracking_code = serializers.CharField()
    lines = UnitsSerializer(many=True)
    shipped_at = serializers.DateTimeField()
    delivered_at = serializers.DateTimeField(allow_null=True)


class RefundLineSerializer(serializers.Serializer[Any]):
    """The part of a refund that belongs to one line."""

    line_id = serializers.IntegerField()
    kind = _one_of(LineKind)
    quantity = serializers.IntegerField()
    amount = serializers.CharField()
    tax = serializers.CharField()


class RefundSerializer(serializers.Serializer[Any]):
    """A refund. Any amount not assigned to a line refunds an overpayment."""

    refund_id = serializers.IntegerField()
    status = _one_of(RefundStatus)
    amount = serializers.CharField()
    to_account = serializers.BooleanField()
    lines = RefundLineSerializer(many=True)
    requested_at = serializers.DateTimeField()
    settled_at = serializers.DateTimeField(allow_null=True)


class ReturnSerializer(serializers.Serializer[Any]):
    """A return of goods, requested or received."""

    return_id = serializers.IntegerField()
    status = _one_of(ReturnStatus)
    reason = _one_of(ReturnReason)
    lines = UnitsSerializer(many=True)
    outstanding = UnitsSerializer(many=True)
    requested_at = serializers.DateTimeField()
    received_at = serializers.DateTimeField(allow_null=True)


def _order_serializer() -> type[serializers.Serializer[Any]]:
    """Return the serializer class. Built with `type`, because the field name `return` is a Python keyword."""
    statuses = {
        "status": OrderStatus,
        "payment": PaymentStatus,
        "fulfilment": FulfilmentStatus,
        "return": ReturnsStatus,
    }
    fields: dict[str, Any] = {
        "order_id": serializers.UUIDField(),
        "version": serializers.IntegerField(),
        "reference": serializers.CharField(),
        **{name: _one_of(values) for name, values in statuses.items()},
        "country": serializers.CharField(),
        "currency": serializers.CharField(),
        "prices_include_tax": serializers.BooleanField(),
        **{name: serializers.CharField() for name in MONEY},
        "placed_at": serializers.DateTimeField(),
        **{name: serializers.DateTimeField(allow_null=True) for name in ("paid_at", "shipped_at", "cancelled_at")},
        "shipping_address": serializers.CharField(),
        "billing_address": serializers.CharField(),
        "behind": serializers.BooleanField(help_text="Whether later events are not shown yet."),
        "lines": LineSerializer(many=True),
        "payments": PaymentSerializer(many=True, required=False),
        "shipments": ShipmentSerializer(many=True, required=False),
        "refunds": RefundSerializer(many=True, required=False),
        "returns": ReturnSerializer(many=True, required=False),
    }
    description = (
        "An order. Amounts have the currency's number of decimals. It always has its lines; other parts on request."
    )
    return type("OrderSerializer", (serializers.Serializer,), {**fields, "__doc__": description})


OrderSerializer = _order_serializer()
