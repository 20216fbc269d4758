"""Reactions to events are done exactly once, at their time, and only to new events."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from eventstore import store
from eventstore.codec import IMPORTED
from eventstore.dispatch import Context, dispatch
from eventstore.errors import CommandRefused
from eventstore.followers import parking, process_managers
from eventstore.followers.consumers import follow
from eventstore.followers.handling import CONSUMERS, Consumer
from eventstore.followers.process_managers import PROCESSES, Forget, Intent, Process, Send, reacts_to
from eventstore.ids import new_id
from eventstore.models import ConsumerCheckpoint, PlannedCommand
from eventstore.store import Recorded
from tests.support.tally import Count, Counted
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1)
ECHO, MIRROR = new_id(), new_id()


@pytest.fixture
def echo() -> Iterator["Process"]:
    """A count of 7 plans a count in another tally a day later; an 8 cancels that. A count of 9 is echoed at once."""

    class Echo(Process):
        name = "test-echo"
        plan = "Will be echoed"

        @reacts_to(Counted)
        def counted(self, event: Counted, fact: Recorded[Counted]) -> Iterable[Intent]:
            if event.by == 7:
                yield Send(command=Count(tally_id=ECHO, by=1), key=fact.aggregate_id, at=fact.timestamp + DAY)
            elif event.by == 8:
                yield Forget(key=fact.aggregate_id)
            elif event.by == 9:
                yield Send(command=Count(tally_id=ECHO, by=1), key=fact.aggregate_id)
                yield Send(command=Count(tally_id=MIRROR, by=-1), key=fact.aggregate_id)

        def refused(self, command: Count, refusal: CommandRefused) -> Iterable[Intent]:
            yield Send(command=Count(tally_id=command.tally_id, by=100), key=command.tally_id)

    process_managers.install()
    yield PROCESSES["test-echo"]
    del PROCESSES["test-echo"], CONSUMERS["process:test-echo"]


def count(by: int, **context: Any) -> UUID:
    tally_id = new_id()
    dispatch(Count(tally_id=tally_id, by=by), Context(actor="staff:anna", **context))
    return tally_id


def counted(tally_id: UUID) -> list[int]:
    return [fact.event.by for fact in store.read_stream(tally_id)]


def run_a_day_later() -> None:
    PlannedCommand.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    process_managers.run()


def test_a_reaction_is_sent_once_at_its_deadline(echo: Process) -> None:
    count(7)
    process_managers.run()
    assert counted(ECHO) == []
    run_a_day_later()
    run_a_day_later()
    assert counted(ECHO) == [1]
    assert not PlannedCommand.objects.exists()


def test_the_events_of_a_reaction_name_their_cause(echo: Process) -> None:
    correlation_id = new_id()
    cause = store.read_stream(count(9, correlation_id=correlation_id))[0]
    process_managers.run()
    (effect,) = store.read_stream(ECHO)
    assert effect.metadata.actor == "service:test-echo"
    assert effect.metadata.causation_id == cause.event_id
    assert effect.metadata.correlation_id == correlation_id


def test_a_forgotten_command_is_not_sent(echo: Process) -> None:
    tally_id = count(7)
    process_managers.run()
    dispatch(Count(tally_id=tally_id, by=8), Context(actor="staff:anna"))
    run_a_day_later()
    assert counted(ECHO) == []


def test_a_refused_command_is_stored_with_the_refusal_and_can_be_replaced(echo: Process) -> None:
    count(9)
    process_managers.run()
    refused = PlannedCommand.objects.get(command_type="test.count", refused_at__isnull=False)
    assert refused.problem == "a tally only goes up"
    process_managers.run()
    process_managers.run()
    assert counted(MIRROR) == [100]


def test_a_crash_before_the_checkpoint_moves_plans_nothing_twice(
    echo: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    count(9)
    monkeypatch.setattr(ConsumerCheckpoint, "save", crash)
    process_managers.run()
    assert not PlannedCommand.objects.exists()
    assert "the power went" in ConsumerCheckpoint.objects.get(name="process:test-echo").problem
    monkeypatch.undo()
    process_managers.run()
    assert counted(ECHO) == [1]
    assert ConsumerCheckpoint.objects.get(name="process:test-echo").problem == ""


def test_a_crash_between_the_command_and_the_deletion_of_its_plan_does_it_once(
    echo: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    count(9)
    monkeypatch.setattr(PlannedCommand, "delete", crash)
    process_managers.run()
    assert counted(ECHO) == [], "the command and the deletion are one transaction"
    plan = PlannedCommand.objects.get(refused_at=None, attempts=1, body__tally_id=str(ECHO))
    assert "the power went" in plan.problem
    assert plan.due_at > timezone.now()
    monkeypatch.undo()
    run_a_day_later()
    run_a_day_later()
    assert counted(ECHO) == [1]


def test_a_command_is_not_repeated_after_its_checkpoint_went_back(echo: Process) -> None:
    """The plan is written again, as after a restored backup. Its command id is the same and has a receipt."""
    count(9)
    process_managers.run()
    ConsumerCheckpoint.objects.filter(name="process:test-echo").update(position=0)
    process_managers.run()
    assert counted(ECHO) == [1]


def test_events_before_the_installation_are_ignored(echo: Process) -> None:
    ConsumerCheckpoint.objects.all().delete()
    count(9)
    process_managers.install()
    process_managers.run()
    assert counted(ECHO) == []


def test_imported_events_are_ignored(echo: Process) -> None:
    count(9, extra={IMPORTED: "2026-01-01T00:00:00Z"})
    process_managers.run()
    assert counted(ECHO) == []


def test_a_failing_process_disturbs_no_other_and_makes_up_for_it_once_it_is_fixed(
    echo: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Other(Process):
        name = "test-other"
        plan = "Will be noted"
        counts: list[int] = []

        @reacts_to(Counted)
        def counted(self, event: Counted, fact: Recorded[Counted]) -> Iterable[Intent]:
            self.counts.append(event.by)
            return ()

    try:
        process_managers.install()
        monkeypatch.setitem(echo.reactions, Counted, crash)
        count(9)
        process_managers.run()
        assert Other.counts == [9]
        assert counted(ECHO) == []
        monkeypatch.undo()
        parking.redrive("process:test-echo")
        process_managers.run()
        assert counted(ECHO) == [1]
    finally:
        del PROCESSES["test-other"], CONSUMERS["process:test-other"]


def crash(*args: Any, **kwargs: Any) -> None:
    raise RuntimeError("the power went")


def test_a_follower_stops_even_if_others_go_on_appending(echo: Process) -> None:
    pages: list[int] = []

    def append_while_handling(facts: Sequence[Recorded[Any]]) -> None:
        pages.append(len(facts))
        if len(pages) < 5:
            with at_once(lambda: count(1)):
                pass

    count(1)
    follower = Consumer(name="test-follower", handle=append_while_handling)
    follow(follower)
    assert pages == [1], "events appended meanwhile are left to the next run"
    follow(follower)
    assert pages == [1, 1]


def test_a_plan_of_an_undeclared_command_waits_for_code_that_declares_it(echo: Process) -> None:
    PlannedCommand.objects.create(
        command_id=new_id(),
        process="test-echo",
        key=new_id(),
        command_type="test.gone",
        body={},
        due_at=datetime(2020, 1, 1, tzinfo=UTC),
        causation_id=new_id(),
        correlation_id=new_id(),
    )
    for _ in range(3):
        process_managers.run()
        assert "deploy the code that does" in PlannedCommand.objects.get().problem
        PlannedCommand.objects.update(attempts=1000, due_at=timezone.now())


def test_an_older_worker_skips_no_event_that_a_newer_one_reacts_to(
    echo: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    process_managers.run()
    monkeypatch.setattr(type(echo), "consumer", replace(echo.consumer, event_types=[]))
    count(9)
    process_managers.run()
    assert "restart with the newer release" in ConsumerCheckpoint.objects.get(name="process:test-echo").problem
    monkeypatch.undo()
    process_managers.run()
    assert counted(ECHO) == [1]


def test_processes_are_not_installed_in_a_partly_migrated_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ConsumerCheckpoint._meta, "db_table", "not_there_yet")
    process_managers.install_after_migration()
