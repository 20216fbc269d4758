"""What happened to an order, in words: one sentence for staff and one or none for its customer, side by side.

Staff read who did what, in English. Customers read what concerns them, in the language of their request, so their
sentences are translated when they are read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import assert_never

from orders import events as e
from orders.events import OrderEvent
from orders.http.i18n import translate_lazy, translate_plural_lazy
from orders.values import LineAmount, LineQuantity


@dataclass(frozen=True, slots=True)
class Words:
    """An event in a sentence for staff, and in sentences for the customer: none for what is internal to the shop.

    Each sentence is translated as a whole, because word order differs between languages.
    """

    staff: str
    customer: Sequence[str] = ()

    @property
    def for_customer(self) -> str | None:
        """The customer's sentences in the language of the request; None for what is internal to the shop."""
        return " ".join(str(sentence) for sentence in self.customer) or None


def describe(event: OrderEvent) -> Words:  # noqa: C901, PLR0911, PLR0912, PLR0915 - one case for each event
    """Return an event of an order in words."""
    match event:
        case e.OrderCreated():
            number, total = len(event.lines), _money(event.total, event.currency)
            off = sum((discount.amount for discount in event.discounts), Decimal(0))
            discounted = f", {_money(off, event.currency)} of discount taken off" if off else ""
            return Words(
                f"Order placed: {number} line{'' if number == 1 else 's'} for {total}{discounted}",
                [
                    translate_plural_lazy(
                        "You ordered {number} line for {total}.",
                        "You ordered {number} lines for {total}.",
                        number=number,
                        total=total,
                    )
                ],
            )
        case e.OrderPaid():
            amount, method = _money(event.amount, event.currency), event.payment_method
            return Words(
                f"Paid {amount} by {method}",
                [translate_lazy("You paid {amount} by {method}.", amount=amount, method=method)],
            )
        case e.PaymentAuthorised():
            amount = _money(event.amount, event.currency)
            by = "from the customer's account" if event.account_id else f"by {event.method}"
            return Words(
                f"Payment {event.payment_id}: {amount} promised {by}",
                [translate_lazy("You promised to pay {amount} by {method}.", amount=amount, method=event.method)],
            )
        case e.PaymentCaptured():
            amount = _money(event.amount, event.currency)
            return Words(
                f"Payment {event.payment_id}: {amount} captured by {event.method}",
                [translate_lazy("We received {amount} by {method}.", amount=amount, method=event.method)],
            )
        case e.PaymentVoided():
            amount = _money(event.amount, event.currency)
            return Words(
                f"Payment {event.payment_id}: {amount} voided: {event.reason}",
                [translate_lazy("We released {amount} that you had promised to pay.", amount=amount)],
            )
        case e.PaymentFailed():
            amount = _money(event.amount, event.currency)
            return Words(
                f"Payment {event.payment_id} of {amount} failed: {event.reason}",
                [translate_lazy("A payment of {amount} failed.", amount=amount)],
            )
        case e.WrittenOff():
            return Words(f"Written off {_money(event.amount, event.currency)}: {event.reason}")
        case e.OrderShipped():
            return Words(
                f"Shipped{_carrier(event)}",
                [translate_lazy("We sent your order."), *_tell_carrier(event)],
            )
        case e.ParcelShipped():
            return Words(
                f"Parcel {event.shipment_id} shipped{_carrier(event)}: {_units(event.lines)}",
                [translate_lazy("We sent parcel {number}.", number=event.shipment_id), *_tell_carrier(event)],
            )
        case e.ParcelDelivered():
            return Words(
                f"Parcel {event.shipment_id} delivered",
                [translate_lazy("Parcel {number} was delivered.", number=event.shipment_id)],
            )
        case e.TrackingCorrected():
            was, now = (
                _tracking(event.old_carrier, event.old_tracking_code),
                _tracking(event.carrier, event.tracking_code),
            )
            return Words(
                f"Parcel {event.shipment_id} is tracked by {now}, not by {was}",
                [
                    translate_lazy("We corrected the tracking of parcel {number}.", number=event.shipment_id),
                    *_tell_carrier(event),
                ],
            )
        case e.OrderCancelled():
            return Words(
                f"Cancelled: {event.reason}{_due_back(event)}",
                [translate_lazy("The order was cancelled."), *_tell_due_back(event)],
            )
        case e.LinesCancelled():
            return Words(
                f"Cancelled {_units(event.lines)}: {event.reason}{_due_back(event)}",
                [translate_lazy("A part of the order was cancelled."), *_tell_due_back(event)],
            )
        case e.OrderRestored():
            return Words(
                f"Restored to version {event.version}, {event.status}: {event.reason}",
                [translate_lazy("We put the order back to what it was before."), *_tell_due(event)],
            )
        case e.RefundRequested():
            amount, to = _money(event.amount, event.currency), " to the customer's account" if event.account_id else ""
            return Words(
                f"Refund {event.refund_id} of {amount}{to} requested: {event.reason}",
                [translate_lazy("A refund of {amount} was requested.", amount=amount)],
            )
        case e.RefundApproved():
            amount = _money(event.amount, event.currency)
            return Words(
                f"Refund {event.refund_id} of {amount} approved",
                [translate_lazy("A refund of {amount} is on its way to you.", amount=amount)],
            )
        case e.RefundDeclined():
            amount = _money(event.amount, event.currency)
            return Words(
                f"Refund {event.refund_id} of {amount} declined: {event.reason}",
                [translate_lazy("A refund of {amount} was declined: {reason}", amount=amount, reason=event.reason)],
            )
        case e.RefundSettled():
            amount = _money(event.amount, event.currency)
            return Words(
                f"Refund {event.refund_id}: {amount} paid out",
                [translate_lazy("We gave back {amount}.", amount=amount)],
            )
        case e.RefundFailed():
            amount = _money(event.amount, event.currency)
            return Words(
                f"Refund {event.refund_id} of {amount} failed: {event.reason}",
                [translate_lazy("A refund of {amount} did not reach you; we will try again.", amount=amount)],
            )
        case e.RefundRetried():
            return Words(f"Refund {event.refund_id} of {_money(event.amount, event.currency)} tried again")
        case e.ReturnRequested():
            comment = f", “{event.comment}”" if event.comment else ""
            reason = event.reason.replace("_", " ")
            return Words(
                f"Return {event.return_id} requested: {_units(event.lines)}, {reason}{comment}",
                [translate_lazy("You asked to send goods back.")],
            )
        case e.ReturnApproved():
            return Words(
                f"Return {event.return_id} approved",
                [translate_lazy("You may send the goods back.")],
            )
        case e.ReturnDeclined():
            return Words(
                f"Return {event.return_id} declined: {event.reason}",
                [translate_lazy("The return was declined: {reason}", reason=event.reason)],
            )
        case e.ReturnReceived():
            received = [f"{_units(event.restocked)} to sell again"] if event.restocked else []
            received += [f"{_units(event.damaged)} damaged"] if event.damaged else []
            return Words(
                f"Return {event.return_id} received: {', '.join(received)}{_due_back(event)}",
                [translate_lazy("We received what you sent back."), *_tell_due_back(event)],
            )
        case e.EditStaged():
            return Words(f"Change staged: {_difference(event)}")
        case e.EditDiscarded():
            return Words(f"Staged change discarded{f': {event.reason}' if event.reason else ''}")
        case e.EditCommitted():
            return Words(
                f"Changed: {_difference(event)}{_due_back(event)}",
                [translate_lazy("The order was changed."), *_tell_due(event), *_tell_due_back(event)],
            )
        case e.OrderHeld():
            return Words(f"On hold: {event.reason}")
        case e.OrderReleased():
            return Words(f"Released{f': {event.reason}' if event.reason else ''}")
        case e.NoteAdded():
            if event.visible:
                note = [translate_lazy("We noted: {text}", text=event.text)]
                return Words(f"Note for the customer: {event.text}", note)
            return Words(f"Note: {event.text}")
        case e.AddressChanged():
            return Words(
                f"Address changed to: {', '.join(event.shipping_address.splitlines())}",
                [translate_lazy("It will be sent to another address.")],
            )
        case _:
            assert_never(event)


