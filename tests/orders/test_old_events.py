"""Events of version 1, from when orders had no tax, discounts or parcels, still mean the same."""

import json
from functools import reduce
from pathlib import Path
from typing import Any, get_args

from eventstore import codec
from eventstore.messages import EVENTS
from orders.events import OrderEvent, evolve
from orders.order import ORDER
from orders.state import Order
from orders.statuses import (
    FulfilmentStatus,
    OrderStatus,
    PaymentStatus,
    fulfilment_status,
    order_status,
    payment_status,
)
from tests.support.order_examples import CREATED, PAID, SHIPPED

SAMPLES = Path(__file__).parents[1] / "samples"


def old(name: str, **changes: Any) -> Any:
    """Decode a stored event of version 1 with today's code."""
    stored = json.loads((SAMPLES / f"order.{name}.v1.json").read_text()) | changes
    return codec.decode(f"order.{name}", 1, json.dumps(stored))


def order_of(*events: Any) -> Any:
    return reduce(evolve, events, Order())


NEW = (old("created"),)
PAID_ONE = (*NEW, old("paid"))
CANCELLED = old("cancelled", due_back="0")
CANCELLED_PAID = old("cancelled")
BACK = old("restored", status="created", not_due_back="0", due="25.00")
BACK_TO_PAID = old("restored")
BACK_TO_CANCELLED = old("restored", status="cancelled", sold_again="-25.00", not_due_back="-25.00")


def test_events_of_version_1_have_no_tax_discount_or_second_parcel() -> None:
    assert old("created") == CREATED
    assert old("paid") == PAID
    assert old("shipped") == SHIPPED


def test_an_old_order_was_placed_paid_and_shipped() -> None:
    order = order_of(*PAID_ONE, old("shipped"))
    assert order == order_of(CREATED, PAID, SHIPPED)
    assert (order_status(order), payment_status(order), fulfilment_status(order)) == (
        OrderStatus.COMPLETED,
        PaymentStatus.PAID,
        FulfilmentStatus.FULFILLED,
    )
    assert (order.due, order.captured, [line.shipped for line in order.lines]) == (0, 25, [2, 1])


def test_an_old_cancellation_makes_paid_money_due_back_by_line() -> None:
    order = order_of(*PAID_ONE, CANCELLED_PAID)
    assert (order_status(order), payment_status(order)) == (OrderStatus.CANCELLED, PaymentStatus.OVERCHARGED)
    assert (order.due_back, [line.owed_back for line in order.lines]) == (25, [15, 10])
    assert order_of(*NEW, CANCELLED).due_back == 0


def test_an_old_restoration_brings_back_the_order() -> None:
    assert order_of(*NEW, CANCELLED, BACK) == order_of(*NEW)
    assert order_of(*PAID_ONE, CANCELLED_PAID, BACK_TO_PAID) == order_of(*PAID_ONE)


def test_an_old_restoration_to_cancelled_brings_back_the_cancellation() -> None:
    again = order_of(*PAID_ONE, CANCELLED_PAID, BACK_TO_PAID, BACK_TO_CANCELLED)
    assert again == order_of(*PAID_ONE, CANCELLED_PAID)
    unpaid = old("restored", status="cancelled", sold_again="-25.00", not_due_back="0")
    assert order_of(*NEW, CANCELLED, BACK, unpaid) == order_of(*NEW, CANCELLED)


def test_an_old_order_accepts_new_events() -> None:
    order = order_of(*PAID_ONE, CANCELLED_PAID, BACK_TO_PAID, SHIPPED)
    assert fulfilment_status(order) is FulfilmentStatus.FULFILLED


def test_the_state_of_an_order_does_not_depend_on_personal_data() -> None:
    """So a history is loaded for the rules without decryption."""
    assert not ORDER.reads_personal
    personal = [declared for declared in EVENTS.values() if declared.personal and declared.cls in get_args(OrderEvent)]
    assert len(personal) >= 3
    order = order_of(CREATED)
    for declared in personal:
        (newest,) = SAMPLES.glob(f"{declared.name}.v{declared.schema_version}.json")
        stored = json.loads(newest.read_text())
        hidden = stored | dict.fromkeys(declared.personal, "pd1:noise")
        shown, unread = (
            codec.decode(declared.name, declared.schema_version, json.dumps(each)) for each in (stored, hidden)
        )
        assert evolve(order, shown) == evolve(order, unread), declared.name
