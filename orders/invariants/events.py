"""What an event of an order may never say, after the events before it.

Only what the state after it does not show: an amount beside the one that the lines make, or a step that was not next.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import assert_never

from orders import events as e
from orders.events.editing import edited
from orders.invariants import lines, money
from orders.invariants.amounts import problem_of_difference, problem_of_payment, problem_of_repeats
from orders.invariants.parts import problem_of_named
from orders.state import Order, units_of
from orders.values import ZERO, LineAmount, LineQuantity, OrderLine, RefundLine, RefundStatus, ReturnStatus

_REQUESTED, _APPROVED, _FAILED = RefundStatus.REQUESTED, RefundStatus.APPROVED, RefundStatus.FAILED
_REFUND_STEPS: dict[type, tuple[RefundStatus, ...]] = {
    e.RefundApproved: (_REQUESTED,),
    e.RefundDeclined: (_REQUESTED, _FAILED),
    e.RefundSettled: (_APPROVED,),
    e.RefundFailed: (_APPROVED,),
    e.RefundRetried: (_FAILED,),
}
"""The statuses of a refund in which each event can happen to it."""
_RETURN_STEPS: dict[type, tuple[ReturnStatus, ...]] = {
    e.ReturnApproved: (ReturnStatus.REQUESTED,),
    e.ReturnDeclined: (ReturnStatus.REQUESTED, ReturnStatus.APPROVED),
    e.ReturnReceived: (ReturnStatus.APPROVED,),
}
_MOST_INDEXED = 500
_INDEXED = ("reference", "country")
"""Texts that read models find orders by: an index entry holds 2,704 bytes, and a character has up to four."""


def violations(before: Order, event: e.OrderEvent, after: Order) -> Iterator[str]:
    """Yield why the event cannot have led from one state to the other."""
    if getattr(event, "currency", after.currency) != after.currency:
        yield f"it is in {getattr(event, 'currency', '')}, and the order in {after.currency}"
    for name in _INDEXED:
        if len(getattr(event, name, "")) > _MOST_INDEXED:
            yield f"its {name} has more than {_MOST_INDEXED} characters"
    yield from _of_lines(before, event)
    yield from _of_kind(before, event, after)


def _of_kind(  # noqa: PLR0911 - one branch for each file of events
    before: Order, event: e.OrderEvent, after: Order
) -> Iterable[str]:
    if isinstance(event, e.PlacingEvent):
        return _of_placing(event, after)
    if isinstance(event, e.PayingEvent):
        return _of_paying(before, event)
    if isinstance(event, e.ShippingEvent):
        return _of_shipping(before, event)
    if isinstance(event, e.CancellingEvent):
        return _of_cancelling(before, event, after)
    if isinstance(event, e.RefundingEvent):
        return _of_refunding(before, event)
    if isinstance(event, e.ReturningEvent):
        return _of_returning(before, event)
    if isinstance(event, e.EditingEvent):
        return _of_editing(before, event, after)
    if isinstance(event, e.HoldingEvent | e.NoteEvent | e.AddressEvent):
        return ()  # these have neither amounts nor steps
    assert_never(event)


def _of_lines(before: Order, event: e.OrderEvent) -> Iterator[str]:
    """An event names lines that the order has. `evolve` itself refuses other payments, parcels, refunds and returns."""
    own = {line.line_id for line in before.lines}
    for field in ("lines", "restocked", "damaged", "kept"):
        for each in getattr(event, field, None) or ():
            if isinstance(each, LineAmount | LineQuantity | RefundLine) and each.line_id not in own:
                yield f"the order has no line {each.line_id} before it"


def _of_placing(event: e.OrderCreated, after: Order) -> Iterator[str]:
    yield from _of_sold(event.lines, 0)
    yield from problem_of_difference("total", event.total, after.sold)
    yield from problem_of_difference("tax", event.tax, after.tax)


def _of_sold(sold: tuple[OrderLine, ...], existing: int) -> Iterator[str]:
    """There is a line, and each new one has a unit. An edit may leave none of a line that exists."""
    if not sold:
        yield "it has no lines"
    for line in sold:
        if line.line_id > existing and line.quantity < 1:
            yield f"line {line.line_id} has {line.quantity} units"


def _of_paying(before: Order, event: e.PayingEvent) -> Iterator[str]:
    yield from problem_of_payment("its amount", event.amount, event.currency)
    if isinstance(event, e.WrittenOff) and event.amount > before.due:
        yield f"{event.amount} {event.currency} cannot be written off: {before.due} {event.currency} are due"
    if isinstance(event, e.PaymentFailed) and (known := before.payment(event.payment_id)):
        yield from problem_of_difference("amount", event.amount, known.capturable)


def _of_shipping(before: Order, event: e.ShippingEvent) -> Iterator[str]:
    if isinstance(event, e.ParcelDelivered) and (parcel := before.shipment(event.shipment_id)) and parcel.delivered:
        yield f"parcel {event.shipment_id} was delivered before"


def _of_cancelling(before: Order, event: e.CancellingEvent, after: Order) -> Iterator[str]:
    """Figures follow from the lines. Events of version 1 have no lines, and their figures are older than the rule."""
    if isinstance(event, e.OrderRestored):
        if event.version < 1:
            yield f"there is no version {event.version}"
        if event.lines is not None:
            yield from problem_of_repeats(event.lines)
            yield from problem_of_difference("sold_again", event.sold_again, before.cancelled - after.cancelled)
            yield from problem_of_difference("not_due_back", event.not_due_back, before.due_back - after.due_back)
            yield from problem_of_difference("due", event.due, after.due)
        return
    yield from problem_of_difference("amount", event.amount, after.cancelled - before.cancelled)
    if event.lines is not None:
        yield from problem_of_named(event.lines)
        yield from problem_of_difference("due_back", event.due_back, _sum(each.due_back for each in event.lines))
        yield from _of_reductions(event.lines)


def _of_reductions(reduced: tuple[LineAmount, ...]) -> Iterator[str]:
    for each in reduced:
        if not 0 <= each.tax <= each.amount or each.due_back < 0:
            yield f"line {each.line_id} is reduced by {each.amount} with a tax of {each.tax}, {each.due_back} due back"


def _of_refunding(before: Order, event: e.RefundingEvent) -> Iterator[str]:
    """A refund stays what it was requested as, and is decided once."""
    if isinstance(event, e.RefundRequested):
        return
    known = before.refund(event.refund_id)
    assert known  # `evolve` has found it
    if known.status not in _REFUND_STEPS[type(event)]:
        yield f"refund {known.refund_id} is {known.status} before it"
    yield from problem_of_difference("amount", event.amount, known.amount)
    if getattr(event, "account_id", known.account_id) != known.account_id:
        yield f"refund {known.refund_id} was requested to another account"
    allowed = {part.line_id: part for part in known.lines}
    for kept in getattr(event, "kept", None) or ():
        part = allowed.get(kept.line_id)
        if part is None or not (0 <= kept.amount <= part.allowance and 0 <= kept.tax <= part.allowance_tax):
            yield f"line {kept.line_id} keeps {kept.amount}, which the refund did not allow"


def _of_returning(before: Order, event: e.ReturningEvent) -> Iterator[str]:
    if isinstance(event, e.ReturnRequested):
        return
    known = before.returning(event.return_id)
    assert known  # `evolve` has found it
    if known.status not in _RETURN_STEPS[type(event)]:
        yield f"return {known.return_id} is {known.status} before it"
    if not isinstance(event, e.ReturnReceived):
        return
    received: tuple[LineAmount | LineQuantity, ...] = (*event.restocked, *event.damaged)
    for named in (event.restocked, event.damaged):
        yield from problem_of_named(named) if named or not received else ()
    for each in received:
        if (units := units_of(received, each.line_id)) > units_of(known.outstanding, each.line_id):
            yield f"{units} units of line {each.line_id} came back, more than were outstanding"
    yield from _of_reductions(event.restocked)
    yield from problem_of_difference("amount", event.amount, _sum(each.amount for each in event.restocked))
    yield from problem_of_difference("due_back", event.due_back, _sum(each.due_back for each in event.restocked))


def _of_editing(before: Order, event: e.EditingEvent, after: Order) -> Iterator[str]:
    """Only lines of which nothing was shipped, cancelled or refunded are edited."""
    if isinstance(event, e.EditDiscarded):
        return
    yield from _of_sold(event.lines, len(before.lines))
    touched = {line.line_id for line in before.lines if not line.is_untouched}
    for each in event.lines:
        if each.line_id in touched:
            yield f"line {each.line_id} can no longer be edited"
    if event.discounts is None:
        return  # version 1, whose rule was another
    made = before.with_changes(lines=edited(before, event.lines), discounts=event.discounts)
    for line in made.lines:
        yield from lines.violations(line, made)
    yield from money.of_discounts(made)
    yield from problem_of_difference("difference", event.difference, made.charged - before.charged)
    if isinstance(event, e.EditCommitted):
        yield from problem_of_difference("due", event.due, after.due)
        yield from problem_of_difference("due_back", event.due_back, after.due_back)


def _sum(amounts: Iterator[Decimal]) -> Decimal:
    return sum(amounts, ZERO)
