"""Stories of orders that are paid, sent, changed and cancelled."""

from decimal import Decimal

from orders import commands as c
from orders.values import LineQuantity
from ordersite.demo.goods import CARRIERS, METHODS, NOTES, REASONS
from ordersite.demo.life import DAYS, HOURS, Life

# --- money comes -----------------------------------------------------------------------------------------------------


def _pay(life: Life) -> None:
    life.do(
        c.PayOrder,
        life.random.uniform(0.1, 0.9) * HOURS,
        life.customer,
        amount=life.order.due,
        payment_method=life.random.choice(METHODS),
        payment_reference=life.reference("pay"),
    )


def _promise(life: Life, amount: Decimal | None = None) -> int:
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
    """Nobody paid yet."""


def promised(life: Life) -> None:
    _promise(life)


def let_go(life: Life) -> None:
    life.do(c.VoidPayment, 20 * HOURS, payment_id=_promise(life), reason="The card is about to expire")


def failed(life: Life) -> None:
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
    failed(life)
    _pay(life)
    _ship(life)


def partly_paid(life: Life) -> None:
    part = life.share(life.order.due, per_cent=40)
    life.do(c.CapturePayment, HOURS, payment_id=_promise(life, part), reference=life.reference("cap"))


def overcharged(life: Life) -> None:
    more = life.order.due + life.share(life.order.due, per_cent=10)
    life.do(c.CapturePayment, HOURS, payment_id=_promise(life, more), reference=life.reference("cap"))


def written_off(life: Life) -> None:
    part = life.share(life.order.due, per_cent=90)
    life.do(c.CapturePayment, HOURS, payment_id=_promise(life, part))
    life.do(c.WriteOff, 60 * HOURS, reason="The bank kept a fee; not worth asking for")
    _ship(life)


def paid(life: Life) -> None:
    _pay(life)
    if life.random.random() < 0.3:
        _note(life)


# --- goods leave -----------------------------------------------------------------------------------------------------


def _parcel(life: Life) -> dict[str, str]:
    return {"carrier": life.random.choice(CARRIERS), "tracking_code": f"{life.random.randrange(10**12):012}"}


def _ship(life: Life) -> None:
    life.do(c.ShipOrder, life.random.uniform(5, 60) * HOURS, **_parcel(life))


def shipped(life: Life) -> None:
    _pay(life)
    _ship(life)


def captured_and_shipped(life: Life) -> None:
    payment = _promise(life)
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
    shipped(life)
    _arrive(life)
    if life.random.random() < 0.1:
        _note(life)


def in_parts(life: Life) -> None:
    _pay(life)
    life.do(c.ShipLines, 20 * HOURS, lines=life.some(lambda line: line.open), **_parcel(life))


def in_two_parcels(life: Life) -> None:
    in_parts(life)
    if any(line.open for line in life.order.goods):
        _ship(life)
    _arrive(life)


def held(life: Life) -> None:
    _pay(life)
    life.do(c.HoldOrder, 2 * HOURS, reason="The address looks wrong: asked the customer")


def sent_elsewhere(life: Life) -> None:
    held(life)
    life.do(
        c.ChangeAddress, 6 * HOURS, life.customer, shipping_address="c/o Hartmann\n14 Station Road\nBristol BS1 6QF"
    )
    life.do(c.ReleaseOrder, HOURS, reason="The customer sent the right one")
    _ship(life)


def _note(life: Life) -> None:
    text, visible = life.random.choice(NOTES)
    life.do(c.AddNote, 3 * HOURS, text=text, visible=visible)


# --- less or more is sold --------------------------------------------------------------------------------------------


def cancelled(life: Life) -> None:
    life.do(c.CancelOrder, life.random.uniform(1, 20) * HOURS, life.customer, reason=life.random.choice(REASONS))


def expired(life: Life) -> None:
    life.do(c.ExpireOrder, 14 * DAYS, "service:unpaid-orders", days=14)


def cancelled_after_payment(life: Life) -> None:
    _pay(life)
    cancelled(life)


def cancelled_in_part(life: Life) -> None:
    _pay(life)
    life.do(c.CancelLines, 5 * HOURS, lines=life.some(lambda line: line.open), reason="Out of stock")
    if any(line.open for line in life.order.goods):
        _ship(life)


def to_be_changed(life: Life) -> None:
    _pay(life)
    life.do(c.StageEdit, 4 * HOURS, quantities=_one_more(life))


def changed(life: Life) -> None:
    to_be_changed(life)
    life.do(c.CommitEdit, HOURS)
    _pay(life)
    _ship(life)


def _one_more(life: Life) -> tuple[LineQuantity, ...]:
    line = next(iter(life.order.goods))
    return (LineQuantity(line_id=line.line_id, quantity=line.quantity + 1),)
