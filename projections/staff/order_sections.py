"""The sections of an order's page: totals, lines, payments, parcels, refunds, returns, and a prepared change."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, assert_never

from eventstore.admin.pages import actor_in_words
from orders.lines import Line
from orders.money import plain, rounded
from orders.state import Order, Payment, Refund, Return, Shipment
from orders.values import DiscountKind, DiscountTerms, LineQuantity, OrderLine, RefundLine, RefundStatus, ReturnStatus
from projections.admin.list_filters import COLOURS
from projections.order_row import status_label
from projections.staff.orders import StaffOrder

Label = tuple[str, str]
"""A text, and the colour of its label."""

TIMES = "×"  # noqa: RUF001 - the sign is meant
REFUND_COLOURS = {
    RefundStatus.REQUESTED: "warning",
    RefundStatus.APPROVED: "info",
    RefundStatus.SETTLED: "success",
    RefundStatus.FAILED: "danger",
    RefundStatus.DECLINED: "danger",
}
RETURN_COLOURS = {
    ReturnStatus.REQUESTED: "warning",
    ReturnStatus.APPROVED: "info",
    ReturnStatus.RECEIVED: "success",
    ReturnStatus.DECLINED: "danger",
}

STATUS_TEXTS = {
    ("fulfilment_status", "partial"): "Partly shipped",
    ("return_status", "requested"): "Return requested",
    ("return_status", "approved"): "Return approved",
    ("return_status", "declined"): "Return declined",
    ("return_status", "partial"): "Partly returned",
}
"""Texts for statuses that would be ambiguous without a column heading."""


def format_money(value: Decimal, currency: str) -> str:
    """Return an amount with its currency: `1,250.00 GBP`."""
    return f"{format_amount(value, currency)} {currency}"


def format_amount(value: Decimal, currency: str) -> str:
    """Return an amount with the currency's number of decimals, without the currency: `1,250.00`."""
    return f"{rounded(value, currency):,}"


def status_labels(order: StaffOrder) -> list[Label]:
    """Return the statuses as labels, each clear without a heading. A status `none` has no label."""
    statuses = {name: getattr(order, name) for name in COLOURS}
    return [
        (STATUS_TEXTS.get((name, status)) or getattr(order, f"get_{name}_display")(), COLOURS[name][status])
        for name, status in statuses.items()
        if status != "none"
    ]


def money_totals(order: StaffOrder) -> Iterator[tuple[str, str]]:
    """Yield a title and an amount for each total. Most totals are left out when they are zero."""
    for title, value, always in (
        ("Total", order.total, True),
        ("Tax included", order.tax, False),
        ("Cancelled", order.cancelled, False),
        ("Returned", order.returned, False),
        ("Allowances", order.allowances, False),
        ("Promised", order.state.capturable, False),
        ("Paid", order.paid, True),
        ("Refunded", order.refunded, False),
        ("Refund pending", order.refund_pending, False),
        ("Written off", order.written_off, False),
        ("Due", order.due, True),
        ("Owed to customer", order.due_back, False),
    ):
        if value or always:
            yield title, format_money(value, order.currency)


def line_rows(order: StaffOrder) -> list[dict[str, Any]]:
    """Return a row for each line. A value of zero is an empty text."""

    def money(value: Decimal) -> str:
        return format_amount(value, order.currency) if value else ""

    return [
        {
            "line": line,
            "kind": "" if line.is_goods else line.kind,
            "counters": [f"{number:,}" if number else "" for number in (line.cancelled, line.shipped, line.returned)],
            "refunded_units": f"{line.refunded:,}" if line.refunded else "",
            "to_send": f"{line.open:,}" if line.is_goods and line.open else "",
            "unit_price": _unit_price(line.unit_price, order.currency),
            "discount": money(line.discount + line.discount_share),
            "tax": money(line.tax - line.tax_off),
            "tax_sold": money(line.tax) if line.tax_off else "",
            "discount_terms": _discount_parts(line, order.currency),
            "rate": f"{line.tax_rate.normalize():f} %" if line.tax_rate else "",
            "total": format_amount(line.total, order.currency),
            "charged": format_amount(line.charged, order.currency) if line.charged != line.total else "",
            "refunded_amount": money(line.given_back),
        }
        for line in order.lines
    ]


def _discount_parts(line: Line, currency: str) -> str:
    """Return what the line's discount consists of, where its amount alone would not tell."""
    terms = _terms(line.discount_terms, currency)
    parts = [f"{format_amount(line.discount, currency)} ({terms})"] if terms else []
    if line.discount and line.discount_share:
        parts = parts or [format_amount(line.discount, currency)]
        parts.append(f"share {format_amount(line.discount_share, currency)}")
    return ", ".join(parts)


def _terms(terms: DiscountTerms | None, currency: str) -> str:
    """Return what a discount is, where that is more than its amount: `10 % of the price, at most 5.00`."""
    if terms is None or (terms.kind is DiscountKind.FIXED and terms.most is None):
        return ""
    most = "" if terms.most is None else f", at most {format_amount(terms.most, currency)}"
    match terms.kind:
        case DiscountKind.FIXED:
            return f"{format_amount(terms.amount, currency)}{most}"
        case DiscountKind.PER_UNIT:
            return f"{format_amount(terms.amount, currency)} each{most}"
        case DiscountKind.PERCENT:
            return f"{plain(terms.amount)} %{most}"
        case _:
            assert_never(terms.kind)


def discount_rows(order: StaffOrder) -> list[dict[str, str]]:
    """Return a row for each discount on the whole order."""
    return [
        {
            "name": each.name,
            "terms": _terms(each.terms, order.currency) or format_amount(each.terms.amount, order.currency),
            "taken_off": format_amount(each.amount, order.currency),
        }
        for each in order.state.discounts
    ]


