"""Everything that followed from an event."""

from typing import Any
from uuid import UUID

import pytest

from eventstore import store
from eventstore.dispatch import Context, dispatch
from eventstore.followers import causality
from eventstore.followers.causality import correlate, story_of
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
def told(request: pytest.FixtureRequest) -> tuple[UUID, list[UUID]]:
    """A request does two things; the first causes a third, that one a fourth; strangers in between."""
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


def test_a_story_is_told_in_order_with_each_event_under_its_cause(told: tuple[UUID, list[UUID]]) -> None:
    mine, events = told
    story = story_of(mine, of=events[0])
    assert [chapter.fact.event_id for chapter in story.chapters] == events
    assert [chapter.depth for chapter in story.chapters] == [0, 0, 1, 2]


@pytest.mark.parametrize(("of", "expected"), [(0, [2, 3]), (1, []), (2, [3]), (3, [])])
def test_what_followed_is_what_was_caused_by_it_or_by_what_it_caused(
    told: tuple[UUID, list[UUID]], of: int, expected: list[int]
) -> None:
    mine, events = told
    story = story_of(mine, of=events[of])
    followed = [chapter.fact.event_id for chapter in story.chapters if chapter.followed]
    assert followed == [events[number] for number in expected]


def test_each_event_is_indexed_once_in_steps_of_any_size(monkeypatch: Any) -> None:
    monkeypatch.setattr(causality, "STEP", 2)
    correlation_ids = [new_id() for _ in range(5)]
    for correlation_id in correlation_ids:
        count(correlation_id)
    correlate()
    correlate()
    assert sorted(Correlation.objects.values_list("correlation_id", flat=True)) == sorted(correlation_ids)


def test_a_story_that_is_too_long_says_how_much_it_leaves_out(monkeypatch: Any) -> None:
    monkeypatch.setattr(causality, "LONGEST", 2)
    mine = new_id()
    first = count(mine)
    for _ in range(3):
        count(mine)
    story = story_of(mine, of=first)
    assert (len(story.chapters), story.untold) == (2, 2)


def test_damaged_metadata_holds_up_no_other_story() -> None:
    mine = new_id()
    count(new_id())
    behind_the_logs_back('UPDATE events SET metadata = \'{"correlation_id": "x"}\'')
    first = count(mine)
    correlate()
    assert Correlation.objects.get().correlation_id == mine
    assert [chapter.fact.event_id for chapter in story_of(mine, of=first).chapters] == [first]
