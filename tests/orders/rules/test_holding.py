"""Holding, noting, and sending elsewhere."""

from dataclasses import replace

import pytest

from orders.commands import AddNote, ChangeAddress, HoldOrder, ReleaseOrder
from orders.events import AddressChanged, NoteAdded, OrderHeld, OrderReleased
from orders.statuses import OrderStatus, order_status
from tests.support.decider_spec import given
from tests.support.order_examples import BUYER, CANCEL, CREATE, CREATED, ORDER, PAID, PAY, SHIP, SHIPPED
from tests.support.order_stories import after, done, ship

HOLD = HoldOrder(order_id=ORDER, reason="Looks like fraud")
RELEASE = ReleaseOrder(order_id=ORDER, reason="It was not")
HELD = OrderHeld(order_id=ORDER, reason="Looks like fraud")
NOTE = AddNote(order_id=ORDER, text=" Rang twice ")
MOVE = ChangeAddress(order_id=ORDER, shipping_address="1 High Street\nYork ", country="United Kingdom")


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


def test_a_note_is_the_shops_own_unless_it_is_visible() -> None:
    noted = NoteAdded(order_id=ORDER, customer_id=BUYER, text="Rang twice", visible=False)
    given(CREATED).when(NOTE).then(noted)
    given(CREATED, PAID, SHIPPED).when(replace(NOTE, visible=True)).then(replace(noted, visible=True))
    given(CREATED).when(replace(NOTE, text=" ")).refused("no_text")


def test_an_order_is_sent_elsewhere_as_long_as_something_is_to_be_sent() -> None:
    moved = AddressChanged(
        order_id=ORDER, customer_id=BUYER, shipping_address="1 High Street\nYork", country="United Kingdom"
    )
    given(CREATED).when(MOVE).then(moved)
    given(*done(CREATE, PAY, ship(_1=1))).when(MOVE).then(moved)
    given(CREATED, PAID, SHIPPED).when(MOVE).refused("nothing_to_ship")
    given(*done(CREATE, CANCEL)).when(MOVE).refused("nothing_to_ship")


def test_an_address_has_a_line_at_least() -> None:
    given(CREATED).when(replace(MOVE, shipping_address=" \n")).refused("no_address")


@pytest.mark.parametrize("command", [HOLD, RELEASE, NOTE, MOVE, SHIP], ids=lambda each: type(each).__name__)
def test_an_order_that_was_never_created_is_not_found(command: object) -> None:
    given().when(command).refused("order_not_found")
