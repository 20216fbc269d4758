"""What stands in the way of undoing a cancellation: money and goods that moved, and anything else that happened."""

from collections.abc import Iterable, Sequence

from eventstore.errors import CommandRefused, Phrase
from eventstore.messages import EVENT_TYPES
from orders import events as e
from orders.commands.cancelling import RestoreOrder


def require_only_cancellations(command: RestoreOrder, undone: Sequence[e.OrderEvent]) -> None:
    """Raise CommandRefused with everything else that happened, each kind named once."""
    obstacles = [obstacle for obstacle in map(_obstacle, undone) if obstacle]
    if not obstacles:
        return
    facts = [fact for code, fact in obstacles if code != _MORE]
    more = [fact for code, fact in obstacles if code == _MORE]
    if more:
        facts.append(Phrase("more happened to it ({events})", events=_joined(more)))
    raise CommandRefused(
        obstacles[0][0],
        "since version {version} {facts}: this cannot be undone; cancel, refund or edit the order instead",
        version=command.version,
        facts=_joined(facts),
    )


def _joined(facts: Iterable[Phrase]) -> Phrase:
    """Return the facts as one phrase, each different one once: "a and b". There must be at least one."""
    joined, *more = dict.fromkeys(facts)
    for fact in more:
        joined = Phrase("{facts} and {fact}", facts=joined, fact=fact)
    return joined


_MORE = "more_happened"


def _obstacle(event: e.OrderEvent) -> tuple[str, Phrase] | None:
    """Return an error code and a phrase if the event cannot be undone."""
    match event:
        case (
            e.OrderCancelled()
            | e.LinesCancelled()
            | e.OrderRestored()
            | e.NoteAdded()
            | e.EditStaged()
            | e.EditDiscarded()
        ):
            return None
        case e.OrderPaid() | e.PaymentCaptured() | e.RefundSettled():
            return "money_moved", _movement(event)
        case e.OrderShipped(carrier=carrier) | e.ParcelShipped(carrier=carrier) if carrier:
            return "goods_shipped", Phrase("goods were shipped with {carrier}", carrier=carrier)
        case e.OrderShipped() | e.ParcelShipped():
            return "goods_shipped", Phrase("goods were shipped")
        case _:
            return _MORE, _named(EVENT_TYPES[type(event)].name)


def _movement(event: e.OrderPaid | e.PaymentCaptured | e.RefundSettled) -> Phrase:
    """Return a movement of money in words."""
    money = f"{event.amount} {event.currency}"
    match event:
        case e.OrderPaid():
            return Phrase("{money} was paid by {method}", money=money, method=event.payment_method)
        case e.PaymentCaptured():
            return Phrase("{money} was captured by {method}", money=money, method=event.method)
        case e.RefundSettled():
            return Phrase("{money} was refunded", money=money)


def _named(event_type: str) -> Phrase:
    """Return an event in words, or its type if it has none here: types are the same in every language."""
    return Phrase(WORDS[event_type]) if event_type in WORDS else Phrase("{event_type}", event_type=event_type)


WORDS = {
    "order.address_changed": "address changed",
    "order.edit_committed": "edited",
    "order.held": "held",
    "order.parcel_delivered": "parcel delivered",
    "order.payment_authorised": "payment authorised",
    "order.payment_failed": "payment failed",
    "order.payment_voided": "payment voided",
    "order.refund_approved": "refund approved",
    "order.refund_declined": "refund declined",
    "order.refund_failed": "refund failed",
    "order.refund_requested": "refund requested",
    "order.refund_retried": "refund retried",
    "order.released": "released",
    "order.return_approved": "return approved",
    "order.return_declined": "return declined",
    "order.return_received": "return received",
    "order.return_requested": "return requested",
    "order.tracking_corrected": "tracking corrected",
    "order.written_off": "written off",
}
