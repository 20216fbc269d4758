"""The rule of the shipping address."""

from dataclasses import replace

from orders.commands import ChangeAddress
from orders.events import AddressChanged
from tests.support.decider_spec import given
from tests.support.order_examples import BUYER, CANCEL, CREATE, CREATED, ORDER, PAID, PAY, SHIPPED
from tests.support.order_stories import done, ship

MOVE = ChangeAddress(order_id=ORDER, shipping_address="1 High Street\nYork ", country="United Kingdom")


def test_the_address_changes_while_goods_are_left_to_ship() -> None:
    moved = AddressChanged(
        order_id=ORDER, customer_id=BUYER, shipping_address="1 High Street\nYork", country="United Kingdom"
    )
    given(CREATED).when(MOVE).then(moved)
    given(*done(CREATE, PAY, ship(_1=1))).when(MOVE).then(moved)
    given(CREATED, PAID, SHIPPED).when(MOVE).refused("nothing_to_ship")
    given(*done(CREATE, CANCEL)).when(MOVE).refused("nothing_to_ship")


def test_an_empty_address_is_refused() -> None:
    given(CREATED).when(replace(MOVE, shipping_address=" \n")).refused("no_address")


def test_an_order_that_was_never_created_is_not_found() -> None:
    given().when(MOVE).refused("order_not_found")
