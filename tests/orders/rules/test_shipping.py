"""The rules of shipping: only open units, nothing on hold, and only paid orders if the policy says so."""

from dataclasses import replace
from decimal import Decimal

import pytest

from orders.commands import (
    ConfirmDelivery,
    CorrectTracking,
    EditOrder,
    HoldOrder,
    NewShipping,
    ReleaseOrder,
    StageEdit,
    WriteOff,
)
from orders.events import EditDiscarded, ParcelDelivered, ParcelShipped, TrackingCorrected
from orders.statuses import FulfilmentStatus, fulfilment_status
from tests.support.decider_spec import given
from tests.support.order_examples import CANCELLED, CREATE, CREATED, MUGS, ORDER, PAID, PAY, SHIP, SHIPPED
from tests.support.order_stories import after, ask_refund, authorise, cancel, capture, done, line_of, ship, shop, some

HOLD = HoldOrder(order_id=ORDER, reason="Looks like fraud")


def test_a_paid_order_ships() -> None:
    given(CREATED, PAID).when(SHIP).then(SHIPPED)
    order = after(CREATE, PAY, SHIP)
    assert [line.shipped for line in order.lines] == [2, 1]
    assert fulfilment_status(order) is FulfilmentStatus.FULFILLED


def test_an_unpaid_order_does_not_ship() -> None:
    given(CREATED).when(SHIP).refused("not_paid", r"25\.00 GBP must be paid")
    given(*done(CREATE, authorise("25.00"), capture("24.99"))).when(SHIP).refused("not_paid", r"0\.01 GBP")
    given(CREATED).when(ship(_1=1)).refused("not_paid")


def test_a_shop_may_ship_before_it_is_paid() -> None:
    with shop(paid_before_shipped=False):
        given(CREATED).when(SHIP).then(SHIPPED)
    given(CREATED).when(SHIP).refused("not_paid")


def test_money_of_a_pending_refund_does_not_pay_for_the_order() -> None:
    more = EditOrder(order_id=ORDER, added=(MUGS,))
    past = done(CREATE, PAY, cancel(_1=2), ask_refund(), more)
    given(*past).when(SHIP).refused("not_paid", r"15\.00 GBP")


def test_an_order_is_shipped_in_several_parcels() -> None:
    first = ParcelShipped(order_id=ORDER, shipment_id=1, lines=some(_1=1), carrier="", tracking_code="")
    second = replace(first, shipment_id=2, lines=some(_1=1, _2=1))
    given(CREATED, PAID).when(ship(_1=1)).then(first)
    given(CREATED, PAID, first).when(ship(_1=1, _2=1)).then(second)
    given(CREATED, PAID, first, second).when(SHIP).refused("nothing_to_ship")
    assert fulfilment_status(after(CREATE, PAY, ship(_1=1))) is FulfilmentStatus.PARTIAL
    assert fulfilment_status(after(CREATE, PAY, ship(_1=1), SHIP)) is FulfilmentStatus.FULFILLED


def test_the_last_parcel_contains_all_open_units() -> None:
    order = after(CREATE, PAY, ship(_1=1), SHIP)
    assert order.shipments[1].lines == some(_1=1, _2=1)


def test_only_open_units_are_shipped() -> None:
    given(CREATED, PAID).when(ship(_1=3)).refused("more_than_open", r"line 1 \(MUG\): only 2 can be shipped, not 3")
    given(*done(CREATE, PAY, ship(_1=1))).when(ship(_1=2)).refused("more_than_open")
    given(*done(CREATE, PAY, cancel(_1=1))).when(ship(_1=2)).refused("more_than_open")


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ((), "no_lines"),
        (some(_3=1), "line_not_found"),
        (some(_1=0), "quantity_not_positive"),
        (some(_1=-1), "quantity_not_positive"),
        ((*some(_1=1), *some(_1=1)), "line_named_twice"),
    ],
)
def test_a_parcel_has_some_units_of_some_lines(lines: tuple[object, ...], code: str) -> None:
    given(CREATED, PAID).when(replace(ship(), lines=lines)).refused(code)  # type: ignore[arg-type]  # of LineQuantity


def test_shipping_costs_are_not_shipped() -> None:
    way = NewShipping(name="Standard delivery", price=Decimal(0))
    order = replace(CREATE, shipping=(way,))
    given(*done(order, PAY)).when(ship(_3=1)).refused("not_goods")
    assert line_of(after(order, PAY, SHIP), 3).shipped == 0


