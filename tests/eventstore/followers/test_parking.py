"""An event that a consumer cannot handle is parked: others go on, those behind it wait, and nothing is done twice."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

import kombu.exceptions
import pytest
import redis.exceptions
from django.conf import settings as django_settings
from django.db import OperationalError, ProgrammingError, connection
from hypothesis import given, settings
from hypothesis import strategies as st

from eventstore import store
from eventstore.dispatch import Context, dispatch
from eventstore.errors import CorruptEvent, NotParked, ReasonMissing
from eventstore.followers import parking, process_managers
from eventstore.followers.consumers import OutdatedConsumer, follow
from eventstore.followers.handling import CONSUMERS, Consumer, UnknownConsumer, declare
from eventstore.followers.process_managers import PROCESSES, Intent, Process, Send, reacts_to
from eventstore.ids import new_id
from eventstore.models import ConsumerCheckpoint, ConsumerParkedEvent, PlannedCommand
from eventstore.store import Damaged, Recorded
from tests.support.tally import Count, Counted
from tests.support.tampering import change_event
from tests.support.wakeups import waiting

pytestmark = pytest.mark.django_db(transaction=True)
NAME = "process:test-relay"
Status = ConsumerParkedEvent.Status


@pytest.fixture
def broken() -> Iterator[set[int]]:
    """Install a process that counts again in a new tally, and fails for the numbers in the set."""
    cannot: set[int] = set()

    class Relay(Process):
        name = "test-relay"
        plan = "Will be counted again"

        @reacts_to(Counted)
        def counted(self, event: Counted, fact: Recorded[Counted]) -> Iterable[Intent]:
            if event.by in cannot:
                raise ZeroDivisionError(f"cannot take a {event.by}")
            if fact.metadata.actor == "staff:anna":
                yield Send(command=Count(tally_id=new_id(), by=event.by), key=fact.aggregate_id)

    process_managers.install()
    yield cannot
    del PROCESSES["test-relay"], CONSUMERS[NAME]


def count(*numbers: int, tally_id: UUID | None = None) -> UUID:
    tally_id = tally_id or new_id()
    for by in numbers:
        dispatch(Count(tally_id=tally_id, by=by), Context(actor="staff:anna"))
    return tally_id


def relayed(tally_id: UUID) -> list[int]:
    """Return what has been planned because of this tally, in order, or sent already."""
    causes = {fact.event_id: fact for fact in store.read_stream(tally_id, tolerant=True)}
    effects = [fact for fact in store.read_after(0, limit=1000).events if fact.metadata.causation_id in causes]
    return [fact.event.by for fact in effects]


def parked() -> list[tuple[int, str]]:
    """Return what is parked: the version of each event, and its status."""
    return [
        (fact.version, each.status)
        for each in ConsumerParkedEvent.objects.all()
        for fact in store.read_at([each.position])
    ]


def test_other_aggregates_go_on_and_later_events_of_the_same_one_wait_in_order(broken: set[int]) -> None:
    broken.add(7)
    bad, good = count(1, 7, 2), count(3)
    process_managers.run()
    count(4, tally_id=bad)
    count(5, tally_id=good)
    process_managers.run()
    assert (relayed(bad), relayed(good)) == ([1], [3, 5])
    assert parked() == [(2, Status.FAILED), (3, Status.WAITING), (4, Status.WAITING)]
    first = ConsumerParkedEvent.objects.first()
    assert first is not None
    assert first.summary == "ZeroDivisionError: cannot take a 7"
    assert "Traceback" in first.error
    checkpoint = ConsumerCheckpoint.objects.get(name=NAME)
    assert checkpoint.problem == ""
    assert parking.redrive(NAME) == 0
    assert parked() == [(2, Status.FAILED), (3, Status.WAITING), (4, Status.WAITING)], "it cannot be handled yet"
    broken.clear()
    assert parking.redrive(NAME) == 3
    process_managers.run()
    assert relayed(bad) == [1, 7, 2, 4]
    assert parking.redrive(NAME) == 0
    process_managers.run()
    assert (relayed(bad), relayed(good)) == ([1, 7, 2, 4], [3, 5]), "exactly once"


@pytest.mark.parametrize("way", ["retry", "leave out"])
def test_what_follows_from_a_retried_event_is_not_left_to_the_next_sweep(broken: set[int], way: str) -> None:
    broken.add(7)
    count(7, 2)
    process_managers.run()
    redis.Redis.from_url(django_settings.REDIS_URL).flushdb()
    if way == "retry":
        broken.clear()
        assert parking.redrive(NAME) == 2
    else:
        assert (
            parking.leave_out(
                NAME, ConsumerParkedEvent.objects.earliest("position").position, reason="Typo", by="staff:anna"
            )
            == 2
        )
    assert process_managers.run.name in waiting()


def test_a_damaged_event_is_parked_until_its_row_is_restored(broken: set[int]) -> None:
    bad, good = count(1, 2), count(3)
    change_event(bad, "event_data = '[]'", version=1)
    process_managers.run()
    assert (relayed(bad), relayed(good)) == ([], [3])
    assert parked() == [(1, Status.FAILED), (2, Status.WAITING)]
    change_event(bad, """event_data = '{"by": 1}'""", version=1)
    assert parking.redrive(NAME, aggregate_id=bad) == 2
    process_managers.run()
    assert relayed(bad) == [1, 2]


def test_a_plan_that_the_table_rejects_parks_its_event(broken: set[int], monkeypatch: pytest.MonkeyPatch) -> None:
    bulk_create = PlannedCommand.objects.bulk_create

    def reject(plans: Iterable[PlannedCommand], **options: Any) -> Any:
        plans = list(plans)
        if any(plan.body["by"] == 7 for plan in plans):
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 / 0")  # breaks the transaction, as PostgreSQL does for a value that it rejects
        return bulk_create(plans, **options)

    monkeypatch.setattr(PlannedCommand.objects, "bulk_create", reject)
    bad, good = count(7), count(3)
    process_managers.run()
    assert (relayed(bad), relayed(good)) == ([], [3])
    assert parked() == [(1, Status.FAILED)]


def test_an_event_is_left_out_for_a_reason_and_those_behind_it_are_handled(broken: set[int]) -> None:
    broken.add(7)
    bad = count(7, 2, 7, 4)
    process_managers.run()
    first, second, *_ = ConsumerParkedEvent.objects.all()
    with pytest.raises(ReasonMissing):
        parking.leave_out(NAME, first.position, reason=" ", by="staff:anna")
    with pytest.raises(NotParked, match="only waits behind"):
        parking.leave_out(NAME, second.position, reason="why not", by="staff:anna")
    with pytest.raises(NotParked, match="parked no event at 7777777"):
        parking.leave_out(NAME, 7777777, reason="why not", by="staff:anna")
    assert parking.leave_out(NAME, first.position, reason=" a test ", by="staff:anna") == 2
    process_managers.run()
    assert relayed(bad) == [2]
    assert parked() == [(1, Status.LEFT_OUT), (3, Status.FAILED), (4, Status.WAITING)]
    first.refresh_from_db()
    assert (first.reason, first.left_out_by, first.left_out_at is None) == ("a test", "staff:anna", False)
    with pytest.raises(NotParked):
        parking.leave_out(NAME, first.position, reason="again", by="staff:anna")
    broken.clear()
    assert parking.redrive(NAME) == 2
    ConsumerCheckpoint.objects.filter(name=NAME).update(position=0)
    process_managers.run()
    process_managers.run()
    assert relayed(bad) == [2, 7, 4], "left out for ever, even if the checkpoint goes back"


def test_events_that_come_again_are_parked_once(broken: set[int]) -> None:
    broken.add(7)
    bad = count(7, 2)
    process_managers.run()
    ConsumerCheckpoint.objects.filter(name=NAME).update(position=0)
    process_managers.run()
    assert parked() == [(1, Status.FAILED), (2, Status.WAITING)]
    broken.clear()
    parking.redrive(NAME)
    process_managers.run()
    assert relayed(bad) == [7, 2]


PASSING = [
    OperationalError("the server closed the connection"),
    ProgrammingError("no such table"),
    ConnectionResetError("gone"),
    redis.exceptions.ConnectionError("gone"),
    kombu.exceptions.OperationalError("gone"),
]


@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__module__ + type(error).__name__)
def test_a_failure_of_the_database_or_of_the_broker_parks_nothing(error: Exception) -> None:
    if isinstance(error, ProgrammingError):
        error = missing_table()
    handle = Handler(error)
    consumer = Consumer(name="test-follower", handle=handle)
    count(1)
    with pytest.raises(type(error)):
        follow(consumer)
    assert not ConsumerParkedEvent.objects.exists()
    assert type(error).__name__ in ConsumerCheckpoint.objects.get(name="test-follower").problem
    handle.error = None
    follow(consumer)
    assert handle.taken == [1]


def missing_table() -> ProgrammingError:
    """Return the error of PostgreSQL for a table that does not exist."""
    with pytest.raises(ProgrammingError) as raised, connection.cursor() as cursor:
        cursor.execute("SELECT FROM no_such_table")
    return raised.value


class Handler:
    """Takes counts; raises `error` if there is one."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.taken = error, list[int]()

    def __call__(self, facts: Sequence[Recorded[Any]]) -> None:
        if self.error:
            raise self.error
        for fact in facts:
            self.taken += [fact.event.by] if isinstance(fact.event, Counted) else []


