"""An order's parts as its page shows them: sums, lines, payments, parcels, refunds, returns, a staged change."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from eventstore.admin.pages import actor_in_words
from orders.lines import Line
from orders.money import rounded
from orders.state import Order, Payment, Refund, Return, Shipment
from orders.values import LineQuantity, OrderLine, RefundLine, RefundStatus, ReturnStatus
from projections.admin.list_filters import COLOURS
from projections.order_row import status_label
from projections.staff.orders import StaffOrder

Label = tuple[str, str]
"""Words and a colour."""

TIMES = "×"  # noqa: RUF001 - the sign is meant
REFUNDS = {
    RefundStatus.REQUESTED: "warning",
    RefundStatus.APPROVED: "info",
    RefundStatus.SETTLED: "success",
    RefundStatus.FAILED: "danger",
    RefundStatus.DECLINED: "danger",
}
RETURNS = {
    ReturnStatus.REQUESTED: "warning",
    ReturnStatus.APPROVED: "info",
    ReturnStatus.RECEIVED: "success",
    ReturnStatus.DECLINED: "danger",
}


SHORT = {
    ("fulfilment_status", "partial"): "Partly shipped",
    ("return_status", "requested"): "Return requested",
    ("return_status", "approved"): "Return approved",
    ("return_status", "declined"): "Return declined",
    ("return_status", "partial"): "Partly returned",
}
"""Of a status that stands alone, beside the others, and not under a heading."""


def amount(value: Decimal, currency: str) -> str:
    return f"{plain(value, currency)} {currency}"


def plain(value: Decimal, currency: str) -> str:
    """In the currency's own decimals, without its name."""
    return f"{rounded(value, currency):,}"


def labels(order: StaffOrder) -> list[Label]:
    """The statuses, in words that say of themselves which of the four it is; none where there is nothing to say."""
    statuses = {name: getattr(order, name) for name in COLOURS}
    return [
        (SHORT.get((name, status)) or getattr(order, f"get_{name}_display")(), COLOURS[name][status])
        for name, status in statuses.items()
        if status != "none"
    ]


