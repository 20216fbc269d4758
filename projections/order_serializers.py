"""The schema of an order in the API description. `projections.order_body` makes what it describes."""

from dataclasses import fields
from enum import StrEnum
from typing import Any

from rest_framework import serializers

from orders.statuses import FulfilmentStatus, OrderStatus, PaymentStatus, ReturnsStatus
from orders.values import DiscountKind, LineKind, RefundStatus, ReturnReason, ReturnStatus
from projections.order_body import MONEY
from projections.order_figures import OrderFigures


def _one_of(values: type[StrEnum]) -> serializers.ChoiceField:
    """Return a choice field with the labels that the API description uses for these values elsewhere."""
    return serializers.ChoiceField(choices=[(value.value, value.name) for value in values])


class UnitsSerializer(serializers.Serializer[Any]):
    """A number of whole units of one line."""

    line_id = serializers.IntegerField()
    quantity = serializers.IntegerField()


class DiscountTermsSerializer(serializers.Serializer[Any]):
    """What a discount is. An edit of the order applies it again."""

    kind = _one_of(DiscountKind)
    amount = serializers.CharField(help_text="An amount of money; for `percent`, per cent.")
    most = serializers.CharField(allow_null=True, help_text="The most that it takes off; null: at most the price.")


class DiscountSerializer(DiscountTermsSerializer):
    """A discount on the whole order. Each line has its `discount_share`."""

    name = serializers.CharField()
    taken_off = serializers.CharField(help_text="What it takes off now.")


class LineSerializer(serializers.Serializer[Any]):
    """A line as it was sold, what happened to its units, and what it costs now.

    `charged`, `net`, `tax`, `refunded` and `refund_pending` of all lines add up to those of the order.
    """

    line_id = serializers.IntegerField()
    sku = serializers.CharField()
    name = serializers.CharField()
    kind = _one_of(LineKind)
    quantity = serializers.IntegerField()
    unit_price = serializers.CharField()
    tax_rate = serializers.CharField(help_text="Per cent.")
    amount = serializers.CharField(help_text="Quantity times price, before discounts.")
    discount = serializers.CharField(help_text="The discount on this line.")
    discount_terms = DiscountTermsSerializer()
    discount_share = serializers.CharField(help_text="This line's share of the order's discounts.")
    total = serializers.CharField(help_text="The price as sold, after discounts, including tax.")
    cancelled = serializers.IntegerField(help_text="Units.")
    shipped = serializers.IntegerField(help_text="Units.")
    returned = serializers.IntegerField(help_text="Units.")
    charged = serializers.CharField(help_text="The price after cancelled units, returns and allowances, including tax.")
    net = serializers.CharField(help_text="`charged` without tax.")
    tax = serializers.CharField(help_text="The tax in `charged`.")
    refunded = serializers.CharField(help_text="The amount that was refunded.")
    refund_pending = serializers.CharField(help_text="The amount of refunds that are requested or approved.")


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


_FIGURES = tuple(each.name for each in fields(OrderFigures))
_HELP = {
    "total": "The price as sold, after discounts, including tax: the sum of the lines' `total`.",
    "tax": "The tax in `charged`.",
    "charged": "The price after cancellations, returns and allowances, including tax.",
    "net": "`charged` without tax.",
    "discount": "The sum of the lines' discounts and shares.",
    "refunded": "The sum of the lines' `refunded`, and `refunded_overpayment`.",
    "refund_pending": "The sum of the lines' `refund_pending`, and `pending_overpayment`.",
    "refunded_overpayment": "The part of `refunded` that belongs to no line.",
    "pending_overpayment": "The part of `refund_pending` that belongs to no line.",
}


def _order_serializer(name: str, *, always: tuple[str, ...], text: str) -> type[serializers.Serializer[Any]]:
    """Return the serializer class of an order, which `always` has these parts.

    Built with `type`, because the field name `return` is a Python keyword.
    """
    statuses = {
        "status": OrderStatus,
        "payment": PaymentStatus,
        "fulfilment": FulfilmentStatus,
        "return": ReturnsStatus,
    }
    shown: dict[str, Any] = {
        "order_id": serializers.UUIDField(),
        "version": serializers.IntegerField(),
        "reference": serializers.CharField(),
        **{name: _one_of(values) for name, values in statuses.items()},
        "country": serializers.CharField(),
        "currency": serializers.CharField(),
        "prices_include_tax": serializers.BooleanField(),
        **{name: serializers.CharField(help_text=_HELP.get(name, "")) for name in (*MONEY, *_FIGURES)},
        "discounts": DiscountSerializer(many=True),
        "placed_at": serializers.DateTimeField(),
        **{name: serializers.DateTimeField(allow_null=True) for name in ("paid_at", "shipped_at", "cancelled_at")},
        "shipping_address": serializers.CharField(),
        "billing_address": serializers.CharField(),
        "behind": serializers.BooleanField(help_text="Whether later events are not shown yet."),
        **{part: kind(many=True, required=part in always) for part, kind in _PARTS.items()},
    }
    return type(name, (serializers.Serializer,), {**shown, "__doc__": text})


_PARTS: dict[str, type[serializers.Serializer[Any]]] = {
    "lines": LineSerializer,
    "payments": PaymentSerializer,
    "shipments": ShipmentSerializer,
    "refunds": RefundSerializer,
    "returns": ReturnSerializer,
}
OrderSerializer = _order_serializer(
    "OrderSerializer",
    always=("lines",),
    text="An order. Amounts have the currency's number of decimals. It always has its lines; other parts on request.",
)
ListedOrderSerializer = _order_serializer(
    "ListedOrderSerializer",
    always=(),
    text="An order in a list. Amounts have the currency's number of decimals. It has the parts that were requested.",
)