def _money(amount: Decimal, currency: str) -> str:
    return f"{amount:,} {currency}"


def _units(lines: Sequence[LineQuantity | LineAmount]) -> str:
    return ", ".join(f"{line.quantity:,} of line {line.line_id}" for line in lines)


_Shipped = e.OrderShipped | e.ParcelShipped


def _carrier(event: _Shipped) -> str:
    by = f" with {event.carrier}" if event.carrier else ""
    return by + (f", tracking code {event.tracking_code}" if event.tracking_code else "")


def _tracking(carrier: str, code: str) -> str:
    return " ".join(filter(None, (carrier, code))) or "no code"


def _tell_carrier(event: _Shipped | e.TrackingCorrected) -> list[str]:
    by = [translate_lazy("It goes with {carrier}.", carrier=event.carrier)] if event.carrier else []
    code = event.tracking_code
    return by + ([translate_lazy("Its tracking code is {code}.", code=code)] if code else [])


_PayingBack = e.OrderCancelled | e.LinesCancelled | e.ReturnReceived | e.EditCommitted


def _due_back(event: _PayingBack) -> str:
    return f"; {_money(event.due_back, event.currency)} to be paid back" if event.due_back > 0 else ""


def _tell_due_back(event: _PayingBack) -> list[str]:
    amount = _money(event.due_back, event.currency)
    return [translate_lazy("You get {amount} back.", amount=amount)] if event.due_back > 0 else []


def _tell_due(event: e.OrderRestored | e.EditCommitted) -> list[str]:
    amount = _money(event.due, event.currency)
    return [translate_lazy("{amount} is to be paid.", amount=amount)] if event.due > 0 else []


def _difference(event: e.EditStaged | e.EditCommitted) -> str:
    amount = event.difference
    if not amount:
        return "it costs the same"
    return f"it costs {_money(abs(amount), event.currency)} {'more' if amount > 0 else 'less'}"
