"""The views brought level together, by one task that one message wakes: whatever is not plain is left to others."""

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
from projections.engine import joint_catch_up
from projections.engine.catch_up import catch_up
from projections.engine.checkpoints import Checkpoint, ParkedEvent
from projections.engine.joint_catch_up import Round
from projections.engine.parking import redrive, skip
from projections.engine.projection import PROJECTIONS
from projections.engine.sharding import divide
from projections.staff.orders import StaffOrder, StaffOrders
from tests.support.order_examples import CREATE, CREATED, ORDER, PAID
from tests.support.projection_spec import contents, empty, write
from tests.support.tampering import behind_the_logs_back
from tests.support.threads import at_once
from tests.support.wakeups import waiting

pytestmark = pytest.mark.django_db(transaction=True)
STAFF, ACCOUNTING = PROJECTIONS["staff"], PROJECTIONS["accounting"]
ALL = list(PROJECTIONS.values())
LOOK = tasks.project_all.name


@pytest.fixture(autouse=True)
def _level_before() -> None:
    """Every view ran before, and nobody waits to be woken."""
    for projection in ALL:
        catch_up(projection)
    tasks.forget_divisions()


def place(order_id: UUID, *later: Any) -> None:
    for version, event in enumerate((CREATED, *later)):
        store.append([write(replace(event, order_id=order_id), version)])


def order_placed() -> None:
    dispatch(replace(CREATE, order_id=new_id()), Context(actor="staff:anna"))


def elsewhere(work: Any) -> None:
    """In another process, as far as the database can tell."""
    with at_once(work):
        pass


def own_tasks() -> list[str]:
    return [each.removeprefix(f"{tasks.project.name} ") for each in waiting() if each.startswith(tasks.project.name)]


def level() -> bool:
    return not Checkpoint.objects.filter(position__lt=store.latest_position()).exists()


def test_one_message_wakes_whoever_brings_all_views_level() -> None:
    for _ in range(3):
        order_placed()
    assert waiting() == [LOOK]
    tasks.project_all()
    assert StaffOrder.objects.count() == CustomerOrder.objects.count() == AccountingDay.objects.get().orders == 3
    assert level()
    assert own_tasks() == []
    order_placed()
    assert waiting().count(LOOK) == 2


def test_a_commit_while_it_is_at_work_sends_no_message_and_is_shown_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order_placed()
    late = [order_placed]
    advance = joint_catch_up.advance

    def advance_then_commit(views: Any) -> Any:
        found = advance(views)
        if late and views == [STAFF]:
            elsewhere(late.pop())
        return found

    monkeypatch.setattr(joint_catch_up, "advance", advance_then_commit)
    tasks.project_all()
    assert StaffOrder.objects.count() == 2
    assert waiting().count(LOOK) == 1, "the one that it was woken by"


def test_a_commit_during_a_round_is_shown_to_staff_before_the_last_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    advance, late, turns = joint_catch_up.advance, [order_placed], []

    def advance_then_commit(views: Any) -> Any:
        turns.append((views[0].name, StaffOrder.objects.count()))
        found = advance(views)
        if late:
            elsewhere(late.pop())
        return found

    monkeypatch.setattr(joint_catch_up, "advance", advance_then_commit)
    order_placed()
    tasks._advance_all(ALL)
    order_placed()
    tasks._advance_all(ALL)
    names = [name for name, _ in turns]
    assert names == [*names[:2], "staff", names[3], *names[:2], names[3]], "in a round in which nobody commits, once"
    assert [placed for _, placed in turns] == [0, 1, 1, 2, 2, 3, 3]


def test_one_glance_at_a_view_that_somebody_works_on_hands_it_to_nobody_however_long_the_round_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    advance, taken = joint_catch_up.advance, [STAFF]

    def slow_and_busy_at_first(views: Any) -> Any:
        if views == taken:
            taken.clear()
            time.sleep(2 * tasks.BUSY_SECONDS)
            return Round(busy=views)
        return advance(views)

    monkeypatch.setattr(joint_catch_up, "advance", slow_and_busy_at_first)
    order_placed()
    tasks.project_all()
    assert StaffOrder.objects.count() == 1
    assert own_tasks() == []


