"""The joint catch-up: one task, woken by one message, catches up all plain projections. The others have own tasks."""

import threading
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.utils import timezone

from eventstore import store
from eventstore.dispatch import Context, dispatch
from eventstore.ids import new_id
from eventstore.wakeups import wakeup
from projections import tasks
from projections.accounting.journal import AccountingDay
from projections.customer.orders import CustomerOrder
from projections.engine import joint_catch_up, joint_loop
from projections.engine.catch_up import catch_up
from projections.engine.checkpoints import Checkpoint, ParkedEvent
from projections.engine.joint_catch_up import Round
from projections.engine.parking import redrive, skip
from projections.engine.projection import PROJECTIONS
from projections.engine.sharding import divide
from projections.engine.wakeups import forget_shard_counts, joint_wakeup, shard_wakeup
from projections.staff.orders import StaffOrder, StaffOrders
from tests.support.order_examples import CREATE, CREATED, ORDER, PAID
from tests.support.projection_spec import contents, empty, write
from tests.support.tampering import behind_the_logs_back
from tests.support.threads import at_once
from tests.support.wakeups import waiting

pytestmark = pytest.mark.django_db(transaction=True)
STAFF, ACCOUNTING = PROJECTIONS["staff"], PROJECTIONS["accounting"]
ALL = list(PROJECTIONS.values())
PROJECT_ALL = tasks.project_all.name


@pytest.fixture(autouse=True)
def _caught_up_before() -> None:
    """Every projection has run before, and no message waits."""
    for projection in ALL:
        catch_up(projection)
    forget_shard_counts()


def place(order_id: UUID, *later: Any) -> None:
    for version, event in enumerate((CREATED, *later)):
        store.append([write(replace(event, order_id=order_id), version)])


def dispatch_order() -> None:
    dispatch(replace(CREATE, order_id=new_id()), Context(actor="staff:anna"))


def elsewhere(work: Any) -> None:
    """Run `work` on another connection, as another process would."""
    with at_once(work):
        pass


def woken_projections() -> list[str]:
    """Return the projections for whose own task a message waits."""
    return [each.removeprefix(f"{tasks.project.name} ") for each in waiting() if each.startswith(tasks.project.name)]


def all_caught_up() -> bool:
    return not Checkpoint.objects.filter(position__lt=store.latest_position()).exists()


def test_one_message_wakes_the_task_that_catches_up_all_projections() -> None:
    for _ in range(3):
        dispatch_order()
    assert waiting() == [PROJECT_ALL]
    tasks.project_all()
    assert StaffOrder.objects.count() == CustomerOrder.objects.count() == AccountingDay.objects.get().orders == 3
    assert all_caught_up()
    assert woken_projections() == []
    dispatch_order()
    assert waiting().count(PROJECT_ALL) == 2


def test_a_commit_while_the_task_runs_sends_no_message_and_is_still_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dispatch_order()
    late = [dispatch_order]
    advance = joint_catch_up.advance

    def advance_then_commit(projections: Any) -> Any:
        result = advance(projections)
        if late and projections == [STAFF]:
            elsewhere(late.pop())
        return result

    monkeypatch.setattr(joint_catch_up, "advance", advance_then_commit)
    tasks.project_all()
    assert StaffOrder.objects.count() == 2
    assert waiting().count(PROJECT_ALL) == 1, "the message that woke it"


def test_a_commit_during_a_round_is_shown_to_staff_before_the_last_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    advance, late, calls = joint_catch_up.advance, [dispatch_order], []

    def advance_then_commit(projections: Any) -> Any:
        calls.append((projections[0].name, StaffOrder.objects.count()))
        result = advance(projections)
        if late:
            elsewhere(late.pop())
        return result

    monkeypatch.setattr(joint_catch_up, "advance", advance_then_commit)
    dispatch_order()
    joint_loop._advance_all(ALL)
    dispatch_order()
    joint_loop._advance_all(ALL)
    names = [name for name, _ in calls]
    assert names == [*names[:2], "staff", names[3], *names[:2], names[3]], "each rank once in a round without a commit"
    assert [orders for _, orders in calls] == [0, 1, 1, 2, 2, 3, 3]


