"""The rules of cancelling, and of undoing a cancellation."""

from dataclasses import replace
from decimal import Decimal
from functools import reduce

import pytest

from eventstore.decider import decider_of
from orders.commands import (
    AddNote,
    CancelLines,
    EditOrder,
    ExpireOrder,
    HoldOrder,
    NewShipping,
    RefundWish,
    ReleaseOrder,
    RestoreOrder,
    StageEdit,
    WriteOff,
)
from orders.events import LinesCancelled, OrderCancelled, OrderEvent, evolve
from orders.order import decide
from orders.policy import Policy
from orders.state import Order
from orders.statuses import FulfilmentStatus, OrderStatus, fulfilment_status, order_status
from orders.values import LineAmount, LineKind, LineQuantity
from tests.support.decider_spec import given
from tests.support.order_examples import (
    ALL_UNITS,
    CANCEL,
    CANCELLED,
    CANCELLED_AFTER_PAYMENT,
    CREATE,
    CREATED,
    MUGS,
    ORDER,
    PAID,
    PAY,
    RESTORED,
    RESTORED_AFTER_PAYMENT,
    SHIP,
    SHIPPED,
    THROW,
)
from tests.support.order_stories import (
    after,
    approve,
    ask_refund,
    authorise,
    cancel,
    capture,
    done,
    last,
    line_of,
    pay,
    settle,
    ship,
    some,
)

EXPIRE = ExpireOrder(order_id=ORDER, days=14)
RESTORE = RestoreOrder(order_id=ORDER, version=1, reason="Cancelled by mistake")
DELIVERY = NewShipping(name="Standard delivery", price=Decimal("3.95"), tax_rate=Decimal(20))
ONE_MUG = LineAmount(line_id=1, quantity=1, amount=Decimal("7.50"), tax=Decimal(0))


def test_an_unpaid_order_is_cancelled_and_nothing_is_due_back() -> None:
    given(CREATED).when(CANCEL).then(CANCELLED)
    order = after(CREATE, CANCEL)
    assert (order.due, order_status(order), fulfilment_status(order)) == (
        0,
        OrderStatus.CANCELLED,
        FulfilmentStatus.NONE,
    )


def test_a_cancelled_paid_order_leaves_its_money_due_back() -> None:
    given(CREATED, PAID).when(CANCEL).then(CANCELLED_AFTER_PAYMENT)
    assert after(CREATE, PAY, CANCEL).due_back == 25


def test_the_paid_part_of_a_cancelled_order_is_due_back() -> None:
    past = done(CREATE, authorise("25.00"), capture("10.00"))
    mugs, throw = ALL_UNITS
    lines = (replace(mugs, due_back=Decimal("6.00")), replace(throw, due_back=Decimal("4.00")))
    given(*past).when(CANCEL).then(replace(CANCELLED, lines=lines, due_back=Decimal("10.00")))


def test_the_division_of_what_is_due_back_stands_in_the_event() -> None:
    mugs, throw = ALL_UNITS
    lines = (replace(mugs, due_back=Decimal("1.00")), replace(throw, due_back=Decimal("9.00")))
    past: tuple[OrderEvent, ...] = (CREATED, PAID, replace(CANCELLED, lines=lines, due_back=Decimal("10.00")))
    order = reduce(evolve, past, Order())
    assert [line.owed_back for line in order.lines] == [Decimal("1.00"), Decimal("9.00")]


def test_some_units_are_cancelled() -> None:
    part = LinesCancelled(
        order_id=ORDER,
        lines=(ONE_MUG,),
        reason="Ordered twice",
        amount=Decimal("7.50"),
        due_back=Decimal(0),
        currency="GBP",
    )
    given(CREATED).when(cancel(_1=1)).then(part)
    paid = replace(part, lines=(replace(ONE_MUG, due_back=Decimal("7.50")),), due_back=Decimal("7.50"))
    given(CREATED, PAID).when(cancel(_1=1)).then(paid)
    assert after(CREATE, cancel(_1=1)).due == Decimal("17.50")


