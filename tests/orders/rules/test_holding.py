"""The rules of holding and releasing an order."""

from dataclasses import replace

import pytest

from orders.commands import HoldOrder, ReleaseOrder
from orders.events import OrderHeld, OrderReleased
from orders.statuses import OrderStatus, order_status
from tests.support.decider_spec import given
from tests.support.order_examples import CANCEL, CREATE, CREATED, ORDER, PAID, PAY
from tests.support.order_stories import after

HOLD = HoldOrder(order_id=ORDER, reason="Looks like fraud")
RELEASE = ReleaseOrder(order_id=ORDER, reason="It was not")
HELD = OrderHeld(order_id=ORDER, reason="Looks like fraud")


def test_an_order_is_held_and_released() -> None:
    given(CREATED).when(HOLD).then(HELD)
    given(CREATED, HELD).when(RELEASE).then(OrderReleased(order_id=ORDER, reason="It was not"))
    assert order_status(after(CREATE, HOLD)) is OrderStatus.ON_HOLD
    assert after(CREATE, HOLD, RELEASE) == after(CREATE)


def test_an_order_is_held_once_and_released_once() -> None:
    given(CREATED, HELD).when(HOLD).refused("on_hold")
    given(CREATED).when(RELEASE).refused("not_on_hold")
    given(CREATED).when(replace(HOLD, reason=" ")).refused("no_reason")


def test_a_held_order_may_be_paid_and_cancelled() -> None:
    given(CREATED, HELD).when(PAY).then(PAID)
    assert order_status(after(CREATE, HOLD, CANCEL)) is OrderStatus.CANCELLED


@pytest.mark.parametrize("command", [HOLD, RELEASE], ids=lambda each: type(each).__name__)
def test_an_order_that_was_never_created_is_not_found(command: object) -> None:
    given().when(command).refused("order_not_found")
