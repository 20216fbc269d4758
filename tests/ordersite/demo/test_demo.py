"""The demo shop: it has orders in every state."""

from datetime import UTC, datetime
from decimal import Decimal
from functools import reduce

import pytest

from eventstore.decider import decider_of
from orders.events import evolve
from orders.policy import Policy
from orders.state import Order
from orders.statuses import (
    FulfilmentStatus,
    OrderStatus,
    PaymentStatus,
    ReturnsStatus,
    fulfilment_status,
    order_status,
    payment_status,
    return_status,
)
from orders.values import LineKind, RefundStatus, ReturnStatus
from ordersite import demo

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
POLICY = Policy(approval_limits={"GBP": Decimal(100)})


@pytest.fixture(scope="module")
def shop() -> list[Order]:
    return [state_of(number) for number in range(demo.ORDERS)]


def state_of(number: int) -> Order:
    state = Order()
    for command, _ in demo._commands_of_order(number, NOW):
        state = reduce(evolve, decider_of(command).decide(command, state), state)
    return state


def test_it_has_an_order_in_every_status_of_each_kind(shop: list[Order]) -> None:
    assert {order_status(order) for order in shop} == set(OrderStatus)
    assert {payment_status(order) for order in shop} == set(PaymentStatus)
    assert {fulfilment_status(order) for order in shop} == set(FulfilmentStatus)
    assert {return_status(order) for order in shop} == set(ReturnsStatus)
    assert {refund.status for order in shop for refund in order.refunds} == set(RefundStatus)
    assert {each.status for order in shop for each in order.returns} == set(ReturnStatus)
    assert any(order.staged for order in shop)


def test_its_prices_have_tax_discounts_and_shipping_in_them(shop: list[Order]) -> None:
    lines = [line for order in shop for line in order.lines]
    assert {line.tax_rate for line in lines} == {Decimal(0), Decimal(20)}
    assert any(line.discount for line in lines)
    assert any(line.discount_share for line in lines)
    assert any(line.kind is LineKind.SHIPPING for line in lines)
    assert all(line.tax for line in lines if line.tax_rate and line.total > 1)


def test_commands_are_in_order_of_time_and_none_is_in_the_future() -> None:
    for number in range(demo.ORDERS):
        times = [context.occurred_at for _, context in demo._commands_of_order(number, NOW)]
        assert times == sorted(times, key=lambda at: at or NOW)
        assert all(at and at <= NOW for at in times)


def test_a_refund_over_the_limit_waits_for_a_second_person(shop: list[Order]) -> None:
    waiting = [
        refund
        for order in shop
        for refund in order.refunds
        if refund.status is RefundStatus.REQUESTED
        and refund.requested_by == "staff:staff"
        and order.currency == "GBP"
        and POLICY.needs_second_person(refund.amount, order.currency)
    ]
    assert waiting