def test_only_open_units_are_cancelled() -> None:
    given(CREATED).when(cancel(_1=3)).refused("more_than_open", r"line 1 \(MUG\): only 2 can be cancelled, not 3")
    given(*done(CREATE, cancel(_1=1))).when(cancel(_1=2)).refused("more_than_open")
    given(*done(CREATE, PAY, ship(_1=1))).when(cancel(_1=2)).refused("more_than_open")
    given(CREATED).when(cancel()).refused("no_lines")


def test_after_a_parcel_only_unshipped_goods_are_cancelled() -> None:
    lines = (replace(ONE_MUG, due_back=ONE_MUG.amount), replace(ALL_UNITS[1], due_back=ALL_UNITS[1].amount))
    rest = replace(CANCELLED, lines=lines, amount=Decimal("17.50"), due_back=Decimal("17.50"))
    given(*done(CREATE, PAY, ship(_1=1))).when(CANCEL).then(rest)
    order = after(CREATE, PAY, ship(_1=1), CANCEL)
    assert (order.charged, order.due_back) == (Decimal("7.50"), Decimal("17.50"))
    assert (order_status(order), fulfilment_status(order)) == (OrderStatus.OPEN, FulfilmentStatus.FULFILLED)
    settled = after(CREATE, PAY, ship(_1=1), CANCEL, ask_refund(), approve(), settle())
    assert order_status(settled) is OrderStatus.COMPLETED


def test_shipping_costs_are_cancelled_only_before_the_first_parcel() -> None:
    order = replace(CREATE, shipping=(DELIVERY,))
    pay = replace(PAY, amount=Decimal("28.95"))
    assert after(order, pay, CANCEL).charged == 0
    assert after(order, pay, ship(_1=1), CANCEL).charged == Decimal("11.45")
    given(*done(order, pay, ship(_1=1))).when(cancel(_3=1)).refused("not_cancellable", "refund it instead")


@pytest.mark.parametrize("last", [(PAID, SHIPPED), (CANCELLED,)], ids=["shipped", "cancelled"])
def test_a_shipped_or_cancelled_order_is_not_cancelled(last: tuple[object, ...]) -> None:
    given(CREATED, *last).when(CANCEL).refused("not_cancellable")


def test_units_cancelled_one_by_one_add_up_to_the_line_and_its_tax() -> None:
    pins = replace(MUGS, quantity=3, unit_price=Decimal("3.335"), tax_rate=Decimal(20))
    events = done(replace(CREATE, lines=(pins, THROW)), *[cancel(_1=1)] * 3)[1:]
    assert [str(event.lines[0].amount) for event in events] == ["3.34", "3.33", "3.34"]
    assert sum(event.lines[0].tax for event in events) == Decimal("1.67")


def test_cancelled_units_count_at_their_discounted_price() -> None:
    cheap = replace(MUGS, discount=Decimal("1.01"))
    event = last(replace(CREATE, lines=(cheap,)), cancel(_1=1))
    assert event.amount == Decimal("7.00")


def test_a_cancellation_says_why() -> None:
    given(CREATED).when(replace(CANCEL, reason=" ")).refused("no_reason")
    given(CREATED).when(replace(cancel(_1=1), reason="")).refused("no_reason")


@pytest.mark.parametrize("command", [CANCEL, cancel(_1=1), EXPIRE, RESTORE], ids=lambda each: type(each).__name__)
def test_an_order_that_was_never_created_is_not_found(command: object) -> None:
    given().when(command).refused("order_not_found")


def test_an_unpaid_order_expires_and_says_after_how_long() -> None:
    given(CREATED).when(EXPIRE).then(replace(CANCELLED, reason="Not paid within 14 days"))
    given(CREATED).when(replace(EXPIRE, days=1)).then(replace(CANCELLED, reason="Not paid within 1 day"))


