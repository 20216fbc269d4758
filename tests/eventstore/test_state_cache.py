"""What one batch leaves for the next: states that need not be loaded, and are never believed where others moved on."""

from dataclasses import replace
from typing import Any

import pytest
from django.db import transaction

from eventstore import store
from eventstore.dispatch import Answer, Context, current_state, dispatch, dispatch_batch
from eventstore.errors import CommandRefused
from eventstore.state_cache import StateCache
from orders.commands import HoldOrder, ShipOrder
from orders.order import ORDER
from tests.support.orders import new_order, pay

pytestmark = pytest.mark.django_db(transaction=True)


def context(**fields: Any) -> Context:
    return Context(actor="service:import", **fields)


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many aggregates were loaded, a number each time."""
    asked: list[int] = []
    read = store.histories

    def counted(shapes: Any) -> Any:
        asked.append(len(shapes))
        return read(shapes)

    monkeypatch.setattr(store, "histories", counted)
    return asked


def test_what_a_batch_left_is_not_loaded_for_the_next(loads: list[int]) -> None:
    known, order = StateCache(), new_order()
    dispatch_batch([(order, context()), (pay(order.order_id), context())], known)
    (shipped,) = dispatch_batch([(ShipOrder(order_id=order.order_id), context(expected_version=2))], known)
    assert isinstance(shipped, Answer)
    assert shipped.version == 3
    assert loads == [1, 0]
    left = known.pop({order.order_id: ORDER})[order.order_id]
    assert (left.state, left.version) == (current_state(ORDER, order.order_id), 3)


def test_only_so_many_are_known_those_needed_last(loads: list[int]) -> None:
    known, orders = StateCache(max_size=2), [new_order() for _ in range(3)]
    for order in orders:
        dispatch_batch([(order, context())], known)
    dispatch_batch([(pay(order.order_id), context()) for order in orders], known)
    assert loads == [1, 1, 1, 1]


def test_what_others_did_in_between_is_seen_and_nothing_is_written_over_it(loads: list[int]) -> None:
    known, order = StateCache(), new_order()
    dispatch_batch([(order, context()), (pay(order.order_id), context())], known)
    dispatch(HoldOrder(order_id=order.order_id, reason="Check"), Context(actor="staff:anna"))
    (refused,) = dispatch_batch([(ShipOrder(order_id=order.order_id), context())], known)
    assert isinstance(refused, CommandRefused)
    assert refused.code == "on_hold"
    assert loads == [1, 0, 1], "what was decided on the known state was refused by the log"


def test_a_refusal_is_only_believed_on_the_log_as_it_is() -> None:
    known, order = StateCache(), new_order()
    dispatch_batch([(order, context())], known)
    dispatch(pay(order.order_id), Context(actor="staff:anna"))
    (shipped,) = dispatch_batch([(ShipOrder(order_id=order.order_id), context(expected_version=2))], known)
    assert isinstance(shipped, Answer), "known was an order that is not paid, at version 1"


def test_that_nothing_is_to_be_done_is_only_believed_on_the_log_as_it_is(loads: list[int]) -> None:
    known, order = StateCache(), new_order()
    paid = replace(pay(order.order_id), payment_reference="pay_1")
    dispatch_batch([(order, context()), (paid, context())], known)
    dispatch(HoldOrder(order_id=order.order_id, reason="Check"), Context(actor="staff:anna"))
    (told_again,) = dispatch_batch([(paid, context())], known)
    assert isinstance(told_again, Answer)
    assert told_again.version == 3
    assert loads == [1, 0, 1]


def test_what_was_rolled_back_is_not_known() -> None:
    known, order = StateCache(), new_order()
    with transaction.atomic():
        dispatch_batch([(order, context())], known)
        transaction.set_rollback(True)
    other = replace(order, lines=order.lines[:1])
    dispatch(other, Context(actor="staff:anna"))
    (paid,) = dispatch_batch([(pay(order.order_id), context())], known)
    assert isinstance(paid, CommandRefused), "what was rolled back cost 25.00; what stands at its version costs less"
