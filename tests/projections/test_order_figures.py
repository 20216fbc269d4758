"""Every figure of an order is the sum over its lines, at every step of its life."""

from dataclasses import replace
from decimal import Decimal
from functools import reduce
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventstore.codec import Metadata
from eventstore.errors import CommandRefused
from eventstore.store import Recorded
from orders import commands as c
from orders.events import OrderEvent, evolve
from orders.order import decide
from orders.policy import Policy
from orders.state import Order
from orders.values import OrderDiscountKind
from projections.customer.orders import CustomerOrder
from projections.engine.projection import projection_named
from projections.order_body import order_body
from tests.support.clock import AT
from tests.support.order_examples import CANCEL, CREATE, MUGS, ORDER, SHIP, THROW
from tests.support.order_lives import cancelling, creations, editing, paying, refund_decisions, refunding, shipping
from tests.support.order_stories import approve, ask_refund, cancel, decline, fail, retry, settle, ship, some

PLACE = replace(
    CREATE,
    lines=(
        replace(MUGS, quantity=3, unit_price=Decimal("29.95"), tax_rate=Decimal(20)),
        replace(THROW, tax_rate=Decimal("7.7")),
    ),
    shipping=(c.NewShipping(name="Standard", price=Decimal("4.90"), tax_rate=Decimal(20)),),
    discounts=(
        c.NewDiscount(name="FIVE", amount=Decimal("5.00")),
        c.NewDiscount(name="PART", amount=Decimal("3.3"), kind=OrderDiscountKind.PERCENT),
    ),
)
PAY = c.PayOrder(order_id=ORDER, amount=Decimal("96.45"), payment_method="card")
MORE = c.AuthorisePayment(order_id=ORDER, amount=Decimal("9.00"), payment_method="card")
CAPTURE = c.CapturePayment(order_id=ORDER, payment_id=2)
BACK = c.RequestReturn(order_id=ORDER, lines=some(_1=2))
APPROVE_BACK = c.ApproveReturn(order_id=ORDER, return_id=1)
RECEIVED = c.ReceiveReturn(order_id=ORDER, return_id=1, restocked=some(_1=1))
ONE_THROW_MORE = c.EditOrder(order_id=ORDER, quantities=some(_2=2))
BY_LINES = ask_refund(lines=(c.RefundWish(line_id=1, quantity=1), c.RefundWish(line_id=3, amount=Decimal("1.00"))))


def history(*commands: Any) -> list[OrderEvent]:
    events: list[OrderEvent] = []
    for command in commands:
        events += decide(command, reduce(evolve, events, Order()), Policy(paid_before_shipped=False))
    return events


LIVES = {
    "edited": (PLACE, ONE_THROW_MORE, c.EditOrder(order_id=ORDER, quantities=some(_1=0))),
    "partly shipped, returned and refunded": (
        PLACE, PAY, ship(_1=2), BACK, APPROVE_BACK, RECEIVED, ask_refund(), approve(), settle(),
    ),
    "refunded by lines and amounts": (
        PLACE, PAY, BY_LINES, approve(), settle(), ask_refund("10.00"), approve(2), fail(2), retry(2), settle(2),
    ),
    "overpaid, refunded and declined": (
        PLACE, PAY, MORE, CAPTURE, ask_refund(), decline(), ask_refund("12.00"), approve(2), settle(2),
    ),
    "partly cancelled, then all of it": (
        PLACE, PAY, cancel(_1=1), ask_refund(), approve(), settle(), CANCEL, ask_refund(),
    ),
    "shipped": (PLACE, PAY, SHIP, ask_refund("5.00"), approve(), settle()),
}  # fmt: skip


def shown(events: list[OrderEvent]) -> dict[str, Any]:
    """Return the order after these events as the API shows it."""
    facts = [
        Recorded(
            position=version,
            event_id=UUID(int=version),
            aggregate_id=ORDER,
            aggregate_type="order",
            version=version,
            timestamp=AT,
            metadata=Metadata(actor="customer:1", command_id=ORDER, correlation_id=ORDER),
            event=event,
        )
        for version, event in enumerate(events, start=1)
    ]
    return order_body(projection_named("customer").row_as_of(CustomerOrder, ORDER, facts))


def require_equal_sums(body: dict[str, Any]) -> None:
    names = ("total", "charged", "net", "tax", "refunded", "refund_pending")
    own = {name: Decimal(body[name]) for name in names}
    own["refunded"] -= Decimal(body["refunded_overpayment"])
    own["refund_pending"] -= Decimal(body["pending_overpayment"])
    assert {name: sum(Decimal(line[name]) for line in body["lines"]) for name in names} == own
    assert Decimal(body["charged"]) == Decimal(body["net"]) + Decimal(body["tax"])
    shares = sum(Decimal(line["discount_share"]) for line in body["lines"])
    assert shares == sum(Decimal(each["taken_off"]) for each in body["discounts"])
    assert Decimal(body["discount"]) == shares + sum(Decimal(line["discount"]) for line in body["lines"])


@pytest.mark.parametrize("commands", LIVES.values(), ids=LIVES)
def test_what_customers_see_of_lines_adds_up_to_the_order_at_every_step(commands: tuple[Any, ...]) -> None:
    for steps in range(len(commands)):
        require_equal_sums(shown(history(*commands[: steps + 1])))


def test_the_tax_of_refunded_lines_is_the_tax_of_the_order() -> None:
    events = history(PLACE, PAY, SHIP, ask_refund("50.00"), approve(), settle())
    body = shown(events)
    assert Decimal(body["tax"]) < sum(line.tax for line in reduce(evolve, events, Order()).lines)
    assert Decimal(body["tax"]) == sum(Decimal(line["tax"]) for line in body["lines"])
    assert (body["refunded"], body["refunded_overpayment"]) == ("50.00", "0.00")


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_lines_add_up_to_the_order_in_random_lives(data: st.DataObject) -> None:
    events = history(data.draw(creations()))
    require_equal_sums(shown(events))
    for _ in range(12):
        order = reduce(evolve, events, Order())
        kinds = (paying, shipping, refunding, refund_decisions, cancelling, editing)
        command = data.draw(st.sampled_from(kinds).flatmap(lambda kind: kind(order)))  # noqa: B023 - drawn at once
        try:
            events += decide(command, order, Policy(paid_before_shipped=False))
        except CommandRefused:
            continue
        require_equal_sums(shown(events))