@pytest.mark.parametrize(
    "past",
    [
        (PAY,),
        (PAY, SHIP),
        (CANCEL,),
        (authorise("25.00"),),
        (authorise("1.00"), capture()),
        (WriteOff(order_id=ORDER, reason="Bankrupt"),),
    ],
    ids=["paid", "shipped", "cancelled", "authorised", "paid in part", "written off"],
)
def test_only_an_order_without_any_payment_expires(past: tuple[object, ...]) -> None:
    given(*done(CREATE, *past)).when(EXPIRE).refused("not_unpaid")


def test_a_free_order_does_not_expire() -> None:
    free = replace(CREATE, lines=(replace(MUGS, unit_price=Decimal(0)),))
    given(*done(free)).when(EXPIRE).refused("not_unpaid")


def test_a_cancelled_order_is_restored_to_what_it_was() -> None:
    given(CREATED, CANCELLED).when(RESTORE).then(RESTORED)
    assert after(CREATE, CANCEL, RESTORE) == after(CREATE)


def test_a_restored_paid_order_is_paid_and_nothing_is_due_back() -> None:
    given(CREATED, PAID, CANCELLED_AFTER_PAYMENT).when(replace(RESTORE, version=2)).then(RESTORED_AFTER_PAYMENT)
    assert after(CREATE, PAY, CANCEL, replace(RESTORE, version=2)) == after(CREATE, PAY)


def test_cancelled_units_are_restored_exactly() -> None:
    part = (CREATE, PAY, ship(_1=1), cancel(_1=1))
    assert after(*part, CANCEL, replace(RESTORE, version=4)) == after(*part)
    assert after(*part, CANCEL, replace(RESTORE, version=3)) == after(*part[:3])


def test_a_restored_order_goes_on_as_if_it_had_not_been_cancelled() -> None:
    given(CREATED, CANCELLED, RESTORED).when(PAY).then(PAID)
    given(CREATED, PAID, CANCELLED_AFTER_PAYMENT, RESTORED_AFTER_PAYMENT).when(SHIP).then(SHIPPED)


def test_a_restoration_can_itself_be_undone() -> None:
    back = replace(RESTORE, version=2)
    undone = last(CREATE, CANCEL, RESTORE, back)
    assert (undone.status, undone.sold_again, undone.due) == ("cancelled", Decimal("-25.00"), 0)
    assert after(CREATE, CANCEL, RESTORE, back) == after(CREATE, CANCEL)


def test_a_restoration_brings_back_bad_debt() -> None:
    owing = (CREATE, WriteOff(order_id=ORDER, reason="Bankrupt"))
    restored = after(*owing, CANCEL, replace(RESTORE, version=2))
    assert (restored, restored.bad_debt) == (after(*owing), 25)


def test_notes_stay_when_an_order_is_restored() -> None:
    noted = (CREATE, CANCEL, AddNote(order_id=ORDER, text="Rang twice"))
    given(*done(*noted)).when(RESTORE).then(RESTORED)


FREE = replace(CREATE, lines=(replace(MUGS, unit_price=Decimal(0)),))
HOLD = HoldOrder(order_id=ORDER, reason="Fraud")
STAGE = StageEdit(order_id=ORDER, quantities=some(_1=1))


def test_a_restoration_brings_back_the_prepared_edit_that_the_cancellation_withdrew() -> None:
    assert after(CREATE, STAGE, CANCEL, replace(RESTORE, version=2)) == after(CREATE, STAGE)
    assert after(CREATE, STAGE, CANCEL).staged is None
    cancelled_again = replace(RESTORE, version=4)
    assert after(CREATE, STAGE, CANCEL, replace(RESTORE, version=2), cancelled_again) == after(CREATE, STAGE, CANCEL)


