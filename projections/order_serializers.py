"""An order as the API shows it: amounts as exact text in the currency's own decimals, moments as ISO 8601."""

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
"""What of an order can be asked for with it."""


def order_body(order: AddressedOrder) -> dict[str, Any]:
    """The whole of an order, all its parts in it."""
    money = {name: _text(getattr(order, name), order.currency) for name in MONEY}
    moments = {name: _moment(getattr(order, name)) for name in ("placed_at", "paid_at", "shipped_at", "cancelled_at")}
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
        **moments,
        "shipping_address": order.shipping_address,
        "billing_address": order.billing_address,
        "behind": order.behind,
        "lines": [_line(line, order.currency) for line in order.lines],
        "payments": [_payment(each, order) for each in order.state.payments],
        "shipments": [_shipment(each, order) for each in order.state.shipments],
        "refunds": [_refund(each, order) for each in order.state.refunds],
        "returns": [_return(each, order) for each in order.state.returns],
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
        **{name: _text(getattr(line, name), currency) for name in money},
        "cancelled": line.cancelled,
        "shipped": line.shipped,
        "returned": line.returned,
        "refunded": _text(line.given_back, currency),
    }


def _payment(payment: Payment, order: AddressedOrder) -> dict[str, Any]:
    return {
        "payment_id": payment.payment_id,
        "method": payment.method,
        "reference": payment.reference,
        "failed": payment.failed,
        **{
            name: _text(getattr(payment, name), order.currency)
            for name in ("amount", "authorised", "captured", "voided")
        },
        "created_at": _first(order, f"payment/{payment.payment_id}"),
        "captured_at": _when(order, f"payment/{payment.payment_id}", "order.payment_captured", "order.paid"),
    }


def _shipment(shipment: Shipment, order: AddressedOrder) -> dict[str, Any]:
    part = f"shipment/{shipment.shipment_id}"
    return {
        "shipment_id": shipment.shipment_id,
        "carrier": shipment.carrier,
        "tracking_code": shipment.tracking_code,
        "lines": _units(shipment.lines),
        "shipped_at": _first(order, part),
        "delivered_at": _when(order, part, "order.parcel_delivered"),
    }


def _refund(refund: Refund, order: AddressedOrder) -> dict[str, Any]:
    part = f"refund/{refund.refund_id}"
    kinds = {line.line_id: line.kind for line in order.lines}
    return {
        "refund_id": refund.refund_id,
        "status": refund.status,
        "amount": _text(refund.amount, order.currency),
        "to_account": refund.account_id is not None,
        "lines": [
            {
                "line_id": each.line_id,
                "kind": kinds[each.line_id],
                "quantity": each.quantity,
                "amount": _text(each.amount, order.currency),
                "tax": _text(each.tax, order.currency),
            }
            for each in refund.lines
        ],
        "requested_at": _first(order, part),
        "settled_at": _when(order, part, "order.refund_settled"),
    }


def _return(each: Return, order: AddressedOrder) -> dict[str, Any]:
    part = f"return/{each.return_id}"
    return {
        "return_id": each.return_id,
        "status": each.status,
        "reason": each.reason,
        "lines": _units(each.lines),
        "outstanding": _units(each.outstanding),
        "requested_at": _first(order, part),
        "received_at": _when(order, part, "order.return_received"),
    }


def _units(lines: Iterable[LineQuantity | LineAmount]) -> list[dict[str, int]]:
    return [{"line_id": each.line_id, "quantity": each.quantity} for each in lines]


def _text(amount: Decimal, currency: str) -> str:
    return str(rounded(amount, currency))


def _moment(at: Any) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None


def _first(order: AddressedOrder, part: str) -> str | None:
    """When a part of an order came to be."""
    return _as_utc(min(order.times.get(part, {}).values(), default=""))


def _when(order: AddressedOrder, part: str, *events: str) -> str | None:
    """When one of these last happened to a part of an order."""
    return _as_utc(max((order.times.get(part, {}).get(event, "") for event in events), default=""))


def _as_utc(kept: str) -> str | None:
    return kept.replace("+00:00", "Z") or None


