"""Traces: all events of a request, and which of them an event caused."""

from typing import Any
from uuid import UUID

import pytest

from eventstore import store
from eventstore.dispatch import Context, dispatch
from eventstore.followers import causality
from eventstore.followers.causality import correlate, trace_of
from eventstore.ids import new_id
from eventstore.models import Correlation
from tests.support.tally import Count
from tests.support.tampering import behind_the_logs_back

pytestmark = pytest.mark.django_db(transaction=True)


def count(correlation_id: UUID, cause: UUID | None = None) -> UUID:
    tally_id = new_id()
    context = Context(actor="service:test", correlation_id=correlation_id, causation_id=cause)
    dispatch(Count(tally_id=tally_id, by=1), context)
    return store.read_stream(tally_id)[0].event_id


@pytest.fixture(params=["indexed", "half indexed", "not indexed"])
def indexed_trace(request: pytest.FixtureRequest) -> tuple[UUID, list[UUID]]:
    """Four events of one request: the first causes the third, the third causes the fourth. Others come in between."""
    mine = new_id()
    first = count(mine)
    count(new_id())
    second = count(mine)
    if request.param == "half indexed":
        correlate()
    third = count(mine, cause=first)
    count(new_id())
    fourth = count(mine, cause=third)
    if request.param == "indexed":
        correlate()
    return mine, [first, second, third, fourth]


def test_a_trace_lists_events_in_order_with_each_under_its_cause(indexed_trace: tuple[UUID, list[UUID]]) -> None:
    mine, events = indexed_trace
    trace = trace_of(mine, event_id=events[0])
    assert [entry.fact.event_id for entry in trace.entries] == events
    assert [entry.depth for entry in trace.entries] == [0, 0, 1, 2]


@pytest.mark.parametrize(("index", "expected"), [(0, [2, 3]), (1, []), (2, [3]), (3, [])])
def test_effects_are_what_the_event_caused_directly_or_indirectly(
    indexed_trace: tuple[UUID, list[UUID]], index: int, expected: list[int]
) -> None:
    mine, events = indexed_trace
    trace = trace_of(mine, event_id=events[index])
    followed = [entry.fact.event_id for entry in trace.entries if entry.is_effect]
    assert followed == [events[number] for number in expected]


def test_each_event_is_indexed_once_in_steps_of_any_size(monkeypatch: Any) -> None:
    monkeypatch.setattr(causality, "STEP", 2)
    correlation_ids = [new_id() for _ in range(5)]
    for correlation_id in correlation_ids:
        count(correlation_id)
    correlate()
    correlate()
    assert sorted(Correlation.objects.values_list("correlation_id", flat=True)) == sorted(correlation_ids)


def test_a_trace_that_is_too_long_says_how_many_events_it_omits(monkeypatch: Any) -> None:
    monkeypatch.setattr(causality, "MAX_ENTRIES", 2)
    mine = new_id()
    first = count(mine)
    for _ in range(3):
        count(mine)
    trace = trace_of(mine, event_id=first)
    assert (len(trace.entries), trace.omitted) == (2, 2)


def test_damaged_metadata_does_not_stop_other_traces() -> None:
    mine = new_id()
    count(new_id())
    behind_the_logs_back('UPDATE events SET metadata = \'{"correlation_id": "x"}\'')
    first = count(mine)
    correlate()
    assert Correlation.objects.get().correlation_id == mine
    assert [entry.fact.event_id for entry in trace_of(mine, event_id=first).entries] == [first]
