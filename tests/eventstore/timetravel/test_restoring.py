"""Restore an aggregate to an earlier version by appending events."""

from uuid import UUID

import pytest

from eventstore import store
from eventstore.dispatch import Context, dispatch, dispatch_batch
from eventstore.errors import AggregateNotFound, CommandRefused, ConcurrencyError, MixedBatch
from eventstore.ids import new_id
from eventstore.snapshots import take
from eventstore.timetravel.as_of import AsOf, load_as_of
from tests.support.tally import UNDENIABLE, Count, Restore, Tally

pytestmark = pytest.mark.django_db(transaction=True)


def tally(*counts: int) -> UUID:
    tally_id = new_id()
    for by in counts:
        dispatch(Count(tally_id=tally_id, by=by), Context(actor="staff:anna"))
    return tally_id


def restore(tally_id: UUID, version: int, **context: int) -> int:
    command = Restore(tally_id=tally_id, version=version)
    return dispatch(command, Context(actor="staff:anna", **context)).version  # type: ignore[arg-type]  # one name only


def test_nothing_is_deleted_and_the_next_command_sees_the_restored_state() -> None:
    tally_id = tally(5, 7, 1)
    assert restore(tally_id, 1) == 4
    dispatch(Count(tally_id=tally_id, by=2), Context(actor="staff:anna"))
    assert [fact.version for fact in store.read_stream(tally_id)] == [1, 2, 3, 4, 5]
    assert load_as_of(tally_id, AsOf()).state == Tally(total=7, largest=5)
    assert load_as_of(tally_id, AsOf(version=3)).state == Tally(total=13, largest=7)


def test_a_snapshot_neither_hides_what_came_before_it_nor_outlives_a_restoration() -> None:
    tally_id = tally(*[1] * 12)
    take("test.tally", str(tally_id))
    restore(tally_id, 3)
    dispatch(Count(tally_id=tally_id, by=1), Context(actor="staff:anna"))
    take("test.tally", str(tally_id))
    assert load_as_of(tally_id, AsOf()).state.total == 4
    dispatch(Count(tally_id=tally_id, by=1), Context(actor="staff:anna"))
    assert load_as_of(tally_id, AsOf()).state.total == 5


def test_a_refusal_of_the_aggregate_to_undo_an_event_is_raised_and_nothing_is_written() -> None:
    tally_id = tally(5, UNDENIABLE, 1)
    with pytest.raises(CommandRefused, match="13 was counted since version 1"):
        restore(tally_id, 1)
    assert restore(tally_id, 2) == 4


def test_a_restore_with_an_outdated_expected_version_is_refused() -> None:
    tally_id = tally(5, 7)
    with pytest.raises(ConcurrencyError):
        restore(tally_id, 1, expected_version=1)


def test_an_aggregate_that_does_not_exist_cannot_be_restored() -> None:
    with pytest.raises(AggregateNotFound, match=r"there is no test\.tally"):
        restore(new_id(), 1)


def test_a_batch_restores_many_aggregates_but_may_not_also_change_one_of_them() -> None:
    first, second = tally(1, 2), tally(3, 4)
    restores = [(Restore(tally_id=each, version=1), Context(actor="staff:anna")) for each in (first, second)]
    dispatch_batch(restores)
    assert [load_as_of(each, AsOf()).state.total for each in (first, second)] == [1, 3]
    with pytest.raises(MixedBatch, match="send two batches"):
        dispatch_batch([*restores, (Count(tally_id=first, by=1), Context(actor="staff:anna"))])