def test_a_projection_that_is_busy_in_one_round_gets_no_task_of_its_own_however_long_the_round_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    advance, taken = joint_catch_up.advance, [STAFF]

    def slow_and_busy_at_first(projections: Any) -> Any:
        if projections == taken:
            taken.clear()
            time.sleep(2 * joint_loop.BUSY_SECONDS)
            return Round(busy=projections)
        return advance(projections)

    monkeypatch.setattr(joint_catch_up, "advance", slow_and_busy_at_first)
    dispatch_order()
    tasks.project_all()
    assert StaffOrder.objects.count() == 1
    assert woken_projections() == []


@pytest.mark.parametrize(("seconds", "shown", "woken"), [(0, 3, 2), (30, 0, 3)])
def test_a_projection_with_a_task_of_its_own_is_woken_by_each_commit_until_the_loop_tries_it_again(
    monkeypatch: pytest.MonkeyPatch, seconds: float, shown: int, woken: int
) -> None:
    advance, more_comes, failing, late = (
        joint_catch_up.advance,
        joint_loop._more_comes_after,
        [STAFF],
        [dispatch_order] * 2,
    )

    def fail_at_first(projections: Any) -> Any:
        if projections == failing:
            failing.clear()
            return Round(special=projections)
        return advance(projections)

    def commit_once_its_task_is_done(position: int) -> bool:
        if late:
            wakeup.acknowledge(shard_wakeup("staff", 0, 1))
            elsewhere(late.pop())
        return more_comes(position)

    monkeypatch.setattr(joint_loop, "APART_SECONDS", seconds)
    monkeypatch.setattr(joint_catch_up, "advance", fail_at_first)
    monkeypatch.setattr(joint_loop, "_more_comes_after", commit_once_its_task_is_done)
    dispatch_order()
    tasks.project_all()
    assert CustomerOrder.objects.count() == 3
    assert StaffOrder.objects.count() == shown
    assert woken_projections() == ["staff"] * woken