def _unit_price(price: Decimal, currency: str) -> str:
    """Return a price with the currency's decimals, or more where the price has more."""
    exact = rounded(price, currency)
    return f"{exact if exact == price else price:,}"


def part_rows(order: StaffOrder, buttons: Mapping[str, list[Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return the payments, parcels, refunds and returns, oldest first.

    `buttons` are the command buttons of each part, by key: `payment/1`. A row's `at` is when the part last changed.
    """
    by_line = {line.line_id: line for line in order.lines}
    currency = order.currency

    def row(kind: str, number: int, **values: Any) -> dict[str, Any]:
        times = order.times.get(f"{kind}/{number}", {})
        last_change = max(map(datetime.fromisoformat, times.values()), default=None)
        return {"number": number, "at": last_change, "buttons": buttons.get(f"{kind}/{number}", []), **values}

    state: Order = order.state
    return {
        "payments": [
            row(
                "payment",
                payment.payment_id,
                payment=payment,
                label=_payment_label(payment),
                **_payment_amounts(payment, currency),
            )
            for payment in state.payments
        ],
        "shipments": [
            row(
                "shipment",
                shipment.shipment_id,
                shipment=shipment,
                label=_parcel_label(shipment),
                units=_units(shipment.lines, by_line),
            )
            for shipment in state.shipments
        ],
        "refunds": [
            row(
                "refund",
                refund.refund_id,
                refund=refund,
                label=(status_label(refund.status), REFUND_COLOURS[refund.status]),
                amount=format_money(refund.amount, currency),
                requested_by=actor_in_words(refund.requested_by),
                refund_lines=list(_refund_lines(refund, by_line, currency)),
            )
            for refund in state.refunds
        ],
        "returns": [
            row(
                "return",
                returned.return_id,
                label=(status_label(returned.status), RETURN_COLOURS[returned.status]),
                reason=status_label(returned.reason),
                units=_units(returned.lines, by_line),
                outstanding=_units(returned.outstanding, by_line) if returned.status is ReturnStatus.APPROVED else [],
            )
            for returned in state.returns
        ],
    }


def _payment_amounts(payment: Payment, currency: str) -> dict[str, str]:
    amounts = {
        "amount": payment.amount,
        "captured": payment.captured,
        "capturable": payment.capturable,
        "voided": payment.voided,
    }
    return {name: format_money(value, currency) if value else "" for name, value in amounts.items()}


def _payment_label(payment: Payment) -> Label:
    if payment.failed:
        return "Failed", "danger"
    if payment.capturable:
        return ("Partly captured", "warning") if payment.captured else ("Promised", "info")
    return ("Captured", "success") if payment.captured else ("Voided", "info")


def _parcel_label(parcel: Shipment) -> Label:
    return ("Delivered", "success") if parcel.delivered else ("On its way", "info")


def _units(units: Iterable[LineQuantity], by_line: Mapping[int, Line]) -> list[str]:
    return [f"{unit.quantity:,} {TIMES} {by_line[unit.line_id].name}" for unit in units if unit.quantity]


def _refund_lines(refund: Refund, by_line: Mapping[int, Line], currency: str) -> Iterator[str]:
    """Yield a text for each refunded line. Any amount not assigned to a line refunds an overpayment."""
    for item in refund.lines:
        yield _refund_line(item, by_line[item.line_id], currency)
    overpayment = refund.amount - sum((item.amount for item in refund.lines), Decimal(0))
    if overpayment:
        yield f"Overpayment: {format_amount(overpayment, currency)}"


def _refund_line(item: RefundLine, line: Line, currency: str) -> str:
    units = f"{item.quantity:,} {TIMES} " if item.quantity else ""
    details = [f"tax {format_amount(item.tax, currency)}"] if item.tax else []
    details += [f"allowance {format_amount(item.allowance, currency)}"] if item.allowance else []
    suffix = f" ({', '.join(details)})" if details else ""
    return f"{units}{line.name}: {format_amount(item.amount, currency)}{suffix}"


def prepared_change(order: StaffOrder) -> dict[str, Any] | None:
    """Return the prepared change: each line now and after the change, and the difference. None if there is none."""
    change = order.state.staged
    if change is None:
        return None
    by_line = {line.line_id: line for line in order.lines}
    return {
        "lines": [_changed_line(line, by_line.get(line.line_id), order.currency) for line in change.lines],
        "before": format_money(order.state.charged, order.currency),
        "after": format_money(order.state.charged + change.difference, order.currency),
        "difference": format_money(abs(change.difference), order.currency),
        "is_more": change.difference > 0,
        "is_same": not change.difference,
    }


def _changed_line(new: OrderLine, old: Line | None, currency: str) -> dict[str, Any]:
    return {
        "line": new,
        "units_before": f"{old.quantity:,}" if old else "—",
        "units_after": f"{new.quantity:,}",
        "cost_before": format_amount(old.total, currency) if old else "—",
        "cost_after": format_amount(new.total, currency),
    }


def describe_part(part: Payment | Shipment | Refund | Return, currency: str) -> str:
    """Return a part of an order as one line of text, for a list to choose from."""
    match part:
        case Payment():
            promised = f", {format_money(part.capturable, currency)} promised" if part.capturable else ""
            return f"Payment {part.payment_id}: {format_money(part.amount, currency)} by {part.method}{promised}"
        case Shipment():
            return f"Parcel {part.shipment_id}: {' '.join(filter(None, (part.carrier, part.tracking_code))) or 'sent'}"
        case Refund():
            return f"Refund {part.refund_id}: {format_money(part.amount, currency)}, {part.status}"
        case Return():
            return f"Return {part.return_id}: {status_label(part.reason).lower()}, {part.status}"