def figures(order: StaffOrder) -> Iterator[Label]:
    """The sums that always matter, and of the others those that are not nothing: words and amount."""
    for words, value, always in (
        ("Total", order.total, True),
        ("Tax in it", order.tax, False),
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
            yield words, amount(value, order.currency)


def lines(order: StaffOrder) -> list[dict[str, Any]]:
    """The lines with their counters; what is nothing is an empty text."""

    def money(value: Decimal) -> str:
        return plain(value, order.currency) if value else ""

    return [
        {
            "line": line,
            "kind": "" if line.is_goods else line.kind,
            "counters": [f"{number:,}" if number else "" for number in (line.cancelled, line.shipped, line.returned)],
            "refunded": f"{line.refunded:,}" if line.refunded else "",
            "open": f"{line.open:,}" if line.is_goods and line.open else "",
            "unit_price": _at_least(line.unit_price, order.currency),
            "discount": money(line.discount + line.discount_share),
            "tax": money(line.tax),
            "rate": f"{line.tax_rate.normalize():f} %" if line.tax_rate else "",
            "total": plain(line.total, order.currency),
            "charged": plain(line.charged, order.currency) if line.charged != line.total else "",
            "given_back": money(line.given_back),
        }
        for line in order.lines
    ]


def _at_least(price: Decimal, currency: str) -> str:
    """A price may be finer than the currency; it is never shown coarser."""
    exact = rounded(price, currency)
    return f"{exact if exact == price else price:,}"


def parts(order: StaffOrder, offers: Mapping[str, list[Any]]) -> dict[str, list[dict[str, Any]]]:
    """The payments, parcels, refunds and returns, the latest last, each with what can be done with it."""
    by_line = {line.line_id: line for line in order.lines}
    currency = order.currency

    def shown(what: str, number: int, **more: Any) -> dict[str, Any]:
        times = order.times.get(f"{what}/{number}", {})
        last = max(map(datetime.fromisoformat, times.values()), default=None)
        return {"number": number, "at": last, "offers": offers.get(f"{what}/{number}", []), **more}

    state: Order = order.state
    return {
        "payments": [
            shown("payment", each.payment_id, payment=each, label=_payment_label(each), **_sums_of(each, currency))
            for each in state.payments
        ],
        "shipments": [
            shown(
                "shipment",
                each.shipment_id,
                shipment=each,
                label=_parcel_label(each),
                units=_units(each.lines, by_line),
            )
            for each in state.shipments
        ],
        "refunds": [
            shown(
                "refund",
                each.refund_id,
                refund=each,
                label=(status_label(each.status), REFUNDS[each.status]),
                amount=amount(each.amount, currency),
                who=actor_in_words(each.requested_by),
                what_for=list(_what_for(each, by_line, currency)),
            )
            for each in state.refunds
        ],
        "returns": [
            shown(
                "return",
                each.return_id,
                returning=each,
                label=(status_label(each.status), RETURNS[each.status]),
                reason=status_label(each.reason),
                units=_units(each.lines, by_line),
                outstanding=_units(each.outstanding, by_line) if each.status is ReturnStatus.APPROVED else [],
            )
            for each in state.returns
        ],
    }


def _sums_of(payment: Payment, currency: str) -> dict[str, str]:
    sums = {
        "amount": payment.amount,
        "captured": payment.captured,
        "capturable": payment.capturable,
        "voided": payment.voided,
    }
    return {name: amount(value, currency) if value else "" for name, value in sums.items()}


def _payment_label(payment: Payment) -> Label:
    if payment.failed:
        return "Failed", "danger"
    if payment.capturable:
        return ("Partly captured", "warning") if payment.captured else ("Promised", "info")
    return ("Captured", "success") if payment.captured else ("Voided", "info")


def _parcel_label(parcel: Shipment) -> Label:
    return ("Delivered", "success") if parcel.delivered else ("On its way", "info")


def _units(units: Iterable[LineQuantity], by_line: Mapping[int, Line]) -> list[str]:
    return [f"{each.quantity:,} {TIMES} {by_line[each.line_id].name}" for each in units if each.quantity]


def _what_for(refund: Refund, by_line: Mapping[int, Line], currency: str) -> Iterator[str]:
    """Which lines, tax and shipping a refund gives back; what is no line's was overcharged."""
    for each in refund.lines:
        yield _for_line(each, by_line[each.line_id], currency)
    rest = refund.amount - sum((each.amount for each in refund.lines), Decimal(0))
    if rest:
        yield f"Paid too much: {plain(rest, currency)}"


def _for_line(part: RefundLine, line: Line, currency: str) -> str:
    units = f"{part.quantity:,} {TIMES} " if part.quantity else ""
    inside = [f"tax {plain(part.tax, currency)}"] if part.tax else []
    inside += [f"allowance {plain(part.allowance, currency)}"] if part.allowance else []
    words = f" ({', '.join(inside)})" if inside else ""
    return f"{units}{line.name}: {plain(part.amount, currency)}{words}"


def staged(order: StaffOrder) -> dict[str, Any] | None:
    """A change that is prepared: each line as it is and as it would be, and what that comes to."""
    change = order.state.staged
    if change is None:
        return None
    by_line = {line.line_id: line for line in order.lines}
    return {
        "lines": [_changed(each, by_line.get(each.line_id), order.currency) for each in change.lines],
        "before": amount(order.state.charged, order.currency),
        "after": amount(order.state.charged + change.difference, order.currency),
        "difference": amount(abs(change.difference), order.currency),
        "more": change.difference > 0,
        "same": not change.difference,
    }


def _changed(new: OrderLine, old: Line | None, currency: str) -> dict[str, Any]:
    return {
        "line": new,
        "was": f"{old.quantity:,}" if old else "—",
        "now": f"{new.quantity:,}",
        "cost": plain(old.total, currency) if old else "—",
        "costs": plain(new.total, currency),
    }


def in_short(part: Payment | Shipment | Refund | Return, currency: str) -> str:
    """A part of an order in a line, to be chosen from a list."""
    match part:
        case Payment():
            promised = f", {amount(part.capturable, currency)} promised" if part.capturable else ""
            return f"Payment {part.payment_id}: {amount(part.amount, currency)} by {part.method}{promised}"
        case Shipment():
            return f"Parcel {part.shipment_id}: {' '.join(filter(None, (part.carrier, part.tracking_code))) or 'sent'}"
        case Refund():
            return f"Refund {part.refund_id}: {amount(part.amount, currency)}, {part.status}"
        case Return():
            return f"Return {part.return_id}: {status_label(part.reason).lower()}, {part.status}"
