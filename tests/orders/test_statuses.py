"""The four statuses of an order."""

from decimal import Decimal
from typing import Any

import pytest

from orders.commands import ConfirmDelivery, HoldOrder, RecordPaymentFailure, VoidPayment, WriteOff
from orders.statuses import (
    FulfilmentStatus,
    OrderStatus,
    PaymentStatus,
    fulfilment_status,
    order_status,
    payment_status,
)
from tests.support.order_examples import CANCEL, CREATE, ORDER, PAY, SHIP
from tests.support.order_stories import (
    after,
    approve,
    ask_refund,
    authorise,
    cancel,
    capture,
    come_back,
    fail,
    settle,
    ship,
    shop,
)

HOLD = HoldOrder(order_id=ORDER, reason="Fraud")
VOID = VoidPayment(order_id=ORDER, payment_id=1, reason="Paid otherwise")
FAILURE = RecordPaymentFailure(order_id=ORDER, amount=Decimal(25), payment_method="card", reason="No funds")
WRITE_OFF = WriteOff(order_id=ORDER, reason="Bankrupt")
ARRIVED = ConfirmDelivery(order_id=ORDER, shipment_id=1)


@pytest.mark.parametrize(
    ("past", "status"),
    [
        ((), "open"),
        ((PAY,), "open"),
        ((PAY, ship(_1=2)), "open"),
        ((PAY, SHIP), "completed"),
        ((PAY, SHIP, ARRIVED), "completed"),
        ((HOLD,), "on_hold"),
        ((CANCEL,), "cancelled"),
        ((HOLD, CANCEL), "cancelled"),
        ((PAY, CANCEL), "cancelled"),
        ((PAY, ship(_1=2), CANCEL), "open"),
        ((PAY, ship(_1=2), CANCEL, ask_refund(), approve()), "open"),
        ((PAY, ship(_1=2), CANCEL, ask_refund(), approve(), settle()), "completed"),
        ((PAY, SHIP, ask_refund("1.00")), "open"),
        ((authorise("9.00"), capture(), WRITE_OFF, SHIP), "completed"),
        ((authorise("9.00"), capture(), WRITE_OFF, SHIP, ask_refund("9.00")), "open"),
    ],
)
def test_an_order_is_completed_when_nothing_is_open_or_owed(past: tuple[Any, ...], status: str) -> None:
    assert order_status(after(CREATE, *past)) is OrderStatus(status)


@pytest.mark.parametrize(
    ("past", "status"),
    [
        ((), "unpaid"),
        ((authorise("25.00"),), "authorised"),
        ((authorise("25.00"), VOID), "voided"),
        ((FAILURE,), "failed"),
        ((FAILURE, authorise("25.00")), "authorised"),
        ((authorise("25.00"), capture("5.00")), "partially_paid"),
        ((authorise("25.00"), capture("5.00"), cancel(_1=2), cancel(_2=1)), "overcharged"),
        ((PAY,), "paid"),
        ((PAY, cancel(_1=1)), "overcharged"),
        ((PAY, cancel(_1=1), ask_refund(), approve()), "overcharged"),
        ((PAY, cancel(_1=1), ask_refund(), approve(), fail()), "overcharged"),
        ((PAY, cancel(_1=1), ask_refund(), approve(), settle()), "partially_refunded"),
        ((PAY, CANCEL), "overcharged"),
        ((PAY, CANCEL, ask_refund(), approve(), settle()), "refunded"),
        ((CANCEL,), "unpaid"),
        ((WRITE_OFF,), "written_off"),
        ((WRITE_OFF, authorise("25.00"), capture()), "paid"),
        ((WRITE_OFF, authorise("26.00"), capture()), "overcharged"),
    ],
)
def test_the_payment_status_follows_the_money(past: tuple[Any, ...], status: str) -> None:
    assert payment_status(after(CREATE, *past)) is PaymentStatus(status)


@pytest.mark.parametrize(
    ("past", "status"),
    [
        ((), "unfulfilled"),
        ((ship(_1=1),), "partial"),
        ((ship(_1=2),), "partial"),
        ((ship(_1=2), cancel(_2=1)), "fulfilled"),
        ((SHIP,), "fulfilled"),
        ((SHIP, ARRIVED), "delivered"),
        ((ship(_1=2), ARRIVED), "partial"),
        ((SHIP, ARRIVED, *come_back(_1=2)), "delivered"),
        ((CANCEL,), "none"),
    ],
)
def test_the_fulfilment_status_follows_the_parcels_paid_or_not(past: tuple[Any, ...], status: str) -> None:
    with shop(paid_before_shipped=False):
        assert fulfilment_status(after(CREATE, *past)) is FulfilmentStatus(status)
