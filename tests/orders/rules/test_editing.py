"""The rules of editing: prepared and committed, or at once; only untouched lines."""

from dataclasses import replace
from decimal import Decimal

import pytest

from orders.commands import CommitEdit, DiscardEdit, EditOrder, NewDiscount, NewShipping, StageEdit
from orders.events import EditCommitted, EditDiscarded, EditStaged
from orders.values import MOST_LINES
from tests.support.decider_spec import given
from tests.support.order_examples import CANCEL, CREATE, CREATED, MUGS, ORDER, PAID, PAY, SHIP, SHIPPED, THROW
from tests.support.order_stories import (
    after,
    approve,
    ask_refund,
    cancel,
    decline,
    done,
    last,
    line_of,
    settle,
    ship,
    some,
)

ONE_MUG = StageEdit(order_id=ORDER, quantities=some(_1=1))
ANOTHER_THROW = StageEdit(order_id=ORDER, added=(THROW,))
LESS = replace(CREATED.lines[0], quantity=1, amount=Decimal("7.50"), total=Decimal("7.50"))
MORE = replace(CREATED.lines[1], line_id=3)
COMMIT = CommitEdit(order_id=ORDER)
DISCARD = DiscardEdit(order_id=ORDER)
EDIT = EditOrder(order_id=ORDER, quantities=some(_1=1))
STAGED = EditStaged(order_id=ORDER, lines=(LESS,), discounts=(), difference=Decimal("-7.50"), currency="GBP")
COMMITTED = EditCommitted(
    order_id=ORDER,
    lines=(LESS,),
    discounts=(),
    difference=Decimal("-7.50"),
    due=Decimal("17.50"),
    due_back=Decimal(0),
    currency="GBP",
)


def test_a_prepared_edit_shows_the_difference_and_changes_nothing() -> None:
    given(CREATED).when(ONE_MUG).then(STAGED)
    order = after(CREATE, ONE_MUG)
    assert (order.lines, order.due) == (after(CREATE).lines, 25)


def test_a_prepared_edit_is_committed() -> None:
    given(CREATED, STAGED).when(COMMIT).then(COMMITTED)
    order = after(CREATE, ONE_MUG, COMMIT)
    assert (order.due, line_of(order, 1).quantity, order.staged) == (Decimal("17.50"), 1, None)


@pytest.mark.parametrize("command", [EditOrder, StageEdit])
def test_an_order_has_a_most_of_lines_with_those_removed(command: type) -> None:
    full = replace(CREATE, lines=(THROW,) * (MOST_LINES - 1))
    for given_events in (done(full), done(full, EditOrder(order_id=ORDER, quantities=some(_1=0, _2=0)))):
        given(*given_events).when(command(order_id=ORDER, added=(THROW, THROW))).refused("too_many_lines", "5,021")


def test_an_order_is_edited_at_once() -> None:
    given(CREATED).when(EDIT).then(COMMITTED)


def test_the_last_prepared_edit_counts() -> None:
    order = after(CREATE, ONE_MUG, ANOTHER_THROW, COMMIT)
    assert [(line.sku, line.quantity) for line in order.lines] == [("MUG", 2), ("THR", 1), ("THR", 1)]
    given(*done(CREATE, ANOTHER_THROW, EDIT)).when(COMMIT).refused("nothing_staged")


def test_a_prepared_edit_is_discarded() -> None:
    given(CREATED, STAGED).when(DISCARD).then(EditDiscarded(order_id=ORDER))
    given(*done(CREATE, ONE_MUG, DISCARD)).when(COMMIT).refused("nothing_staged")
    given(CREATED).when(DISCARD).refused("nothing_staged")


def test_the_price_of_added_lines_is_due() -> None:
    added = replace(COMMITTED, lines=(MORE,), difference=Decimal("10.00"), due=Decimal("10.00"))
    given(CREATED, PAID).when(EditOrder(order_id=ORDER, added=(THROW,))).then(added)


def test_an_edit_that_lowers_a_paid_order_makes_money_due_back() -> None:
    given(CREATED, PAID).when(EDIT).then(replace(COMMITTED, due=Decimal(0), due_back=Decimal("7.50")))
    order = after(CREATE, PAY, EDIT, ask_refund(), approve(), settle())
    assert (order.net_captured, order.due, order.due_back) == (Decimal("17.50"), 0, 0)


def test_a_line_is_removed_with_quantity_zero() -> None:
    order = after(CREATE, EditOrder(order_id=ORDER, quantities=some(_1=0)))
    assert (line_of(order, 1).total, order.due) == (0, 10)
    given(CREATED).when(EditOrder(order_id=ORDER, quantities=some(_1=0, _2=0))).refused("no_lines", "cancel it instead")


def test_tax_follows_the_price_after_the_discounts() -> None:
    line = replace(MUGS, quantity=2, discount=Decimal("1.50"), tax_rate=Decimal(20))
    off = NewDiscount(name="SPRING", amount=Decimal("1.00"))
    order = replace(CREATE, lines=(line,), discounts=(off,))
    (half,) = last(order, EDIT).lines
    assert (half.amount, half.discount, half.discount_share) == (Decimal("7.50"), Decimal("1.50"), Decimal("1.00"))
    assert (half.tax, half.total) == (Decimal("0.83"), Decimal("5.00"))
    (on_top,) = last(replace(order, prices_include_tax=False), EDIT).lines
    assert (on_top.tax, on_top.total) == (Decimal("1.00"), Decimal("6.00"))


