"""What one batch leaves for the next: states that need not be loaded, and are never believed where others moved on."""

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
    """How many aggregates were loaded, a number each time."""
    asked: list[int] = []
    read = store.histories

    def counted(shapes: Any) -> Any:
        asked.append(len(shapes))
        return read(shapes)

    monkeypatch.setattr(store, "histories", counted)
    return asked


def test_what_a_batch_left_is_not_loaded_for_the_next(loads: list[int]) -> None:
    known, booking = StateCache(), new_booking()
    dispatch_batch([(booking, context()), (pay(booking.booking_id), context())], known)
    (checked_in,) = dispatch_batch([(CheckIn(booking_id=booking.booking_id), context(expected_version=2))], known)
    assert isinstance(checked_in, Answer)
    assert checked_in.version == 3
    assert loads == [1, 0]
    left = known.take_out({booking.booking_id: BOOKING})[booking.booking_id]
    assert (left.state, left.version) == (current_state(BOOKING, booking.booking_id), 3)


def test_only_so_many_are_known_those_needed_last(loads: list[int]) -> None:
    known, bookings = StateCache(most=2), [new_booking() for _ in range(3)]
    for booking in bookings:
        dispatch_batch([(booking, context())], known)
    dispatch_batch([(pay(booking.booking_id), context()) for booking in bookings], known)
    assert loads == [1, 1, 1, 1]


def test_what_others_did_in_between_is_seen_and_nothing_is_written_over_it(loads: list[int]) -> None:
    known, booking = StateCache(), new_booking()
    dispatch_batch([(booking, context()), (pay(booking.booking_id), context())], known)
    dispatch(Block(booking_id=booking.booking_id, reason="Check"), Context(actor="staff:anna"))
    (refused,) = dispatch_batch([(CheckIn(booking_id=booking.booking_id), context())], known)
    assert isinstance(refused, CommandRefused)
    assert refused.code == "blocked"
    assert loads == [1, 0, 1], "what was decided on the known state was refused by the log"


def test_a_refusal_is_only_believed_on_the_log_as_it_is() -> None:
    known, booking = StateCache(), new_booking()
    dispatch_batch([(booking, context())], known)
    dispatch(pay(booking.booking_id), Context(actor="staff:anna"))
    (checked_in,) = dispatch_batch([(CheckIn(booking_id=booking.booking_id), context(expected_version=2))], known)
    assert isinstance(checked_in, Answer), "known was a booking that is not paid, at version 1"


def test_that_nothing_is_to_be_done_is_only_believed_on_the_log_as_it_is(loads: list[int]) -> None:
    known, booking = StateCache(), new_booking()
    paid = replace(pay(booking.booking_id), reference="pay_1")
    dispatch_batch([(booking, context()), (paid, context())], known)
    dispatch(Block(booking_id=booking.booking_id, reason="Check"), Context(actor="staff:anna"))
    (told_again,) = dispatch_batch([(paid, context())], known)
    assert isinstance(told_again, Answer)
    assert told_again.version == 3
    assert loads == [1, 0, 1]


def test_what_was_rolled_back_is_not_known() -> None:
    known, booking = StateCache(), new_booking()
    with transaction.atomic():
        dispatch_batch([(booking, context())], known)
        transaction.set_rollback(True)
    other = replace(booking, rooms=booking.rooms[:1])
    dispatch(other, Context(actor="staff:anna"))
    (paid,) = dispatch_batch([(pay(booking.booking_id), context())], known)
    assert isinstance(paid, CommandRefused), "what was rolled back cost 25.00; what stands at its version costs less"