@pytest.mark.parametrize(("seconds", "shown", "woken"), [(0, 3, 2), (30, 0, 3)])
def test_a_view_that_is_left_to_others_is_woken_by_each_commit_until_it_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, seconds: float, shown: int, woken: int
) -> None:
    advance, more_comes, failing, late = joint_catch_up.advance, tasks._more_comes_after, [STAFF], [order_placed] * 2

    def fail_at_first(views: Any) -> Any:
        if views == failing:
            failing.clear()
            return Round(special=views)
        return advance(views)

    def commit_once_its_task_is_done(position: int) -> bool:
        if late:
            wakeup.acknowledge(tasks._project_wakeup("staff", 0, 1))
            elsewhere(late.pop())
        return more_comes(position)

    monkeypatch.setattr(tasks, "APART_SECONDS", seconds)
    monkeypatch.setattr(joint_catch_up, "advance", fail_at_first)
    monkeypatch.setattr(tasks, "_more_comes_after", commit_once_its_task_is_done)
    order_placed()
    tasks.project_all()
    assert CustomerOrder.objects.count() == 3
    assert StaffOrder.objects.count() == shown
    assert own_tasks() == ["staff"] * woken


def test_the_sweep_leaves_to_whoever_is_at_work_what_they_are_about_to_show(monkeypatch: pytest.MonkeyPatch) -> None:
    divide(STAFF, 2)
    advance = joint_catch_up.advance
    shown: list[int] = []

    def sweep_first(views: Any) -> Any:
        if not shown:
            place(ORDER)
            tasks.sweep()
            shown.extend([StaffOrder.objects.count(), CustomerOrder.objects.count()])
        return advance(views)

    monkeypatch.setattr(joint_catch_up, "advance", sweep_first)
    wakeup.mark_running(tasks._project_all_wakeup())
    tasks.project_all()
    assert shown == [1, 0], "of a divided view it is the only net"
    assert level()


def test_the_sweep_takes_what_nobody_is_at_work_on_any_more() -> None:
    place(ORDER)
    wakeup.wake(tasks._project_all_wakeup())
    tasks.sweep()
    assert level(), "whether or not the message comes"


def test_under_load_others_are_woken_at_once_and_then_for_many_commits_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order_placed()
    late, told = [order_placed, order_placed], []
    more_comes, ring_later = tasks._more_comes_after, wakeup.wake_second_wave

    def commit_while_it_stays_near(position: int) -> bool:
        if late:
            elsewhere(late.pop())
        return more_comes(position)

    def ring(*, countdown: float | None = None) -> None:
        told.append(countdown)
        ring_later(countdown=countdown)

    monkeypatch.setattr(tasks, "_more_comes_after", commit_while_it_stays_near)
    monkeypatch.setattr(wakeup, "wake_second_wave", ring)
    tasks.project_all()
    assert told == [None, tasks.LATER_SECONDS, tasks.LATER_SECONDS]
    assert waiting().count("eventstore.processes.run") == 1


def test_a_commit_in_the_moment_in_which_it_ends_is_shown_by_it_or_rings_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    order_placed()
    heard, late = wakeup.acknowledge, [order_placed]

    def heard_then_commit(rung: wakeup.Wakeup) -> None:
        heard(rung)
        if late and rung.name == "views":
            elsewhere(late.pop())

    monkeypatch.setattr(wakeup, "acknowledge", heard_then_commit)
    tasks.project_all()
    assert waiting().count(LOOK) == 2, "the late commit rang: there is a message for it"
    tasks.project_all()
    assert StaffOrder.objects.count() == 2


def test_many_at_once_count_each_event_once() -> None:
    for _ in range(20):
        place(new_id(), PAID)
    with at_once(*[tasks.project_all] * 3, *[lambda: catch_up(ACCOUNTING, limit=7)] * 2):
        pass
    tasks.sweep()
    day = AccountingDay.objects.get()
    assert (day.orders, day.payments) == (20, 500)
    assert Checkpoint.objects.get(name="staff/0").events == Checkpoint.objects.get(name="customer/0").events == 40
    assert level()


