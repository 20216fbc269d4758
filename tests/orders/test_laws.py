"""Laws that hold for every order, whatever is asked of it."""

from collections.abc import Sequence
from decimal import Decimal
from functools import reduce
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from eventstore import codec
from eventstore.errors import CommandRefused
from orders.commands import CancelOrder, CreateOrder, NewLine, OrderCommand, PayOrder, RestoreOrder, ShipOrder
from orders.events import OrderCancelled, OrderCreated, OrderEvent, OrderPaid, OrderShipped
from orders.money import exponent
from orders.order import Order, decide, evolve
from tests.orders.examples import ORDER
from tests.spec import given as given_events

prices = st.decimals(min_value=0, max_value=10**6, places=6, allow_nan=False)
lines = st.builds(
    NewLine,
    sku=st.text("ABC123", min_size=1, max_size=4),
    name=st.text(max_size=10),
    quantity=st.integers(1, 10**5),
    unit_price=prices,
)
creations = st.builds(
    CreateOrder,
    order_id=st.just(ORDER),
    customer_id=st.none() | st.uuids(),
    customer_name=st.text(max_size=20),
    customer_email=st.just("a@example.com"),
    currency=st.sampled_from(["GBP", "JPY", "BHD", "CLF"]),
    lines=st.lists(lines, min_size=1, max_size=6).map(tuple),
)
wishes = st.lists(st.sampled_from(["create", "pay", "pay too little", "ship", "cancel"]), max_size=12)


@given(creations)
def test_the_total_is_the_sum_of_the_lines_in_whole_smallest_units(command: CreateOrder) -> None:
    (event,) = decide(command, Order())
    assert isinstance(event, OrderCreated)
    assert event.total == sum(line.amount for line in event.lines)
    smallest = Decimal(1).scaleb(-exponent(event.currency))
    assert all(line.amount % smallest == 0 for line in event.lines)
    assert all(abs(line.amount - line.quantity * line.unit_price) <= smallest / 2 for line in event.lines)


@given(creations, wishes)
@settings(max_examples=300)
def test_no_sequence_of_commands_loses_money_or_ships_what_is_not_paid(create: CreateOrder, wanted: list[str]) -> None:
    order = Order()
    history: list[OrderEvent] = []
    for wish in ["create", *wanted]:
        commands: dict[str, OrderCommand] = {
            "create": create,
            "pay": PayOrder(order_id=ORDER, amount=order.due, payment_method="card"),
            "pay too little": PayOrder(order_id=ORDER, amount=order.due / 2, payment_method="card"),
            "ship": ShipOrder(order_id=ORDER),
            "cancel": CancelOrder(order_id=ORDER, reason="because"),
        }
        try:
            events = decide(commands[wish], order)
        except CommandRefused:
            continue
        for event in events:
            order = evolve(order, event)
            history.append(event)
        kinds = [type(event) for event in history]
        paid = sum((event.amount for event in history if isinstance(event, OrderPaid)), Decimal(0))
        back = sum((event.due_back for event in history if isinstance(event, OrderCancelled)), Decimal(0))
        assert len(kinds) == len(set(kinds)), "nothing happens twice to an order"
        assert not ({OrderShipped, OrderCancelled} <= set(kinds)), "an order is shipped or cancelled, never both"
        assert order.paid == paid
        if OrderShipped in kinds:
            assert order.due == 0
        if OrderCancelled in kinds:
            assert back == paid
            assert order.due == -paid


@given(creations, wishes.filter(bool), st.data())
@settings(max_examples=200)
def test_a_restored_order_is_what_it_was_to_the_last_field(
    create: CreateOrder, wanted: list[str], data: st.DataObject
) -> None:
    history: list[OrderEvent] = []
    for wish in ["create", *wanted, "restore", *wanted, "restore"]:
        order = reduce(evolve, history, Order())
        commands: dict[str, object] = {
            "create": create,
            "pay": PayOrder(order_id=ORDER, amount=order.due, payment_method="card"),
            "pay too little": PayOrder(order_id=ORDER, amount=order.due / 2, payment_method="card"),
            "ship": ShipOrder(order_id=ORDER),
            "cancel": CancelOrder(order_id=ORDER, reason="because"),
            "restore": RestoreOrder(order_id=ORDER, version=data.draw(st.integers(1, 12)), reason="because"),
        }
        command = commands[wish]
        past = given_events(*history).when(command)
        try:
            events = past.events()
        except CommandRefused:
            continue
        history += cast("Sequence[OrderEvent]", events)
        after = reduce(evolve, history, Order())
        if isinstance(command, RestoreOrder):
            assert after == reduce(evolve, history[: command.version], Order())
            assert not {OrderPaid, OrderShipped} & {type(event) for event in history[command.version :]}
        assert after.paid >= 0
        assert after.due_back == 0 or after.status == "cancelled"


@given(creations)
def test_every_event_reads_back_as_it_was_written(command: CreateOrder) -> None:
    (event,) = decide(command, Order())
    assert codec.decode("order.created", 1, codec.encode(event)) == event