def test_the_sweep_leaves_undivided_projections_to_the_joint_task_while_that_is_running(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    divide(STAFF, 2)
    advance = joint_catch_up.advance
    shown: list[int] = []

    def sweep_first(projections: Any) -> Any:
        if not shown:
            place(ORDER)
            tasks.sweep()
            shown.extend([StaffOrder.objects.count(), CustomerOrder.objects.count()])
        return advance(projections)

    monkeypatch.setattr(joint_catch_up, "advance", sweep_first)
    wakeup.mark_running(joint_wakeup())
    tasks.project_all()
    assert shown == [1, 0], "the joint task does not take the divided staff projection"
    assert all_caught_up()


def test_the_sweep_catches_up_if_the_joint_task_is_not_running() -> None:
    place(ORDER)
    wakeup.wake(joint_wakeup())
    tasks.sweep()
    assert all_caught_up(), "although a message waits"


def test_under_load_the_second_wave_is_sent_at_once_and_then_once_for_many_commits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dispatch_order()
    late, countdowns = [dispatch_order, dispatch_order], []
    more_comes, wake_second_wave = joint_loop._more_comes_after, wakeup.wake_second_wave

    def commit_while_it_lingers(position: int) -> bool:
        if late:
            elsewhere(late.pop())
        return more_comes(position)

    def record_countdown(*, countdown: float | None = None) -> None:
        countdowns.append(countdown)
        wake_second_wave(countdown=countdown)

    monkeypatch.setattr(joint_loop, "_more_comes_after", commit_while_it_lingers)
    monkeypatch.setattr(wakeup, "wake_second_wave", record_countdown)
    tasks.project_all()
    assert countdowns == [None, joint_loop.LATER_SECONDS, joint_loop.LATER_SECONDS]
    assert waiting().count("eventstore.processes.run") == 1


def test_a_commit_at_the_moment_when_the_task_ends_is_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    dispatch_order()
    acknowledge, late = wakeup.acknowledge, [dispatch_order]

    def acknowledge_then_commit(acknowledged: wakeup.Wakeup) -> None:
        acknowledge(acknowledged)
        if late and acknowledged.name == "views":
            elsewhere(late.pop())

    monkeypatch.setattr(wakeup, "acknowledge", acknowledge_then_commit)
    tasks.project_all()
    assert waiting().count(PROJECT_ALL) == 2, "the late commit sent a message"
    tasks.project_all()
    assert StaffOrder.objects.count() == 2


def test_many_workers_at_once_count_each_event_once() -> None:
    for _ in range(20):
        place(new_id(), PAID)
    with at_once(*[tasks.project_all] * 3, *[lambda: catch_up(ACCOUNTING, limit=7)] * 2):
        pass
    tasks.sweep()
    day = AccountingDay.objects.get()
    assert (day.orders, day.payments) == (20, 500)
    assert Checkpoint.objects.get(name="staff/0").events == Checkpoint.objects.get(name="customer/0").events == 40
    assert all_caught_up()


def test_a_worker_killed_before_its_commit_leaves_nothing_half_done(monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def die(*args: Any) -> None:
        raise Killed

    place(ORDER, PAID)
    monkeypatch.setattr(joint_catch_up, "_save", die)
    with pytest.raises(Killed):
        joint_catch_up.advance(ALL)
    assert not StaffOrder.objects.exists()
    assert not AccountingDay.objects.exists()
    monkeypatch.undo()
    tasks.project_all()
    assert AccountingDay.objects.get().payments == 25


def test_a_failing_event_stops_no_projection_and_is_parked_by_the_own_task_of_its_projection(poison: set[UUID]) -> None:
    poison.add(ORDER)
    place(ORDER, PAID)
    place(new_id())
    tasks.project_all()
    assert AccountingDay.objects.get().payments == 25, "projections of another rank do not wait"
    assert woken_projections() == ["staff"]
    tasks.project("staff")
    assert ParkedEvent.objects.get().aggregate_id == ORDER
    assert StaffOrder.objects.count() == 2


def test_later_events_of_a_parked_aggregate_are_left_to_the_own_task(poison: set[UUID]) -> None:
    poison.add(ORDER)
    place(ORDER, PAID)
    tasks.project("staff")
    store.append([write(PAID, 2)])
    assert joint_catch_up.advance([STAFF]).special == [STAFF]
    assert ParkedEvent.objects.count() == 1, "the joint catch-up did not touch it"
    tasks.project("staff")
    assert ParkedEvent.objects.count() == 2
    poison.clear()
    redrive(STAFF)
    place(new_id())
    assert joint_catch_up.advance([STAFF]).special == []
    assert StaffOrder.objects.count() == 2


def test_an_event_to_be_left_out_is_left_to_the_own_task(poison: set[UUID]) -> None:
    poison.add(ORDER)
    place(ORDER, PAID)
    tasks.project("staff")
    skip(STAFF, ParkedEvent.objects.get().position, reason="never came", by="staff:anna")
    empty(STAFF)
    assert joint_catch_up.advance([STAFF]).special == [STAFF]
    catch_up(STAFF)
    assert joint_catch_up.advance([STAFF]).special == []


def test_an_event_that_another_worker_parked_just_before_the_lock_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The snapshot of the locking statement may be older than its lock."""
    place(ORDER)
    parked = ParkedEvent(
        projection="staff",
        position=1,
        aggregate_id=ORDER,
        event_type="order.created",
        error="x",
        parked_at=timezone.now(),
    )
    take = joint_catch_up._take

    def take_late(*args: Any) -> None:
        take(*args)
        elsewhere(parked.save)

    monkeypatch.setattr(joint_catch_up, "_take", take_late)
    assert joint_catch_up.advance([STAFF]).special == [STAFF]
    assert not StaffOrder.objects.exists()


def test_an_event_that_cannot_be_decoded_is_left_to_the_own_task() -> None:
    place(ORDER)
    behind_the_logs_back("UPDATE events SET event_data = '{}' WHERE aggregate_id = %s", ORDER)
    assert joint_catch_up.advance([STAFF]).special == [STAFF]
    tasks.project_all()
    assert "staff" in woken_projections()
    tasks.project("staff")
    assert ParkedEvent.objects.get().aggregate_id == ORDER


def test_the_loop_waits_a_moment_for_a_locked_projection_and_then_wakes_its_own_task(staff_is_locked: None) -> None:
    place(ORDER)
    tasks.project_all()
    assert CustomerOrder.objects.exists(), "the other projections do not wait"
    assert woken_projections() == ["staff"]


@pytest.mark.parametrize(
    "change",
    [
        {"code_version": StaffOrders.version + 1},
        {"event_types": ["order.created"]},
        {"level_at": None},
        {"last_error": "out of order"},
    ],
)
def test_a_projection_that_is_building_or_failed_or_has_other_code_is_left_to_its_own_task(
    change: dict[str, Any],
) -> None:
    Checkpoint.objects.filter(name="staff/0").update(**change)
    place(ORDER)
    tasks.project_all()
    assert not StaffOrder.objects.exists()
    assert CustomerOrder.objects.exists()
    assert woken_projections() == ["staff"]


def test_a_projection_that_a_comparison_holds_still_is_not_advanced() -> None:
    Checkpoint.objects.filter(name="staff/0").update(held_until=timezone.now() + timedelta(seconds=30))
    place(ORDER)
    assert joint_catch_up.advance([STAFF]).special == [STAFF]
    assert not StaffOrder.objects.exists()


def test_each_shard_of_a_divided_projection_is_woken_by_its_own_message() -> None:
    divide(STAFF, 3)
    forget_shard_counts()
    dispatch_order()
    assert waiting()[0] == PROJECT_ALL
    assert woken_projections() == ["staff"]
    tasks.project_all()
    assert not StaffOrder.objects.exists()
    assert CustomerOrder.objects.exists()


def test_a_projection_that_was_divided_since_the_last_look_is_not_lost() -> None:
    tasks.project_all()
    divide(STAFF, 3)
    place(ORDER)
    tasks.project_all()
    assert woken_projections() == ["staff"]
    tasks.project("staff", 0, 1)
    assert woken_projections() == ["staff"] * 4


def test_projections_that_are_far_behind_catch_up_together_in_large_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joint_catch_up, "PAGE", 2)
    read_after, limits = store.read_after, list[int]()

    def read(*after: int, limit: int, **query: Any) -> store.Page:
        limits.append(limit)
        return read_after(*after, limit=limit, **query)

    monkeypatch.setattr(store, "read_after", read)
    for _ in range(5):
        place(new_id())
    tasks.project_all()
    assert (all_caught_up(), woken_projections()) == (True, [])
    assert limits[-1] == joint_catch_up.LARGE_PAGE


def test_a_task_that_is_far_behind_lets_other_tasks_run_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joint_catch_up, "PAGE", 1)
    monkeypatch.setattr(joint_loop, "LARGE_PAGE", 1)
    monkeypatch.setattr(joint_loop, "SLICE_SECONDS", 0)
    for _ in range(3):
        place(new_id())
    waiting()
    tasks.project_all()
    assert PROJECT_ALL in waiting(), "a message for the rest"
    assert not all_caught_up()
    for _ in range(4):
        tasks.project_all()
    assert all_caught_up()


def test_the_loop_goes_on_while_an_open_transaction_holds_back_the_log_and_sends_no_message() -> None:
    taken, go = threading.Event(), threading.Event()

    def roll_back_later() -> None:
        with transaction.atomic():
            store.append([write(replace(CREATED, order_id=new_id()), 0)])
            taken.set()
            go.wait(5)
            transaction.set_rollback(True)

    with at_once(roll_back_later):
        taken.wait(5)
        place(ORDER)
        threading.Timer(0.2, go.set).start()
        tasks.project_all()
    assert StaffOrder.objects.get().pk == ORDER


def test_an_error_writes_nothing_and_each_projection_gets_a_task_of_its_own(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: Any, **more: Any) -> Any:
        raise LookupError("out of order")

    place(ORDER)
    monkeypatch.setattr(store, "read_after", fail)
    tasks.project_all()
    assert "out of order" in caplog.text
    assert sorted(woken_projections()) == sorted(PROJECTIONS)
    assert connection.in_atomic_block is False


def test_the_rows_equal_those_that_each_projection_makes_by_itself() -> None:
    for _ in range(3):
        place(new_id(), PAID)
        tasks.project_all()
    made_together = [contents(projection) for projection in ALL]
    for projection in ALL:
        empty(projection)
        catch_up(projection)
    assert [contents(projection) for projection in ALL] == made_together