def test_parking_and_the_move_of_the_checkpoint_commit_together(
    broken: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("the power went")

    broken.add(7)
    count(7)
    monkeypatch.setattr(ConsumerCheckpoint, "save", crash)
    process_managers.run()
    assert parked() == []
    monkeypatch.undo()
    process_managers.run()
    assert parked() == [(1, Status.FAILED)]


@pytest.fixture
def mailed() -> Iterator[Callable[[set[int]], list[int]]]:
    """Return a function that runs a consumer whose work cannot be rolled back, and returns all that it has done."""
    done: list[int] = []

    def run(cannot: set[int]) -> list[int]:
        def handle(facts: Sequence[Recorded[Any]]) -> None:
            for fact in facts:
                if isinstance(fact.event, Damaged):
                    raise fact.event.error
                if fact.event.by in cannot:
                    raise CorruptEvent("no")
                done.append(fact.event.by)

        follow(declare(Consumer(name="test-mails", handle=handle, event_types=["test.counted"], page=1)))
        return done

    yield run
    del CONSUMERS["test-mails"]


def test_what_cannot_be_rolled_back_is_done_once(mailed: Callable[[set[int]], list[int]]) -> None:
    bad = count(1, 7, 2)
    count(3)
    assert mailed({7, 2}) == [1, 3]
    mailed({2})
    assert parking.redrive("test-mails", aggregate_id=bad) == 1
    assert mailed(set()) == [1, 3, 7]
    assert parking.redrive("test-mails") == 1
    assert mailed(set()) == [1, 3, 7, 2]


def test_older_code_retries_nothing_that_newer_code_has_parked(broken: set[int]) -> None:
    broken.add(7)
    count(7)
    process_managers.run()
    ConsumerCheckpoint.objects.filter(name=NAME).update(event_types=["test.counted", "test.later"])
    with pytest.raises(OutdatedConsumer, match=r"also handled test\.later"):
        parking.redrive(NAME)
    assert parked() == [(1, Status.FAILED)]
    with pytest.raises(UnknownConsumer, match=r"no consumer is called 'nobody'; there are .*process:test-relay"):
        parking.redrive("nobody")


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_each_event_is_handled_once_in_its_order_whatever_fails_and_is_retried(data: st.DataObject) -> None:
    """A law: in any order of runs, failures and retries, each aggregate's events are handled in order, each once."""
    tallies = [count(*range(1, data.draw(st.integers(1, 4)) + 1)) for _ in range(3)]
    cannot: set[tuple[UUID, int]] = set()
    done: dict[UUID, list[int]] = {tally_id: [] for tally_id in tallies}

    def handle(facts: Sequence[Recorded[Any]]) -> None:
        mine = [fact for fact in facts if fact.aggregate_id in done]
        if any((fact.aggregate_id, fact.event.by) in cannot for fact in mine):
            raise ValueError("not this one")
        for fact in mine:
            done[fact.aggregate_id].append(fact.event.by)

    name = f"test-{new_id()}"
    consumer = declare(Consumer(name=name, handle=handle, event_types=["test.counted"]))
    try:
        for _ in range(3):
            cannot.clear()
            failing = data.draw(st.sets(st.tuples(st.integers(0, 2), st.integers(1, 4))))
            cannot.update((tallies[number], by) for number, by in failing)
            follow(consumer)
            if data.draw(st.booleans()):
                parking.redrive(name)
            for numbers in done.values():
                assert numbers == list(range(1, len(numbers) + 1)), done
        cannot.clear()
        parking.redrive(name)
        assert [len(done[each]) for each in tallies] == [len(store.read_stream(each)) for each in tallies]
        assert not parking.parked_events(name).exists()
    finally:
        del CONSUMERS[name]
