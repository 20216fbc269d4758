"""Parts of an order are immutable; changed copies compute their sums again."""

from dataclasses import FrozenInstanceError
from decimal import Decimal

import pytest

from orders.immutable import changed
from orders.lines import new_line
from orders.state import Order
from tests.support.order_examples import CREATE, CREATED, PAY
from tests.support.order_stories import after

LINE = new_line(CREATED.lines[0])


def test_a_changed_copy_leaves_the_original_unchanged() -> None:
    sent = changed(LINE, shipped=2)
    assert (sent.shipped, LINE.shipped) == (2, 0)
    assert changed(sent, shipped=0) == LINE
    with pytest.raises(FrozenInstanceError):
        sent.shipped = 3  # type: ignore[misc]  # assigning is the point of this test


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(TypeError, match="Line has no field shiped"):
        changed(LINE, shiped=1)  # type: ignore[call-arg]  # the type checker refuses it too
    with pytest.raises(TypeError, match="an order has no field line"):
        Order().with_changes(line=())


def test_a_changed_copy_computes_its_sums_again() -> None:
    order: Order = after(CREATE)
    assert order.due == order.charged == order.sold
    paid: Order = after(CREATE, PAY)
    assert paid.captured == PAY.amount
    assert order.with_changes(payments=paid.payments).captured == PAY.amount
    assert order.with_changes(lines=()).sold == Decimal(0)
    assert order.captured == 0, "the order itself did not change"


def test_stored_sums_do_not_affect_equality() -> None:
    one, other = after(CREATE), after(CREATE)
    assert one.due
    assert one == other
