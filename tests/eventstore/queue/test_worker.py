"""An accepted command is done exactly once and in order, even if processes die."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventstore import store
from eventstore.dispatch import Answer, Context, dispatch
from eventstore.errors import (
    AggregateNotFound,
    CommandRefused,
    ConcurrencyError,
    IdempotencyConflict,
    QueueFull,
    QueueShareFull,
    SubjectWasErased,
    UndeclaredMessage,
)
from eventstore.ids import new_id
from eventstore.messages import GUARDS, guard
from eventstore.models import QueuedCommand
from eventstore.personal_data.subjects import erase
from eventstore.queue import worker
from eventstore.queue.acceptance import accept, outcome_of
from eventstore.queue.worker import run
from eventstore.wakeups import celery_broker
from tests.support.booking import new_booking
from tests.support.tally import Count, Restore, Tally
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)
OWNER = UUID(int=77)
Status = QueuedCommand.Status


@guard("test.hidden")
class Hidden:
    below: int

    def __call__(self, tally: Tally) -> None:
        if tally.total < self.below:
            raise AggregateNotFound("not_found", "you see no such tally")


def count(tally_id: UUID, by: int, **context: Any) -> QueuedCommand:
    return accept(Count(tally_id=tally_id, by=by), Context(actor="customer:1", **context), owner=OWNER)


def counted(tally_id: UUID) -> list[int]:
    return [fact.event.by for fact in store.read_stream(tally_id)]


def reload(queued: QueuedCommand) -> QueuedCommand:
    return QueuedCommand.objects.get(pk=queued.pk)


def test_an_accepted_command_is_done_later_with_its_whole_context() -> None:
    tally_id, correlation_id, cause = new_id(), new_id(), new_id()
    at = timezone.now() - timedelta(days=3)
    queued = count(tally_id, 5, correlation_id=correlation_id, causation_id=cause, occurred_at=at, extra={"mark": "x"})
    assert counted(tally_id) == []
    assert outcome_of(queued) is None
    run()
    (fact,) = store.read_stream(tally_id)
    metadata = fact.metadata
    assert (metadata.actor, metadata.command_id) == ("customer:1", queued.command_id)
    assert (metadata.correlation_id, metadata.causation_id) == (correlation_id, cause)
    assert (metadata.occurred_at, metadata.extra) == (at, {"mark": "x"})
    assert outcome_of(reload(queued)) == Answer(command_id=queued.command_id, aggregate_id=tally_id, version=1)


def test_a_repeat_is_the_same_queued_command_before_and_after_it_is_done() -> None:
    tally_id, command_id = new_id(), new_id()
    first = count(tally_id, 5, command_id=command_id)
    assert count(tally_id, 5, command_id=command_id).pk == first.pk
    run()
    assert count(tally_id, 5, command_id=command_id).status == Status.DONE
    run()
    assert counted(tally_id) == [5]
    with pytest.raises(IdempotencyConflict):
        count(tally_id, 6, command_id=command_id)


def test_a_command_sent_to_the_queue_and_to_dispatch_is_done_once() -> None:
    tally_id, first, second = new_id(), new_id(), new_id()
    dispatch(Count(tally_id=tally_id, by=1), Context(actor="customer:1", command_id=first))
    assert outcome_of(count(tally_id, 1, command_id=first)) == Answer(
        command_id=first, aggregate_id=tally_id, version=1
    )
    with pytest.raises(IdempotencyConflict):
        count(tally_id, 9, command_id=first)
    queued = count(tally_id, 2, command_id=second)
    dispatch(Count(tally_id=tally_id, by=2), Context(actor="customer:1", command_id=second))
    run()
    assert counted(tally_id) == [1, 2]
    assert reload(queued).version == 2


def test_a_refused_command_has_the_refusal_of_the_rule_as_its_outcome() -> None:
    tally_id = new_id()
    dispatch(Count(tally_id=tally_id, by=5), Context(actor="staff:anna"))
    down = count(tally_id, -1)
    stale = count(tally_id, 1, expected_version=7)
    hidden = count(tally_id, 1, guard=Hidden(below=6))
    seen = count(tally_id, 1, guard=Hidden(below=5))
    run()
    refusal = outcome_of(reload(down))
    assert isinstance(refusal, CommandRefused)
    assert (refusal.code, refusal.message) == ("not_up", "a tally only goes up")
    race = outcome_of(reload(stale))
    assert isinstance(race, ConcurrencyError)
    assert (race.expected, race.actual) == (7, 1)
    assert isinstance(outcome_of(reload(hidden)), AggregateNotFound)
    assert isinstance(outcome_of(reload(seen)), Answer)
    assert counted(tally_id) == [5, 1]


def test_a_refusal_is_stored_so_that_it_can_be_translated() -> None:
    tally_id = new_id()
    dispatch(Count(tally_id=tally_id, by=5), Context(actor="staff:anna"))
    queued = accept(Restore(tally_id=tally_id, version=9), Context(actor="customer:1"), owner=OWNER)
    run()
    refusal = outcome_of(reload(queued))
    assert isinstance(refusal, CommandRefused)
    assert refusal.message == "9 is not an earlier version; the current version is 1"
    assert refusal.message_in(lambda template: "{current}, not {version}") == "1, not 9"


def test_a_refusal_stored_without_a_template_is_read_unchanged() -> None:
    stored = {"kind": "refused", "code": "not_paid", "message": "{5} has to be paid"}
    refusal = outcome_of(QueuedCommand(status=Status.REFUSED, refusal=stored))
    assert isinstance(refusal, CommandRefused)
    assert (refusal.code, refusal.message, refusal.params) == ("not_paid", "{5} has to be paid", {})


def test_a_worker_that_dies_after_the_append_has_done_all_or_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    queued = count(new_id(), 5)

    def power_cut(self: QueuedCommand, *args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(QueuedCommand, "save", power_cut)
    with pytest.raises(KeyboardInterrupt):
        run()
    assert counted(queued.aggregate_id) == []
    assert reload(queued).status == Status.WAITING
    monkeypatch.undo()
    run()
    assert counted(queued.aggregate_id) == [5]


def test_a_failing_command_waits_and_holds_up_only_its_own_aggregate(monkeypatch: pytest.MonkeyPatch) -> None:
    poisoned, sound = new_id(), new_id()
    bad, behind, other = count(poisoned, 666), count(poisoned, 1), count(sound, 1)

    def dispatch_or_fail(command: Any, context: Context) -> Answer:
        if command.by == 666:
            raise RuntimeError("a bug")
        return dispatch(command, context)

    monkeypatch.setattr(worker, "dispatch", dispatch_or_fail)
    run()
    assert reload(other).status == Status.DONE
    assert reload(behind).status == Status.WAITING
    waiting = reload(bad)
    assert (waiting.status, waiting.attempts, waiting.problem) == (Status.WAITING, 1, "RuntimeError: a bug")
    assert waiting.due_at > timezone.now()
    for _ in range(worker.MAX_ATTEMPTS - 1):
        QueuedCommand.objects.update(due_at=timezone.now())
        run()
    assert reload(bad).status == Status.FAILED
    assert reload(bad).body is not None
    assert counted(poisoned) == [1], "the queue continues without it"
    monkeypatch.undo()
    worker.redrive(reload(bad))
    run()
    assert counted(poisoned) == [1, 666]


def test_a_full_queue_accepts_no_command_until_the_worker_has_made_room(settings: Any) -> None:
    settings.COMMAND_QUEUE_LIMIT = 3
    accepted = [count(new_id(), 1) for _ in range(3)]
    with pytest.raises(QueueFull, match="3 commands are waiting"):
        count(new_id(), 1)
    assert count(accepted[0].aggregate_id, 1, command_id=accepted[0].command_id).pk == accepted[0].pk, (
        "a repeat needs no room"
    )
    run()
    assert count(new_id(), 1).status == Status.WAITING


def test_a_person_fills_only_a_share_of_the_queue(settings: Any) -> None:
    settings.COMMAND_QUEUE_EACH = 3
    greedy, modest = UUID(int=1), UUID(int=2)
    accepted = [count_for(greedy, by) for by in range(1, 4)]
    with pytest.raises(QueueShareFull, match="3 of your commands are waiting"):
        count_for(greedy, 4)
    context = Context(actor="customer:1", command_id=accepted[0].command_id)
    repeated = accept(Count(tally_id=accepted[0].aggregate_id, by=1), context, owner=greedy)
    assert repeated.pk == accepted[0].pk, "a repeat needs no room"
    assert count_for(modest, 1).status == Status.WAITING
    run()
    assert count_for(greedy, 4).status == Status.WAITING


def test_a_long_queue_of_one_person_does_not_delay_the_command_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    for by in range(30):
        count_for(UUID(int=1), by + 1)
    late = count_for(UUID(int=2), 1)
    done: list[UUID] = []
    process = worker._process

    def note(queued: QueuedCommand) -> None:
        process(queued)
        done.append(queued.command_id)

    monkeypatch.setattr(worker, "_process", note)
    run()
    assert len(done) == 31
    assert late.command_id in done[:2]


def test_a_long_queue_leaves_the_worker_to_other_tasks_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    for by in range(3):
        count_for(UUID(int=1), by + 1)
    woken: list[str] = []
    monkeypatch.setattr(worker, "SLICE_SECONDS", 0)
    monkeypatch.setattr(worker, "wake_worker", lambda: woken.append("woken"))
    run()
    assert QueuedCommand.objects.filter(status=Status.DONE).count() == 1
    assert woken == ["woken"], "the rest is announced"


def count_for(owner: UUID, by: int) -> QueuedCommand:
    return accept(Count(tally_id=new_id(), by=by), Context(actor="customer:1"), owner=owner)


def test_a_broker_that_is_down_refuses_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def down(*args: Any, **options: Any) -> None:
        raise ConnectionError("the broker is down")

    monkeypatch.setattr(celery_broker, "send", down)
    queued = count(new_id(), 1)
    assert "the broker is down" in caplog.text
    run()
    assert reload(queued).status == Status.DONE


def test_a_body_is_encrypted_while_it_waits_and_deleted_afterwards() -> None:
    create = new_booking()
    assert create.guest_id
    queued = accept(create, Context(actor="customer:1"), owner=create.guest_id)
    assert create.guest_name.encode() not in bytes(queued.body or b"")
    assert create.guest_name not in str(queued.context)
    run()
    assert (reload(queued).status, reload(queued).body) == (Status.DONE, None)


def test_no_command_of_an_erased_person_is_done() -> None:
    done, create = new_booking(), new_booking()
    assert create.guest_id
    first = accept(done, Context(actor="customer:1"), owner=create.guest_id)
    run()
    waiting = accept(create, Context(actor="customer:1"), owner=create.guest_id)
    erase(create.guest_id, Context(actor="staff:anna"))
    run()
    refusal = outcome_of(reload(waiting))
    assert isinstance(refusal, CommandRefused)
    assert refusal.code == "subject_erased"
    assert not QueuedCommand.objects.filter(pk=first.pk).exists()
    with pytest.raises(SubjectWasErased):
        accept(new_booking(), Context(actor="customer:1"), owner=create.guest_id)


def test_an_outcome_is_deleted_after_some_days_and_its_command_is_never_done_again(settings: Any) -> None:
    tally_id, command_id = new_id(), new_id()
    count(tally_id, 1, command_id=command_id)
    run()
    worker.prune()
    assert QueuedCommand.objects.count() == 1
    QueuedCommand.objects.update(finished_at=timezone.now() - timedelta(days=settings.COMMAND_RESULTS_DAYS, seconds=1))
    waiting = count(new_id(), 1)
    worker.prune()
    assert QueuedCommand.objects.get().pk == waiting.pk
    assert count(tally_id, 1, command_id=command_id).status == Status.DONE
    run()
    assert counted(tally_id) == [1]


def test_an_undeclared_command_or_guard_waits_for_code_that_declares_it() -> None:
    queued = count(new_id(), 1, guard=Hidden(below=0))
    declared = GUARDS.pop("test.hidden")
    try:
        run()
        assert "deploy the code that does" in reload(queued).problem
    finally:
        GUARDS["test.hidden"] = declared
    QueuedCommand.objects.update(command_type="test.gone", due_at=timezone.now())
    run()
    assert "no code declares the command 'test.gone'" in reload(queued).problem


def test_only_a_declared_guard_can_be_queued() -> None:
    with pytest.raises(UndeclaredMessage, match="declare it with @guard"):
        count(new_id(), 1, guard=lambda state: None)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 9)), max_size=14))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_with_several_workers_the_commands_of_each_aggregate_are_done_in_order(counts: list[tuple[int, int]]) -> None:
    tally_ids = [new_id() for _ in range(3)]
    for index, by in counts:
        count(tally_ids[index], by)
    with at_once(run, run, run):
        pass
    run()
    for index, tally_id in enumerate(tally_ids):
        assert counted(tally_id) == [by for other, by in counts if other == index]