def test_giant_quantities_are_shipped_to_the_last_unit() -> None:
    giant = replace(CREATE, lines=(replace(MUGS, quantity=10**9, unit_price=Decimal("0.000001")),))
    past = (giant, replace(PAY, amount=Decimal("1000.00")), ship(_1=999_999_999))
    assert line_of(after(*past), 1).open == 1
    given(*done(*past)).when(ship(_1=2)).refused("more_than_open")
    assert line_of(after(*past, SHIP), 1).shipped == 10**9


@pytest.mark.parametrize("last", [(PAID, SHIPPED), (CANCELLED,)], ids=["shipped", "cancelled"])
def test_a_shipped_or_cancelled_order_does_not_ship(last: tuple[object, ...]) -> None:
    given(CREATED, *last).when(SHIP).refused("nothing_to_ship")


def test_nothing_ships_on_hold() -> None:
    held = done(CREATE, PAY, HOLD)
    given(*held).when(SHIP).refused("on_hold", "release it")
    given(*held).when(ship(_1=1)).refused("on_hold")
    given(*done(CREATE, PAY, HOLD, ReleaseOrder(order_id=ORDER))).when(SHIP).then(SHIPPED)


def test_a_parcel_arrives_once() -> None:
    arrived = ConfirmDelivery(order_id=ORDER, shipment_id=1)
    given(CREATED, PAID, SHIPPED).when(arrived).then(ParcelDelivered(order_id=ORDER, shipment_id=1))
    given(*done(CREATE, PAY, SHIP, arrived)).when(arrived).refused("delivered_already")
    given(CREATED, PAID).when(arrived).refused("shipment_not_found", "no parcel 1")


def test_a_prepared_change_of_the_goods_is_settled_before_they_ship() -> None:
    staged = done(CREATE, PAY, StageEdit(order_id=ORDER, quantities=some(_1=1)))
    given(*staged).when(SHIP).refused("change_prepared", "make it or discard it")
    given(*staged).when(ship(_1=1)).refused("change_prepared")
    assert after(CREATE, PAY, StageEdit(order_id=ORDER, quantities=some(_1=1)), ship(_2=1)).staged
    given(*staged, EditDiscarded(order_id=ORDER)).when(SHIP).then(SHIPPED)


def test_a_change_that_was_left_behind_long_ago_does_not_hold_up_the_next_parcel() -> None:
    left_behind = done(CREATE, PAY, StageEdit(order_id=ORDER, quantities=some(_1=1)))
    first = ParcelShipped(order_id=ORDER, shipment_id=1, lines=some(_1=1), carrier="", tracking_code="")
    withdrawn, shipped = given(*left_behind, first).when(SHIP).events()
    assert isinstance(withdrawn, EditDiscarded)
    assert "can no longer be edited" in withdrawn.reason
    assert shipped == replace(SHIPPED, shipment_id=2)


def test_a_tracking_code_is_corrected() -> None:
    right = CorrectTracking(order_id=ORDER, shipment_id=1, tracking_code=" JD02 ")
    corrected = TrackingCorrected(
        order_id=ORDER, shipment_id=1, carrier="DHL", tracking_code="JD02", old_carrier="DHL", old_tracking_code="JD01"
    )
    given(CREATED, PAID, SHIPPED).when(right).then(corrected)
    parcel = after(CREATE, PAY, SHIP, replace(right, carrier="UPS")).shipment(1)
    assert (parcel.carrier, parcel.tracking_code, parcel.lines) == ("UPS", "JD02", some(_1=2, _2=1))
    given(CREATED, PAID, SHIPPED, corrected).when(right).refused("nothing_changes", "parcel 1 has this carrier")
    given(CREATED, PAID).when(right).refused("shipment_not_found", "no parcel 1")


def test_a_code_that_belongs_to_another_parcel_is_taken_away() -> None:
    wrong = CorrectTracking(order_id=ORDER, shipment_id=1)
    assert after(CREATE, PAY, SHIP, wrong).shipment(1).tracking_code == ""


def test_an_order_is_delivered_when_all_its_parcels_are() -> None:
    arrived = ConfirmDelivery(order_id=ORDER, shipment_id=1)
    two = (CREATE, PAY, ship(_1=1), SHIP, arrived)
    assert fulfilment_status(after(*two)) is FulfilmentStatus.FULFILLED
    assert fulfilment_status(after(*two, replace(arrived, shipment_id=2))) is FulfilmentStatus.DELIVERED


def test_a_written_off_order_ships() -> None:
    given(*done(CREATE, WriteOff(order_id=ORDER, reason="A gift"))).when(SHIP).then(SHIPPED)


@pytest.mark.parametrize(
    "command", [SHIP, ship(_1=1), ConfirmDelivery(order_id=ORDER, shipment_id=1)], ids=lambda each: type(each).__name__
)
def test_an_order_that_was_never_created_is_not_found(command: object) -> None:
    given().when(command).refused("order_not_found")
