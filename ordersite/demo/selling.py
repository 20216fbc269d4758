"""Stories of orders that are paid, shipped, changed and cancelled. Each story is a function that adds commands."""

from decimal import Decimal

from orders import commands as c
from orders.values import LineQuantity
from ordersite.demo.goods import CARRIERS, METHODS, NOTES, REASONS
from ordersite.demo.life import DAYS, HOURS, Life

# --- payments --------------------------------------------------------------------------------------------------------


def _pay(life: Life) -> None:
    life.do(
        c.PayOrder,
        life.random.uniform(0.1, 0.9) * HOURS,
        life.customer,
        amount=life.order.due,
        payment_method=life.random.choice(METHODS),
        payment_reference=life.reference("pay"),
    )


def _authorise(life: Life, amount: Decimal | None = None) -> int:
    life.do(
        c.AuthorisePayment,
        life.random.uniform(0.05, 0.3) * HOURS,
        life.customer,
        amount=amount or life.order.due,
        payment_method="card",
        payment_reference=life.reference("auth"),
    )
    return life.order.payments[-1].payment_id


def unpaid(life: Life) -> None:
    """The order is placed and not paid."""


def promised(life: Life) -> None:
    """The payment is authorised, not captured."""
    _authorise(life)


def let_go(life: Life) -> None:
    """The authorisation is voided."""
    life.do(c.VoidPayment, 20 * HOURS, payment_id=_authorise(life), reason="The card is about to expire")


def failed(life: Life) -> None:
    """The payment fails."""
    life.do(
        c.RecordPaymentFailure,
        life.random.uniform(0.1, 0.4) * HOURS,
        "service:payments",
        amount=life.order.due,
        payment_method="card",
        reason="The bank declined it",
        payment_reference=life.reference("pay"),
    )


def failed_then_paid(life: Life) -> None:
    """The payment fails, a second one succeeds, and the order is shipped."""
    failed(life)
    _pay(life)
    _ship(life)


def partly_paid(life: Life) -> None:
    """Less than the order costs is captured."""
    part = life.share(life.order.due, per_cent=40)
    life.do(c.CapturePayment, HOURS, payment_id=_authorise(life, part), reference=life.reference("cap"))


def overcharged(life: Life) -> None:
    """More than the order costs is captured."""
    more = life.order.due + life.share(life.order.due, per_cent=10)
    life.do(c.CapturePayment, HOURS, payment_id=_authorise(life, more), reference=life.reference("cap"))


def written_off(life: Life) -> None:
    """The last part of the price is written off, and the order is shipped."""
    part = life.share(life.order.due, per_cent=90)
    life.do(c.CapturePayment, HOURS, payment_id=_authorise(life, part))
    life.do(c.WriteOff, 60 * HOURS, reason="The bank kept a fee; not worth asking for")
    _ship(life)


def paid(life: Life) -> None:
    """The order is paid."""
    _pay(life)
    if life.random.random() < 0.3:
        _note(life)


# --- shipments -------------------------------------------------------------------------------------------------------


def _parcel(life: Life) -> dict[str, str]:
    return {"carrier": life.random.choice(CARRIERS), "tracking_code": f"{life.random.randrange(10**12):012}"}


def _ship(life: Life) -> None:
    life.do(c.ShipOrder, life.random.uniform(5, 60) * HOURS, **_parcel(life))


def shipped(life: Life) -> None:
    """The order is paid and shipped."""
    _pay(life)
    _ship(life)


def captured_and_shipped(life: Life) -> None:
    """The payment is authorised and captured; the order is shipped and delivered."""
    payment = _authorise(life)
    life.do(c.CapturePayment, 20 * HOURS, payment_id=payment, reference=life.reference("cap"))
    _ship(life)
    _arrive(life)


def _arrive(life: Life) -> None:
    for shipment in life.order.shipments:
        if not shipment.delivered:
            life.do(
                c.ConfirmDelivery,
                life.random.uniform(20, 70) * HOURS,
                "service:carriers",
                shipment_id=shipment.shipment_id,
            )


def delivered(life: Life) -> None:
    """The order is paid, shipped and delivered."""
    shipped(life)
    _arrive(life)
    if life.random.random() < 0.1:
        _note(life)


def in_parts(life: Life) -> None:
    """The order is paid, and the first line is shipped."""
    _pay(life)
    life.do(c.ShipLines, 20 * HOURS, lines=life.first_with(lambda line: line.open), **_parcel(life))


def in_two_parcels(life: Life) -> None:
    """The order is shipped in two parcels and delivered."""
    in_parts(life)
    if any(line.open for line in life.order.goods):
        _ship(life)
    _arrive(life)


def held(life: Life) -> None:
    """The paid order is put on hold."""
    _pay(life)
    life.do(c.HoldOrder, 2 * HOURS, reason="The address looks wrong: asked the customer")


def sent_elsewhere(life: Life) -> None:
    """The held order gets another address and is shipped."""
    held(life)
    life.do(
        c.ChangeAddress, 6 * HOURS, life.customer, shipping_address="c/o Hartmann\n14 Station Road\nBristol BS1 6QF"
    )
    life.do(c.ReleaseOrder, HOURS, reason="The customer sent the right one")
    _ship(life)


def _note(life: Life) -> None:
    text, visible = life.random.choice(NOTES)
    life.do(c.AddNote, 3 * HOURS, text=text, visible=visible)


# --- cancellations, edits --------------------------------------------------------------------------------------------


def cancelled(life: Life) -> None:
    """The customer cancels the order."""
    life.do(c.CancelOrder, life.random.uniform(1, 20) * HOURS, life.customer, reason=life.random.choice(REASONS))


def expired(life: Life) -> None:
    """The unpaid order is cancelled after 14 days."""
    life.do(c.ExpireOrder, 14 * DAYS, "service:unpaid-orders", days=14)


def cancelled_after_payment(life: Life) -> None:
    """The customer cancels the paid order."""
    _pay(life)
    cancelled(life)


def cancelled_in_part(life: Life) -> None:
    """One line of the paid order is cancelled; the rest is shipped."""
    _pay(life)
    life.do(c.CancelLines, 5 * HOURS, lines=life.first_with(lambda line: line.open), reason="Out of stock")
    if any(line.open for line in life.order.goods):
        _ship(life)


def to_be_changed(life: Life) -> None:
    """An edit of the paid order is staged."""
    _pay(life)
    life.do(c.StageEdit, 4 * HOURS, quantities=_one_more(life))


def changed(life: Life) -> None:
    """A staged edit is made; the rest is paid and the order is shipped."""
    to_be_changed(life)
    life.do(c.CommitEdit, HOURS)
    _pay(life)
    _ship(life)


def _one_more(life: Life) -> tuple[LineQuantity, ...]:
    line = next(iter(life.order.goods))
    return (LineQuantity(line_id=line.line_id, quantity=line.quantity + 1),)