# --- its documentation ------------------------------------------------------------------------------------------------


def _one_of(values: type[StrEnum]) -> serializers.ChoiceField:
    """With the names that the description gives to the same values elsewhere."""
    return serializers.ChoiceField(choices=[(each.value, each.name) for each in values])


class UnitsSerializer(serializers.Serializer[Any]):
    line_id = serializers.IntegerField()
    quantity = serializers.IntegerField()


class LineSerializer(serializers.Serializer[Any]):
    """A line as it was sold, and what became of its units. `total` is what it costs, `tax` in it."""

    line_id = serializers.IntegerField()
    sku = serializers.CharField()
    name = serializers.CharField()
    kind = _one_of(LineKind)
    quantity = serializers.IntegerField()
    unit_price = serializers.CharField()
    tax_rate = serializers.CharField(help_text="Per cent.")
    amount = serializers.CharField(help_text="Quantity times price, before discounts.")
    discount = serializers.CharField(help_text="Taken off this line.")
    discount_share = serializers.CharField(help_text="Its part of what is taken off the whole order.")
    tax = serializers.CharField()
    total = serializers.CharField()
    cancelled = serializers.IntegerField(help_text="Units.")
    shipped = serializers.IntegerField(help_text="Units.")
    returned = serializers.IntegerField(help_text="Units.")
    refunded = serializers.CharField(help_text="Amount, given back or on its way.")


class PaymentSerializer(serializers.Serializer[Any]):
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
    shipment_id = serializers.IntegerField()
    carrier = serializers.CharField()
    tracking_code = serializers.CharField()
    lines = UnitsSerializer(many=True)
    shipped_at = serializers.DateTimeField()
    delivered_at = serializers.DateTimeField(allow_null=True)


class RefundLineSerializer(serializers.Serializer[Any]):
    line_id = serializers.IntegerField()
    kind = _one_of(LineKind)
    quantity = serializers.IntegerField()
    amount = serializers.CharField()
    tax = serializers.CharField()


class RefundSerializer(serializers.Serializer[Any]):
    """What of `amount` is no line's was paid beyond what the order cost."""

    refund_id = serializers.IntegerField()
    status = _one_of(RefundStatus)
    amount = serializers.CharField()
    to_account = serializers.BooleanField()
    lines = RefundLineSerializer(many=True)
    requested_at = serializers.DateTimeField()
    settled_at = serializers.DateTimeField(allow_null=True)


class ReturnSerializer(serializers.Serializer[Any]):
    return_id = serializers.IntegerField()
    status = _one_of(ReturnStatus)
    reason = _one_of(ReturnReason)
    lines = UnitsSerializer(many=True)
    outstanding = UnitsSerializer(many=True)
    requested_at = serializers.DateTimeField()
    received_at = serializers.DateTimeField(allow_null=True)


def _order_serializer() -> type[serializers.Serializer[Any]]:
    """Made by hand, because one of its fields is called as a word of Python is."""
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
        **{name: _one_of(each) for name, each in statuses.items()},
        "country": serializers.CharField(),
        "currency": serializers.CharField(),
        "prices_include_tax": serializers.BooleanField(),
        **{name: serializers.CharField() for name in MONEY},
        "placed_at": serializers.DateTimeField(),
        **{name: serializers.DateTimeField(allow_null=True) for name in ("paid_at", "shipped_at", "cancelled_at")},
        "shipping_address": serializers.CharField(),
        "billing_address": serializers.CharField(),
        "behind": serializers.BooleanField(help_text="Whether something later happened that is not shown yet."),
        "lines": LineSerializer(many=True),
        "payments": PaymentSerializer(many=True, required=False),
        "shipments": ShipmentSerializer(many=True, required=False),
        "refunds": RefundSerializer(many=True, required=False),
        "returns": ReturnSerializer(many=True, required=False),
    }
    words = "An order, with amounts in its currency's own decimals; of its parts the lines, and those asked for."
    return type("OrderSerializer", (serializers.Serializer,), {**fields, "__doc__": words})


OrderSerializer = _order_serializer()
