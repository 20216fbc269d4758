"""States after one batch need not be loaded for the next. A state that other writers made old is never relied on."""

from dataclasses import replace
from typing import Any

import pytest
from django.db import transaction

from eventstore import store
from eventstore.dispatch import Answer, Context, current_state, dispatch, dispatch_batch
from eventstore.errors import CommandRefused
from eventstore.state_cache import StateCache
from tests.support.booking import BOOKING, Block, CheckIn, new_booking, pay

pytestmark = pytest.mark.django_db(transaction=True)


def context(**fields: Any) -> Context:
    return Context(actor="service:import", **fields)


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the number of aggregates loaded by each call of `store.histories`."""
    counts: list[int] = []
    read = store.histories

    def counting(shapes: Any) -> Any:
        counts.append(len(shapes))
        return read(shapes)

    monkeypatch.setattr(store, "histories", counting)
    return counts


def test_states_after_a_batch_are_not_loaded_for_the_next_batch(loads: list[int]) -> None:
    cache, booking = StateCache(), new_booking()
    dispatch_batch([(booking, context()), (pay(booking.booking_id), context())], cache)
    (checked_in,) = dispatch_batch([(CheckIn(booking_id=booking.booking_id), context(expected_version=2))], cache)
    assert isinstance(checked_in, Answer)
    assert checked_in.version == 3
    assert loads == [1, 0]
    state_left = cache.pop({booking.booking_id: BOOKING})[booking.booking_id]
    assert (state_left.state, state_left.version) == (current_state(BOOKING, booking.booking_id), 3)


def test_only_the_most_recently_used_states_are_cached(loads: list[int]) -> None:
    cache, bookings = StateCache(max_size=2), [new_booking() for _ in range(3)]
    for booking in bookings:
        dispatch_batch([(booking, context())], cache)
    dispatch_batch([(pay(booking.booking_id), context()) for booking in bookings], cache)
    assert loads == [1, 1, 1, 1]


def test_commands_of_other_writers_in_between_are_seen(loads: list[int]) -> None:
    cache, booking = StateCache(), new_booking()
    dispatch_batch([(booking, context()), (pay(booking.booking_id), context())], cache)
    dispatch(Block(booking_id=booking.booking_id, reason="Check"), Context(actor="staff:anna"))
    (refused,) = dispatch_batch([(CheckIn(booking_id=booking.booking_id), context())], cache)
    assert isinstance(refused, CommandRefused)
    assert refused.code == "blocked"
    assert loads == [1, 0, 1], "the log refused what was decided on the cached state"


def test_a_refusal_is_decided_on_the_current_log() -> None:
    cache, booking = StateCache(), new_booking()
    dispatch_batch([(booking, context())], cache)
    dispatch(pay(booking.booking_id), Context(actor="staff:anna"))
    (checked_in,) = dispatch_batch([(CheckIn(booking_id=booking.booking_id), context(expected_version=2))], cache)
    assert isinstance(checked_in, Answer), "the cached booking was not paid, and at version 1"


def test_a_decision_without_events_is_made_on_the_current_log(loads: list[int]) -> None:
    cache, booking = StateCache(), new_booking()
    paid = replace(pay(booking.booking_id), reference="pay_1")
    dispatch_batch([(booking, context()), (paid, context())], cache)
    dispatch(Block(booking_id=booking.booking_id, reason="Check"), Context(actor="staff:anna"))
    (repeated,) = dispatch_batch([(paid, context())], cache)
    assert isinstance(repeated, Answer)
    assert repeated.version == 3
    assert loads == [1, 0, 1]


def test_a_rolled_back_state_is_not_cached() -> None:
    cache, booking = StateCache(), new_booking()
    with transaction.atomic():
        dispatch_batch([(booking, context())], cache)
        transaction.set_rollback(True)
    other = replace(booking, rooms=booking.rooms[:1])
    dispatch(other, Context(actor="staff:anna"))
    (paid,) = dispatch_batch([(pay(booking.booking_id), context())], cache)
    assert isinstance(paid, CommandRefused), (
        "the booking that was rolled back cost 25.00; the one in the log costs less"
    )