@pytest.mark.parametrize(
    ("past", "code", "words"),
    [
        ((CREATE, PAY), "money_moved", "since version 1 25.00 GBP was paid by card: this cannot be undone"),
        ((CREATE, PAY, CANCEL), "money_moved", "25.00 GBP was paid by card"),
        ((CREATE, authorise("9.00"), capture()), "more_happened", "9.00 GBP was captured by card"),
        ((CREATE, PAY, SHIP), "money_moved", "25.00 GBP was paid by card and goods were shipped with DHL"),
        ((FREE, SHIP), "goods_shipped", "goods were shipped with DHL"),
        ((CREATE, HOLD), "more_happened", r"since version 1 more happened to it \(held\): this cannot be undone"),
        (
            (CREATE, HOLD, ReleaseOrder(order_id=ORDER), HOLD, PAY, CANCEL),
            "more_happened",
            r"25.00 GBP was paid by card and more happened to it \(held and released\): this",
        ),
        ((CREATE, STAGE), "more_happened", "since version 1 nothing was cancelled"),
        ((CREATE, CANCEL, RESTORE), "already_so", "already that of version 1"),
        ((CREATE,), "no_earlier_version", "1 is not an earlier version; the current version is 1"),
    ],
)
def test_moved_money_and_goods_cannot_be_undone(past: tuple[object, ...], code: str, words: str) -> None:
    given(*done(*past)).when(RESTORE).refused(code, words)


def test_a_settled_refund_cannot_be_undone() -> None:
    past = done(CREATE, PAY, CANCEL, ask_refund(), approve(), settle())
    given(*past).when(replace(RESTORE, version=5)).refused("money_moved", "25.00 GBP was refunded")


@pytest.mark.parametrize("version", [0, -1, 2, 99])
def test_only_an_earlier_version_is_restored(version: int) -> None:
    given(CREATED, CANCELLED).when(replace(RESTORE, version=version)).refused("no_earlier_version")


def test_a_restoration_says_why() -> None:
    given(CREATED, CANCELLED).when(replace(RESTORE, reason=" ")).refused("no_reason")


def test_charges_are_cancelled_before_the_first_parcel() -> None:
    wrapping = replace(THROW, sku="WRAP", kind=LineKind.CHARGE)
    event = last(replace(CREATE, lines=(MUGS, wrapping)), cancel(_2=1))
    assert event.amount == Decimal("10.00")
    order = after(replace(CREATE, lines=(MUGS, wrapping)), CANCEL)
    assert isinstance(last(replace(CREATE, lines=(MUGS, wrapping)), CANCEL), OrderCancelled)
    assert line_of(order, 2).cancelled == 1


def test_a_cancelled_unit_never_counts_more_than_its_line_still_costs() -> None:
    event = last(CREATE, PAY, ask_refund(lines=(RefundWish(line_id=1, amount=Decimal("10.00")),)), cancel(_1=1))
    assert event.lines == (replace(ONE_MUG, amount=Decimal("5.00"), due_back=Decimal("5.00")),)


def test_a_restoration_brings_back_the_amount_owed_for_each_line() -> None:
    """Cancel line by line, restore, and cancel the whole order: the same sum is owed, for other lines."""
    one = replace(MUGS, quantity=1, unit_price=Decimal("0.01"))
    by_line = (
        replace(CREATE, lines=(one,)),
        pay("0.01"),
        EditOrder(order_id=ORDER, added=(one,)),
        CancelLines(order_id=ORDER, lines=(LineQuantity(line_id=1, quantity=1),), reason="No more"),
        CANCEL,
    )
    history = done(*by_line)
    restore = decider_of(RESTORE)
    history += restore.decide(replace(RESTORE, version=3), tuple(history))  # version 3 has no cancellation
    history += decide(CANCEL, reduce(evolve, history, Order()), Policy())
    history += restore.decide(replace(RESTORE, version=5), tuple(history))
    assert [line.owed_back for line in after(*by_line).lines] == [0, Decimal("0.01")]
    assert reduce(evolve, history, Order()) == after(*by_line)
