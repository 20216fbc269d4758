"""A long history costs what a short one does, and a snapshot never changes what an aggregate is."""

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


def asked_for() -> list[str]:
    """The tasks that wait in the broker, by name."""
    messages = redis.Redis.from_url(settings.REDIS_URL).lrange("celery", 0, -1)
    return [json.loads(message)["headers"]["task"] for message in messages]


def test_a_worker_is_asked_for_a_snapshot_every_so_many_events_and_no_sooner() -> None:
    tally_id = new_id()
    count(tally_id, *[1] * 9)
    assert "eventstore.snapshots.take" not in asked_for()
    count(tally_id, 1)
    assert asked_for().count("eventstore.snapshots.take") == 1
    dispatch_batch([(Count(tally_id=tally_id, by=1), Context(actor="service:test")) for _ in range(10)])
    assert asked_for().count("eventstore.snapshots.take") == 2


def test_only_what_came_after_the_snapshot_is_replayed() -> None:
    tally_id = new_id()
    count(tally_id, 5, 1, 1)
    take(tally_id)
    count(tally_id, 2)
    past = load(tally_id)
    assert (past.version, past.snapshot_version, past.events) == (4, 3, [Counted(by=2)])
    assert state_of(TALLY, past) == Tally(total=9, largest=5)
    answer = dispatch(Count(tally_id=tally_id, by=1), Context(actor="service:test"))
    assert answer.version == 5


def test_ten_thousand_events_are_loaded_as_few_are() -> None:
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
    past = load(tally_id)
    assert (past.version, past.events) == (10_000, [])
    assert state_of(TALLY, past).total == 10_000
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
    past = store.history(tally_id, shape=shape_of(newer))
    assert (past.snapshot, len(past.events), past.version) == (None, 2, 2)
    monkeypatch.setitem(registry._AGGREGATES, TALLY.aggregate_type, newer)
    take(tally_id)
    assert Snapshot.objects.get(pk=tally_id).shape == shape_of(newer)


def test_a_late_task_does_not_put_an_older_snapshot_over_a_newer_one() -> None:
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
        past = load(tally_id)
        assert past.version == number + 1
        assert state_of(TALLY, past) == Tally(sum(amounts[: number + 1]), max(amounts[: number + 1]))
