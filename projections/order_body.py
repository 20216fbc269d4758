"""An order as the API shows it.

Amounts are exact decimal text with the currency's number of decimals; times are ISO 8601.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import fields
from decimal import Decimal
from typing import Any

from orders.lines import Line
from orders.money import plain, rounded
from orders.state import Payment, Refund, Return, Shipment
from orders.values import Discount, DiscountKind, DiscountTerms, LineAmount, LineQuantity
from projections.order_figures import LineFigures, OrderFigures, line_figures, order_figures
from projections.order_row import AddressedOrder

MONEY = (
    "total", "tax", "cancelled", "returned", "allowances", "authorised", "voided", "paid", "refund_pending", "refunded",
    "written_off", "due", "due_back",
)  # fmt: skip
EXPANDABLE_PARTS = ("lines", "payments", "shipments", "refunds", "returns")
"""The parts of an order that a client can request with `expand`."""


def order_body(order: AddressedOrder, parts: Collection[str] = EXPANDABLE_PARTS) -> dict[str, Any]:
    """Return an order with these parts, as the API shows it: with all of them, if no others are named."""
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
        **_figures(order_figures(order.state), order.currency),
        **times,
        "shipping_address": order.shipping_address,
        "billing_address": order.billing_address,
        "behind": order.behind,
        "discounts": [_discount(discount, order.currency) for discount in order.state.discounts],
        **{name: _PARTS[name](order) for name in EXPANDABLE_PARTS if name in parts},
    }


_PARTS: dict[str, Callable[[AddressedOrder], list[dict[str, Any]]]] = {
    "lines": lambda order: [_line(line, figures, order.currency) for line, figures in line_figures(order.state)],
    "payments": lambda order: [_payment(payment, order) for payment in order.state.payments],
    "shipments": lambda order: [_shipment(shipment, order) for shipment in order.state.shipments],
    "refunds": lambda order: [_refund(refund, order) for refund in order.state.refunds],
    "returns": lambda order: [_return(returned, order) for returned in order.state.returns],
}
"""How each part of an order is made. They are made only where they are shown: a large order has thousands of lines."""


def _figures(figures: OrderFigures | LineFigures, currency: str) -> dict[str, str]:
    return {each.name: _amount(getattr(figures, each.name), currency) for each in fields(figures)}


def _discount(discount: Discount, currency: str) -> dict[str, Any]:
    return {
        "name": discount.name,
        **_terms(discount.terms, currency),
        "taken_off": _amount(discount.amount, currency),
    }


def _terms(terms: DiscountTerms, currency: str) -> dict[str, Any]:
    is_percent = terms.kind is DiscountKind.PERCENT
    return {
        "kind": terms.kind,
        "amount": f"{plain(terms.amount)}" if is_percent else _amount(terms.amount, currency),
        "most": None if terms.most is None else _amount(terms.most, currency),
    }


def _line(line: Line, figures: LineFigures, currency: str) -> dict[str, Any]:
    money = ("amount", "discount", "discount_share", "total")
    return {
        "line_id": line.line_id,
        "sku": line.sku,
        "name": line.name,
        "kind": line.kind,
        "quantity": line.quantity,
        "unit_price": str(line.unit_price),
        "tax_rate": str(line.tax_rate),
        **{name: _amount(getattr(line, name), currency) for name in money},
        "discount_terms": _terms(line.discount_terms or _NO_DISCOUNT, currency),
        "cancelled": line.cancelled,
        "shipped": line.shipped,
        "returned": line.returned,
        **_figures(figures, currency),
    }


_NO_DISCOUNT = DiscountTerms(kind=DiscountKind.FIXED, amount=Decimal(0))


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
