"""Events of old versions, from when orders had no tax, parcels or terms of discounts, still mean the same."""

import json
from decimal import Decimal
from functools import reduce
from pathlib import Path
from typing import Any

from eventstore import codec
from orders.commands import CommitEdit, EditOrder
from orders.events import EditCommitted, evolve
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
from tests.support import order_examples
from tests.support.order_examples import CREATED, PAID, SHIPPED
from tests.support.order_stories import some

SAMPLES = Path(__file__).parents[1] / "samples"


def old(name: str, *, version: int = 1, **changes: Any) -> Any:
    """Decode a stored event of an old version with today's code."""
    stored = json.loads((SAMPLES / f"order.{name}.v{version}.json").read_text()) | changes
    return codec.decode(f"order.{name}", version, json.dumps(stored))


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


def stored_line(number: int, quantity: int, *, discount: str = "0", share: str = "0") -> dict[str, Any]:
    """Return a line at 10.00 each, as events stored it when every discount was an amount."""
    total = Decimal(10 * quantity) - Decimal(discount) - Decimal(share)
    return {
        "line_id": number,
        "sku": f"S{number}",
        "name": "Something",
        "quantity": quantity,
        "unit_price": "10.00",
        "amount": f"{10 * quantity}.00",
        "kind": "goods",
        "discount": discount,
        "discount_share": share,
        "tax_rate": "0",
        "tax": "0.00",
        "total": str(total),
    }


def edit(order: Any, **quantities: int) -> Any:
    command = EditOrder(order_id=order_examples.ORDER, quantities=some(**quantities))
    return reduce(evolve, ORDER.decide(command, order), order)


def costs(order: Any) -> list[Any]:
    return [(line.quantity, line.discount, line.discount_share, line.total) for line in order.lines]


LINES_WITH_DISCOUNTS = [stored_line(1, 1, discount="5.00", share="1.00"), stored_line(2, 2, share="4.00")]
OLD_VOUCHER = [{"name": "FIVE", "amount": "5.00"}]
WITH_DISCOUNTS = old("created", version=2, lines=LINES_WITH_DISCOUNTS, discounts=OLD_VOUCHER, total="20.00")


def test_discounts_of_version_2_are_fixed_and_each_line_keeps_its_share() -> None:
    order = order_of(WITH_DISCOUNTS)
    assert (order.charged, [line.discount_share for line in order.lines]) == (20, [1, 4])
    more = edit(order, _1=100)
    assert costs(more)[0] == (100, 5, 1, 994)
    assert costs(edit(more, _1=1)) == costs(order)
    assert costs(edit(edit(order, _1=0, _2=3), _1=1, _2=2)) == costs(order)


def test_an_edit_of_version_1_costs_what_it_cost_then_and_its_discounts_are_fixed_from_then_on() -> None:
    lines = [stored_line(1, 10, discount="50.00", share="10.00")]
    changes: dict[str, Any] = {
        "lines": lines,
        "difference": "36.00",
        "due": "56.00",
        "due_back": "0",
        "currency": "GBP",
    }
    order = order_of(WITH_DISCOUNTS, old("edit_committed", **changes))
    assert (order.charged, order.discounts[0].amount) == (56, 14)
    assert costs(edit(order, _1=20))[0] == (20, 50, 10, 140)
    assert costs(edit(edit(order, _1=20), _1=10)) == costs(order)
    staged = order_of(WITH_DISCOUNTS, old("edit_staged", lines=lines, difference="36.00", currency="GBP"))
    (committed,) = ORDER.decide(CommitEdit(order_id=order_examples.ORDER), staged)
    assert isinstance(committed, EditCommitted)
    assert committed.difference == 36
    assert evolve(staged, committed).charged == 56