def test_shipping_lines_can_be_edited() -> None:
    way = NewShipping(name="Standard delivery", price=Decimal("3.95"))
    order = after(replace(CREATE, shipping=(way,)), EditOrder(order_id=ORDER, quantities=some(_3=0)))
    assert order.due == 25


@pytest.mark.parametrize(
    "past",
    [
        (PAY, ship(_1=1)),
        (cancel(_1=1),),
        (PAY, ask_refund("5.00")),
        (PAY, ask_refund("5.00"), approve(), settle()),
    ],
    ids=["sent", "cancelled", "to be refunded", "refunded"],
)
def test_a_touched_line_can_no_longer_be_edited(past: tuple[object, ...]) -> None:
    given(*done(CREATE, *past)).when(EDIT).refused("line_not_editable", r"line 1 \(MUG\) can no longer be edited")


def test_a_line_with_a_declined_refund_can_be_edited() -> None:
    assert last(CREATE, PAY, ask_refund("5.00"), decline(), EDIT).lines == (LESS,)


def test_untouched_lines_of_a_partly_shipped_order_can_be_edited() -> None:
    two = EditOrder(order_id=ORDER, quantities=some(_2=2))
    assert after(CREATE, PAY, ship(_1=1), two).due == 10


@pytest.mark.parametrize("last", [(PAY, SHIP), (CANCEL,)], ids=["shipped", "cancelled"])
def test_an_order_with_nothing_left_to_ship_cannot_be_edited(last: tuple[object, ...]) -> None:
    given(*done(CREATE, *last)).when(EDIT).refused("not_editable")
    given(CREATED, STAGED, *done(CREATE, *last)[1:]).when(COMMIT).refused("not_editable")


def test_a_prepared_edit_of_an_old_order_is_refused_once_its_line_was_shipped() -> None:
    given(CREATED, STAGED, *done(CREATE, PAY, ship(_1=1))[1:]).when(COMMIT).refused("line_not_editable")


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (StageEdit(order_id=ORDER), "nothing_changes"),
        (StageEdit(order_id=ORDER, quantities=some(_1=2)), "nothing_changes"),
        (StageEdit(order_id=ORDER, quantities=some(_1=-1)), "quantity_negative"),
        (StageEdit(order_id=ORDER, quantities=some(_3=1)), "line_not_found"),
        (StageEdit(order_id=ORDER, quantities=(*some(_1=1), *some(_1=0))), "line_named_twice"),
        (StageEdit(order_id=ORDER, quantities=some(_1=10**9 + 1)), "quantity_too_large"),
        (StageEdit(order_id=ORDER, added=(replace(THROW, quantity=0),)), "quantity_not_positive"),
        (StageEdit(order_id=ORDER, added=(replace(THROW, sku=""),)), "no_sku"),
        (StageEdit(order_id=ORDER, added=(replace(THROW, unit_price=Decimal(10**12)),)), "amount_too_large"),
        (StageEdit(order_id=ORDER, added=(replace(THROW, unit_price=Decimal(10**12 - 1)),)), "amount_too_large"),
    ],
)
def test_invalid_edits_are_refused(edit: object, code: str) -> None:
    given(CREATED).when(edit).refused(code)


def test_an_edited_line_must_cost_less_than_the_limit() -> None:
    dear = replace(CREATE, lines=(replace(MUGS, quantity=1, unit_price=Decimal(10**9)),))
    given(*done(dear)).when(EditOrder(order_id=ORDER, quantities=some(_1=1000))).refused("amount_too_large", "line 1")


@pytest.mark.parametrize("command", [ONE_MUG, EDIT, COMMIT, DISCARD], ids=lambda each: type(each).__name__)
def test_an_order_that_was_never_created_is_not_found(command: object) -> None:
    given().when(command).refused("order_not_found")


def test_an_edited_order_ships_its_new_quantities() -> None:
    given(*done(CREATE, EDIT, replace(PAY, amount=Decimal("17.50")))).when(SHIP).then(SHIPPED)
    assert [line.shipped for line in after(CREATE, EDIT, replace(PAY, amount=Decimal("17.50")), SHIP).lines] == [1, 1]


@pytest.mark.parametrize("command", [CANCEL, cancel(_1=1), ask_refund("1.00")], ids=lambda each: type(each).__name__)
def test_a_prepared_edit_that_can_no_longer_be_made_is_withdrawn_with_the_reason(command: object) -> None:
    withdrawn, event = given(*done(CREATE, PAY, ONE_MUG)).when(command).events()
    assert isinstance(withdrawn, EditDiscarded)
    assert "can no longer be edited" in withdrawn.reason
    assert event == last(CREATE, PAY, command)


def test_a_prepared_edit_of_other_lines_stays() -> None:
    assert after(CREATE, ONE_MUG, cancel(_2=1)).staged
