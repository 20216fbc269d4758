"""The terms of a discount stand in the order, and every edit applies them again."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from orders.commands import CreateOrder, EditOrder, NewDiscount, NewLine, NewShipping, RefundWish
from orders.state import Order
from orders.values import DiscountKind, LineKind, OrderDiscountKind
from tests.support.decider_spec import given
from tests.support.order_examples import CREATE, MUGS, ORDER, PAY, THROW
from tests.support.order_stories import after, ask_refund, decline, done, line_of, ship, some

TEN = NewLine(sku="TEN", name="Ten", quantity=1, unit_price=Decimal("10.00"))
FIVE_OFF = (NewDiscount(name="FIVE", amount=Decimal("5.00")),)
TENTH_OFF = (NewDiscount(name="TENTH", amount=Decimal(10), kind=OrderDiscountKind.PERCENT),)
AT_MOST_TWO = (replace(TENTH_OFF[0], most=Decimal("2.00")),)


def with_discount(amount: str, kind: str = "fixed", most: str | None = None, quantity: int = 1) -> CreateOrder:
    line = replace(
        TEN,
        quantity=quantity,
        discount=Decimal(amount),
        discount_kind=DiscountKind(kind),
        discount_most=None if most is None else Decimal(most),
    )
    return replace(CREATE, lines=(line,))


def edit(**quantities: int) -> EditOrder:
    return EditOrder(order_id=ORDER, quantities=some(**quantities))


def off(order: Order) -> Decimal:
    return sum((line.discount + line.discount_share for line in order.lines), Decimal(0))


def sold(order: Order) -> list[Any]:
    lines = [(each.quantity, each.discount, each.discount_share, each.tax, each.total) for each in order.lines]
    return [lines, order.discounts, order.charged, order.tax]


@pytest.mark.parametrize(
    ("create", "before", "after_edit"),
    [
        (with_discount("5.00"), "5.00", "5.00"),
        (replace(CREATE, lines=(TEN,), discounts=FIVE_OFF), "5.00", "5.00"),
        (with_discount("1.50", "per_unit"), "1.50", "150.00"),
        (with_discount("10", "percent"), "1.00", "100.00"),
        (with_discount("10", "percent", most="2.00"), "1.00", "2.00"),
        (with_discount("1.50", "per_unit", most="40.00"), "1.50", "40.00"),
        (replace(CREATE, lines=(TEN,), discounts=TENTH_OFF), "1.00", "100.00"),
        (replace(CREATE, lines=(TEN,), discounts=AT_MOST_TWO), "1.00", "2.00"),
        (replace(CREATE, lines=(TEN,), discounts=(*FIVE_OFF, *TENTH_OFF)), "6.00", "105.00"),
    ],
    ids=["fixed", "voucher", "per unit", "percent", "capped", "capped units", "voucher %", "capped voucher", "both"],
)
def test_an_edit_from_1_to_100_applies_the_discount_again(create: CreateOrder, before: str, after_edit: str) -> None:
    assert off(after(create)) == Decimal(before)
    assert off(after(create, edit(_1=100))) == Decimal(after_edit)
    assert sold(after(create, edit(_1=100), edit(_1=1))) == sold(after(create))


def test_an_edit_there_and_back_is_exact_to_the_penny() -> None:
    lines = (
        replace(MUGS, quantity=3, unit_price=Decimal("9.95"), tax_rate=Decimal(20)),
        replace(THROW, unit_price=Decimal("24.50"), tax_rate=Decimal("7.7")),
    )
    create = replace(CREATE, lines=lines, discounts=FIVE_OFF)
    assert [line.amount for line in after(create).lines] == [Decimal("29.85"), Decimal("24.50")]
    assert sold(after(create, edit(_1=1), edit(_1=3))) == sold(after(create))
    assert off(after(create, edit(_1=1))) == 5


def test_a_discount_is_capped_by_the_price_and_comes_back_when_the_line_grows() -> None:
    create = with_discount("15.00", quantity=2)
    small = after(create, edit(_1=1))
    assert (line_of(small, 1).discount, small.charged) == (Decimal("10.00"), 0)
    assert line_of(after(create, edit(_1=1), edit(_1=2)), 1).discount == Decimal("15.00")


def test_a_removed_line_leaves_the_whole_discount_to_the_others_until_it_is_put_back() -> None:
    create = replace(CREATE, discounts=FIVE_OFF)
    removed = after(create, edit(_2=0))
    assert [line.discount_share for line in removed.lines] == [Decimal("5.00"), 0]
    assert sold(after(create, edit(_2=0), edit(_2=1))) == sold(after(create))


def test_an_added_line_bears_its_share() -> None:
    create = replace(CREATE, lines=(TEN,), discounts=FIVE_OFF)
    order = after(create, EditOrder(order_id=ORDER, added=(TEN,)))
    assert [line.discount_share for line in order.lines] == [Decimal("2.50"), Decimal("2.50")]
    assert off(after(replace(create, discounts=TENTH_OFF), EditOrder(order_id=ORDER, added=(TEN,)))) == 2


def test_shipping_bears_no_share_of_a_discount_in_per_cent() -> None:
    way = NewShipping(name="Standard delivery", price=Decimal("3.95"))
    assert off(after(replace(CREATE, lines=(TEN,), shipping=(way,), discounts=TENTH_OFF))) == 1
    added = EditOrder(order_id=ORDER, added=(replace(TEN, kind=LineKind.SHIPPING),))
    assert off(after(replace(CREATE, lines=(TEN,), discounts=TENTH_OFF), added)) == 1


def test_a_shipped_line_keeps_its_share_and_the_others_divide_the_rest() -> None:
    create = replace(CREATE, lines=(TEN, TEN, TEN), discounts=FIVE_OFF)
    pay = replace(PAY, amount=Decimal("25.00"))
    order = after(create, pay, ship(_1=1), edit(_2=3))
    assert [line.discount_share for line in order.lines] == [Decimal("1.67"), Decimal("2.50"), Decimal("0.83")]
    assert off(after(create, pay, ship(_1=1), edit(_2=0, _3=0))) == Decimal("1.67")


def test_an_edit_around_a_shipped_line_is_reversed_to_the_smallest_unit() -> None:
    """Shares by largest remainder would move a penny between the first and the third line."""
    lines = tuple(replace(TEN, unit_price=Decimal(price)) for price in ("0.01", "0.01", "0.04"))
    create = replace(CREATE, lines=lines, discounts=(NewDiscount(name="TWO", amount=Decimal("0.02")),))
    past = (create, replace(PAY, amount=Decimal("0.04")), ship(_2=1))
    assert sold(after(*past, edit(_3=7), edit(_3=1))) == sold(after(*past))


def test_a_line_that_was_edited_around_keeps_its_share_after_its_refund_is_declined() -> None:
    create = replace(CREATE, lines=(TEN, TEN), discounts=FIVE_OFF)
    pay = replace(PAY, amount=Decimal("15.00"))
    past = (create, pay, ask_refund(lines=(RefundWish(line_id=1, amount=Decimal("1.00")),)), edit(_2=9), decline())
    order = after(*past)
    assert [line.discount_share for line in order.lines] == [Decimal("2.50"), Decimal("2.50")]
    assert sold(after(*past, edit(_2=5), edit(_2=9))) == sold(order)
    assert sold(after(*past, edit(_1=0), edit(_1=1))) == sold(order)


@pytest.mark.parametrize(
    ("create", "code"),
    [
        (with_discount("10.01"), "discount_too_large"),
        (with_discount("10.01", "per_unit", quantity=3), "discount_too_large"),
        (with_discount("100.01", "percent"), "discount_wrong"),
        (with_discount("1.00", most="-1"), "discount_wrong"),
        (with_discount("1.00", most="0.001"), "amount_not_exact"),
        (with_discount("0.001", "per_unit"), "amount_not_exact"),
        (replace(CREATE, discounts=(replace(TENTH_OFF[0], amount=Decimal(101)),)), "discount_wrong"),
        (replace(CREATE, discounts=(*TENTH_OFF, replace(TENTH_OFF[0], amount=Decimal(91)))), "discount_too_large"),
    ],
)
def test_a_new_discount_is_valid_and_at_most_the_price(create: CreateOrder, code: str) -> None:
    given().when(create).refused(code)


def test_a_limit_of_the_discount_counts_before_the_price() -> None:
    assert off(after(with_discount("100", "percent", most="4.00"))) == 4
    assert off(after(with_discount("15.00", most="4.00"))) == 4
    assert done(with_discount("33.3333", "percent"))[0].lines[0].discount == Decimal("3.33")
