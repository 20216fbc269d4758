"""A long history loads as fast as a short one, and a snapshot never changes the state of an aggregate."""

import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
import redis
from django.conf import settings
from django.db import connection
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from eventstore import decider as registry
from eventstore import snapshots, store
from eventstore.codec import Metadata
from eventstore.decider import Decider
from eventstore.dispatch import Context, dispatch, dispatch_batch
from eventstore.ids import new_id
from eventstore.models import Snapshot
from eventstore.snapshots import shape_of, state_of
from tests.support.tally import TALLY, Count, Counted, Tally

pytestmark = pytest.mark.django_db(transaction=True)


def count(tally_id: UUID, *amounts: int) -> None:
    for amount in amounts:
        dispatch(Count(tally_id=tally_id, by=amount), Context(actor="service:test"))


def load(tally_id: UUID) -> store.History:
    return store.history(tally_id, shape=shape_of(TALLY))


def take(tally_id: UUID) -> None:
    snapshots.take(TALLY.aggregate_type, str(tally_id))


def waiting_tasks() -> list[str]:
    """Return the names of the tasks that wait in the broker."""
    messages = redis.Redis.from_url(settings.REDIS_URL).lrange("celery", 0, -1)
    return [json.loads(message)["headers"]["task"] for message in messages]


def test_a_snapshot_is_requested_every_ten_events_and_no_sooner() -> None:
    tally_id = new_id()
    count(tally_id, *[1] * 9)
    assert "eventstore.snapshots.take" not in waiting_tasks()
    count(tally_id, 1)
    assert waiting_tasks().count("eventstore.snapshots.take") == 1
    dispatch_batch([(Count(tally_id=tally_id, by=1), Context(actor="service:test")) for _ in range(10)])
    assert waiting_tasks().count("eventstore.snapshots.take") == 2


def test_only_what_came_after_the_snapshot_is_replayed() -> None:
    tally_id = new_id()
    count(tally_id, 5, 1, 1)
    take(tally_id)
    count(tally_id, 2)
    history = load(tally_id)
    assert (history.version, history.snapshot_version, history.events) == (4, 3, [Counted(by=2)])
    assert state_of(TALLY, history) == Tally(total=9, largest=5)
    answer = dispatch(Count(tally_id=tally_id, by=1), Context(actor="service:test"))
    assert answer.version == 5


def test_an_aggregate_of_ten_thousand_events_loads_from_its_snapshot() -> None:
    tally_id = new_id()
    metadata = Metadata(actor="service:test", command_id=new_id(), correlation_id=new_id())
    store.append(
        [
            store.Write(
                aggregate_type="test.tally",
                aggregate_id=tally_id,
                expected_version=0,
                events=[Counted(by=1)] * 10_000,
                metadata=metadata,
            )
        ]
    )
    take(tally_id)
    history = load(tally_id)
    assert (history.version, history.events) == (10_000, [])
    assert state_of(TALLY, history).total == 10_000
    with connection.cursor() as cursor:
        plan = "EXPLAIN SELECT * FROM events WHERE aggregate_id = %s AND version > 10000"
        cursor.execute(plan, [tally_id])
        assert "Index Scan" in str(cursor.fetchall())


def other_shape(decider: Decider[Any, Any, Any]) -> list[Decider[Any, Any, Any]]:
    from dataclasses import dataclass

    @dataclass(frozen=True, slots=True)
    class Wider:
        total: int = 0
        largest: int = 0
        smallest: int = 0

    return [replace(decider, state_version=2), replace(decider, initial=Wider())]


@pytest.mark.parametrize("newer", other_shape(TALLY), ids=["new meaning", "new field"])
def test_a_snapshot_of_another_shape_is_ignored_and_replaced(
    newer: Decider[Any, Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    tally_id = new_id()
    count(tally_id, 5, 1)
    take(tally_id)
    assert shape_of(newer) != shape_of(TALLY)
    history = store.history(tally_id, shape=shape_of(newer))
    assert (history.snapshot, len(history.events), history.version) == (None, 2, 2)
    monkeypatch.setitem(registry._AGGREGATES, TALLY.aggregate_type, newer)
    take(tally_id)
    assert Snapshot.objects.get(pk=tally_id).shape == shape_of(newer)


def test_a_late_task_does_not_replace_a_newer_snapshot_by_an_older_one() -> None:
    tally_id = new_id()
    count(tally_id, 1, 1)
    take(tally_id)
    Snapshot.objects.filter(pk=tally_id).update(version=7)
    take(tally_id)
    assert Snapshot.objects.get(pk=tally_id).version == 7


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.sets(st.integers(0, 11)))
@hypothesis_settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_wherever_snapshots_are_taken_the_state_is_the_same(amounts: list[int], taken_after: set[int]) -> None:
    tally_id = new_id()
    for number, amount in enumerate(amounts):
        count(tally_id, amount)
        if number in taken_after:
            take(tally_id)
        history = load(tally_id)
        assert history.version == number + 1
        assert state_of(TALLY, history) == Tally(sum(amounts[: number + 1]), max(amounts[: number + 1]))