def test_one_killed_before_its_commit_leaves_nothing_half_done(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_poison_event_stops_no_view_and_is_parked_by_a_task_of_its_views_own(poison: set[UUID]) -> None:
    poison.add(ORDER)
    place(ORDER, PAID)
    place(new_id())
    tasks.project_all()
    assert AccountingDay.objects.get().payments == 25, "a view of another turn is not kept waiting"
    assert own_tasks() == ["staff"]
    tasks.project("staff")
    assert ParkedEvent.objects.get().aggregate_id == ORDER
    assert StaffOrder.objects.count() == 2


def test_what_comes_while_an_aggregate_is_parked_or_left_out_is_taken_in_order(poison: set[UUID]) -> None:
    poison.add(ORDER)
    place(ORDER, PAID)
    tasks.project("staff")
    store.append([write(PAID, 2)])
    assert joint_catch_up.advance([STAFF]).special == [STAFF]
    assert ParkedEvent.objects.count() == 1, "it was left alone"
    tasks.project("staff")
    assert ParkedEvent.objects.count() == 2
    poison.clear()
    redrive(STAFF)
    place(new_id())
    assert joint_catch_up.advance([STAFF]).special == []
    assert StaffOrder.objects.count() == 2


def test_an_event_that_is_to_be_left_out_is_left_to_who_leaves_it_out(poison: set[UUID]) -> None:
    poison.add(ORDER)
    place(ORDER, PAID)
    tasks.project("staff")
    skip(STAFF, ParkedEvent.objects.get().position, reason="never came", by="staff:anna")
    empty(STAFF)
    assert joint_catch_up.advance([STAFF]).special == [STAFF]
    catch_up(STAFF)
    assert joint_catch_up.advance([STAFF]).special == []


def test_what_is_parked_by_whoever_lets_go_of_the_checkpoint_just_then_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The snapshot of the statement that takes the lock may be older than the lock."""
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


def test_an_event_that_cannot_be_decoded_is_left_to_who_parks_it() -> None:
    place(ORDER)
    behind_the_logs_back("UPDATE events SET event_data = '{}' WHERE aggregate_id = %s", ORDER)
    assert joint_catch_up.advance([STAFF]).special == [STAFF]
    tasks.project_all()
    assert "staff" in own_tasks()
    tasks.project("staff")
    assert ParkedEvent.objects.get().aggregate_id == ORDER


def test_a_view_that_somebody_works_on_is_waited_for_a_moment_and_then_woken_by_itself(held: None) -> None:
    place(ORDER)
    tasks.project_all()
    assert CustomerOrder.objects.exists(), "the others are not kept waiting"
    assert own_tasks() == ["staff"]


@pytest.mark.parametrize(
    "change",
    [
        {"code_version": StaffOrders.version + 1},
        {"event_types": ["order.created"]},
        {"level_at": None},
        {"last_error": "out of order"},
    ],
)
def test_a_view_that_is_building_or_failed_or_is_kept_by_other_code_is_left_alone(change: dict[str, Any]) -> None:
    Checkpoint.objects.filter(name="staff/0").update(**change)
    place(ORDER)
    tasks.project_all()
    assert not StaffOrder.objects.exists()
    assert CustomerOrder.objects.exists()
    assert own_tasks() == ["staff"]


def test_a_view_that_is_compared_is_left_still() -> None:
    Checkpoint.objects.filter(name="staff/0").update(held_until=timezone.now() + timedelta(seconds=30))
    place(ORDER)
    assert joint_catch_up.advance([STAFF]).special == [STAFF]
    assert not StaffOrder.objects.exists()


def test_each_shard_of_a_divided_view_is_woken_by_its_own_message() -> None:
    divide(STAFF, 3)
    tasks.forget_divisions()
    order_placed()
    assert waiting()[0] == LOOK
    assert own_tasks() == ["staff"]
    tasks.project_all()
    assert not StaffOrder.objects.exists()
    assert CustomerOrder.objects.exists()


def test_a_view_that_was_divided_since_anybody_looked_is_not_lost() -> None:
    tasks.project_all()
    divide(STAFF, 3)
    place(ORDER)
    tasks.project_all()
    assert own_tasks() == ["staff"]
    tasks.project("staff", 0, 1)
    assert own_tasks() == ["staff"] * 4


def test_views_that_are_far_behind_go_on_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joint_catch_up, "PAGE", 2)
    for _ in range(5):
        place(new_id())
    tasks.project_all()
    assert sorted(own_tasks()) == sorted(PROJECTIONS)


def test_it_stays_near_while_a_writer_holds_the_feed_back_and_never_rings() -> None:
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


def test_whatever_goes_wrong_nothing_was_written_and_each_is_tried_by_itself(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*args: Any, **more: Any) -> Any:
        raise LookupError("out of order")

    place(ORDER)
    monkeypatch.setattr(store, "read_after", broken)
    tasks.project_all()
    assert "out of order" in caplog.text
    assert sorted(own_tasks()) == sorted(PROJECTIONS)
    assert connection.in_atomic_block is False


def test_rows_are_those_that_each_view_makes_by_itself() -> None:
    for _ in range(3):
        place(new_id(), PAID)
        tasks.project_all()
    together_made = [contents(projection) for projection in ALL]
    for projection in ALL:
        empty(projection)
        catch_up(projection)
    assert [contents(projection) for projection in ALL] == together_made
