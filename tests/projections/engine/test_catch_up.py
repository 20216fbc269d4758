"""Catching up: each event takes effect once, failures stop nothing else, commits wake workers, and the sweep helps."""

import threading
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from django.core.cache import cache
from django.core.checks import run_checks
from django.db import ProgrammingError, connection, transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from eventstore import store
from eventstore.dispatch import Context, dispatch
from eventstore.errors import NewerSchemaVersion, NotParked, ReasonMissing
from eventstore.ids import new_id
from eventstore.messages import EVENT_TYPES
from orders.events import OrderCreated, OrderPaid
from projections import tasks
from projections.accounting.journal import AccountingDay
from projections.engine import catch_up as engine
from projections.engine.catch_up import OutdatedCode, catch_up, catch_up_shard
from projections.engine.checkpoints import Checkpoint, ParkedEvent, SkippedEvent
from projections.engine.folding import HandlerFailed
from projections.engine.parking import redrive, skip
from projections.engine.projection import PROJECTIONS, UnknownProjection, projection_named
from projections.rebuild.run import rebuild
from projections.staff.orders import StaffOrder, StaffOrders
from tests.support.order_examples import CANCELLED, CREATE, CREATED, ORDER, PAID, SHIPPED, TOO_MUCH
from tests.support.projection_spec import contents, empty, write
from tests.support.tampering import behind_the_logs_back
from tests.support.threads import at_once
from tests.support.wakeups import waiting_projections

pytestmark = pytest.mark.django_db(transaction=True)


STAFF, ACCOUNTING = PROJECTIONS["staff"], PROJECTIONS["accounting"]


def place(order_id: UUID, *later: Any) -> None:
    for version, event in enumerate((CREATED, *later)):
        store.append([write(replace(event, order_id=order_id), version)])


def test_the_system_check_names_an_event_without_a_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_checks() == []
    monkeypatch.setattr(StaffOrders, "handlers", {OrderCreated: StaffOrders.handlers[OrderCreated]})
    messages = [error.msg for error in run_checks()]
    assert "the projection 'staff' has no handler for OrderPaid" in messages


def test_the_error_for_an_unknown_name_lists_the_known_names() -> None:
    with pytest.raises(UnknownProjection, match=r"accounting, .*customer, .*staff"):
        projection_named("stock")


def test_many_workers_at_once_count_each_event_once() -> None:
    for _ in range(30):
        place(new_id(), PAID)

    with at_once(*[lambda: catch_up(ACCOUNTING, limit=7)] * 6):
        pass
    day = AccountingDay.objects.get()
    assert (day.orders, day.sales, day.payments) == (30, 750, 750)
    assert Checkpoint.objects.get(name="accounting/0").position == store.latest_position()


def test_a_worker_killed_before_its_commit_leaves_nothing_half_done(monkeypatch: pytest.MonkeyPatch) -> None:
    place(new_id(), PAID)

    class Killed(BaseException):
        pass

    def die(*args: Any, **kwargs: Any) -> None:
        raise Killed

    monkeypatch.setattr(Checkpoint, "save", die)  # the rows are written, the checkpoint is not
    with pytest.raises(Killed):
        catch_up(ACCOUNTING)
    assert not AccountingDay.objects.exists()
    monkeypatch.undo()
    catch_up(ACCOUNTING)
    assert AccountingDay.objects.get().payments == 25


@pytest.mark.parametrize("batch", [1, 3, 2000])
def test_a_poison_event_is_parked_with_the_later_ones_of_its_aggregate_and_the_others_go_on(
    poison: set[UUID], batch: int
) -> None:
    bad, good = new_id(), new_id()
    poison.add(bad)
    place(bad, PAID, SHIPPED)
    place(good, PAID, SHIPPED)
    catch_up(STAFF, limit=batch)
    assert StaffOrder.objects.get(pk=good).fulfilment_status == "fulfilled"
    assert (StaffOrder.objects.get(pk=bad).payment_status, StaffOrder.objects.get(pk=bad).version) == ("unpaid", 1)
    parked = list(ParkedEvent.objects.all())
    assert [(event.event_type, bool(event.error)) for event in parked] == [
        ("order.paid", True),
        ("order.shipped", False),
    ]
    assert "ZeroDivisionError: cannot take this payment" in parked[0].error

    assert redrive(STAFF) == 0, "still broken: it stays parked"
    assert ParkedEvent.objects.count() == 2
    poison.clear()
    assert redrive(STAFF) == 2
    assert StaffOrder.objects.get(pk=bad).fulfilment_status == "fulfilled"
    assert not ParkedEvent.objects.exists()


def test_later_events_of_a_parked_aggregate_wait_in_order(poison: set[UUID]) -> None:
    bad = new_id()
    poison.add(bad)
    place(bad, PAID)
    catch_up(STAFF)
    store.append([write(replace(SHIPPED, order_id=bad), 2)])
    catch_up(STAFF)
    assert list(ParkedEvent.objects.values_list("event_type", flat=True)) == ["order.paid", "order.shipped"]
    poison.clear()
    redrive(STAFF)
    assert StaffOrder.objects.get(pk=bad).version == 3


def test_one_aggregate_can_be_retried_while_others_stay_parked(poison: set[UUID]) -> None:
    first, second = new_id(), new_id()
    poison.update((first, second))
    place(first, PAID)
    place(second, PAID)
    catch_up(STAFF)
    poison.clear()
    assert redrive(STAFF, aggregate_id=first) == 1
    assert StaffOrder.objects.get(pk=first).payment_status == "paid"
    assert list(ParkedEvent.objects.values_list("aggregate_id", flat=True)) == [second]


def test_a_row_is_marked_as_behind_while_events_of_its_aggregate_are_parked(poison: set[UUID]) -> None:
    bad, good = new_id(), new_id()
    poison.add(bad)
    place(bad, PAID)
    place(good, PAID)
    catch_up(STAFF)
    assert dict(StaffOrder.objects.values_list("pk", "behind")) == {bad: True, good: False}
    poison.clear()
    redrive(STAFF)
    assert not StaffOrder.objects.get(pk=bad).behind


def test_a_parked_event_is_left_out_with_a_recorded_reason_and_every_rebuild_leaves_it_out_too(
    poison: set[UUID],
) -> None:
    bad = new_id()
    poison.add(bad)
    place(bad, PAID, SHIPPED)
    catch_up(STAFF)
    first, second = ParkedEvent.objects.order_by("position")
    with pytest.raises(ReasonMissing):
        skip(STAFF, first.position, reason=" ", by="staff:anna")
    with pytest.raises(NotParked, match="only waits behind"):
        skip(STAFF, second.position, reason="never paid", by="staff:anna")
    with pytest.raises(NotParked, match="has parked no event at 999999"):
        skip(STAFF, 999999, reason="never paid", by="staff:anna")
    assert skip(STAFF, first.position, reason="never paid", by="staff:anna") == 2
    row = StaffOrder.objects.get(pk=bad)
    assert (row.fulfilment_status, row.version, row.paid, row.behind) == ("fulfilled", 3, 0, False)
    skipped = SkippedEvent.objects.get()
    assert (skipped.reason, skipped.skipped_by, skipped.event_type) == ("never paid", "staff:anna", "order.paid")
    assert "ZeroDivisionError" in skipped.error
    before = contents(STAFF)
    report = rebuild(STAFF)
    assert (report.parked, report.differences[0].identical) == (0, True)
    assert contents(STAFF) == before


def test_a_row_has_the_version_of_its_last_event_even_if_that_was_left_out(poison: set[UUID]) -> None:
    bad = new_id()
    poison.add(bad)
    place(bad, PAID)
    catch_up(STAFF)
    skip(STAFF, ParkedEvent.objects.get().position, reason="never paid", by="staff:anna")
    row = StaffOrder.objects.get(pk=bad)
    assert (row.payment_status, row.version, row.behind) == ("unpaid", 2, False)


def test_strict_stops_at_the_event_and_writes_nothing_of_its_batch(poison: set[UUID]) -> None:
    bad = new_id()
    poison.add(bad)
    place(bad, PAID)
    with pytest.raises(HandlerFailed, match=r"staff cannot take order\.paid at .* ZeroDivisionError"):
        catch_up(STAFF, strict=True)
    assert not StaffOrder.objects.exists()
    assert not ParkedEvent.objects.exists()


def test_an_event_whose_row_the_database_refuses_is_parked_like_any_other() -> None:
    bad, good = new_id(), new_id()
    store.append([write(replace(TOO_MUCH, order_id=bad), 0)])
    place(good)
    catch_up(STAFF)
    assert list(StaffOrder.objects.values_list("pk", flat=True)) == [good]
    assert ParkedEvent.objects.get().summary == "DataError: numeric field overflow"


def dispatch_order() -> None:
    dispatch(replace(CREATE, order_id=new_id()), Context(actor="staff:anna"))


def dispatch_order_in_a_thread() -> None:
    try:
        dispatch_order()
    finally:
        connection.close()


def test_commits_send_one_message_for_each_projection_until_a_worker_acknowledges_it() -> None:
    for _ in range(5):
        dispatch_order()
    assert waiting_projections() == list(PROJECTIONS)
    tasks.project("staff")
    dispatch_order()
    assert waiting_projections() == [*PROJECTIONS, "staff"]


def test_a_commit_while_a_worker_reads_sends_a_message_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The race: a worker has acknowledged its message and read the log, then events are committed, then it ends."""
    dispatch_order()
    read = store.read_after
    late = [dispatch_order_in_a_thread]

    def read_then_commit(*args: Any, **more: Any) -> Any:
        page = read(*args, **more)
        if late:
            thread = threading.Thread(target=late.pop())
            thread.start()
            thread.join()
        return page

    monkeypatch.setattr(store, "read_after", read_then_commit)
    before = len(waiting_projections())
    tasks.project("staff")
    assert StaffOrder.objects.count() == 1
    assert waiting_projections()[before:] == ["staff"], (
        "the late commit must send a message, because nothing else announces it"
    )
    monkeypatch.undo()
    tasks.project("staff")
    assert StaffOrder.objects.count() == 2


def test_the_sweep_finds_events_that_no_message_announced() -> None:
    place(ORDER)
    cache.clear()
    tasks.sweep()
    assert StaffOrder.objects.get().pk == ORDER


def test_a_commit_succeeds_while_the_broker_is_down_and_the_sweep_shows_it_later(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    up, settings.REDIS_URL = settings.REDIS_URL, "redis://127.0.0.1:1/0"  # no server listens there
    dispatch_order()
    assert "are committed, but receiver" in caplog.text
    assert "Connection refused" in caplog.text
    settings.REDIS_URL = up
    tasks.sweep()
    assert StaffOrder.objects.count() == 1


def test_a_worker_waits_for_an_open_transaction_that_holds_back_the_log_and_sends_no_message() -> None:
    """A transaction with an earlier position rolls back, so no message announces the later event again."""
    taken, go = threading.Event(), threading.Event()

    def roll_back_later() -> None:
        try:
            with transaction.atomic():
                store.append([write(replace(CREATED, order_id=new_id()), 0)])
                taken.set()
                go.wait(5)
                transaction.set_rollback(True)
        finally:
            connection.close()

    thread = threading.Thread(target=roll_back_later)
    thread.start()
    taken.wait(5)
    place(ORDER)
    threading.Timer(0.2, go.set).start()
    tasks.project("staff")
    thread.join()
    assert StaffOrder.objects.get().pk == ORDER


def test_an_error_while_reading_is_recorded_in_the_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    place(ORDER)

    def fail(*args: Any, **kwargs: Any) -> None:
        raise LookupError("no code declares 'order.vanished'")

    catch_up(STAFF)
    monkeypatch.setattr(store, "read_after", fail)
    with pytest.raises(LookupError):
        tasks.project("staff")
    assert "order.vanished" in Checkpoint.objects.get(name="staff/0").last_error
    monkeypatch.undo()
    store.append([write(replace(CREATED, order_id=new_id()), 0)])
    tasks.project("staff")
    assert Checkpoint.objects.get(name="staff/0").last_error == ""


def damage(order_id: UUID, change: str) -> None:
    behind_the_logs_back(f"UPDATE events SET {change} WHERE aggregate_id = %s AND version = 2", order_id)


def test_an_event_that_cannot_be_decoded_is_parked_and_taken_once_it_is_repaired() -> None:
    bad, good = new_id(), new_id()
    place(bad, PAID)
    place(good, PAID)
    damage(bad, "event_data = event_data - 'amount'")
    catch_up(STAFF)
    assert StaffOrder.objects.get(pk=good).payment_status == "paid"
    assert StaffOrder.objects.get(pk=bad).payment_status == "unpaid"
    version = EVENT_TYPES[OrderPaid].schema_version
    assert ParkedEvent.objects.get().summary.startswith(
        f"CorruptEvent: order.paid v{version}: Object missing required field"
    )
    damage(bad, """event_data = event_data || '{"amount": "25.00"}'""")
    assert redrive(STAFF) == 1
    assert StaffOrder.objects.get(pk=bad).payment_status == "paid"


def test_an_event_that_needs_a_newer_release_stops_the_projection_and_is_not_parked() -> None:
    place(ORDER, PAID)
    damage(ORDER, "schema_version = schema_version + 1")
    with pytest.raises(NewerSchemaVersion):
        catch_up(STAFF)
    assert not ParkedEvent.objects.exists()


def test_a_migration_that_is_not_applied_parks_nothing() -> None:
    place(ORDER, PAID)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE projections_stafforder RENAME COLUMN carrier TO carriers")
        try:
            with pytest.raises(ProgrammingError, match="carrier"):
                catch_up(STAFF)
        finally:
            cursor.execute("ALTER TABLE projections_stafforder RENAME COLUMN carriers TO carrier")
    assert not ParkedEvent.objects.exists()
    catch_up(STAFF)
    assert StaffOrder.objects.get().payment_status == "paid"


def test_older_code_that_handles_fewer_events_is_refused_and_skips_none(monkeypatch: pytest.MonkeyPatch) -> None:
    place(ORDER)
    catch_up(STAFF)
    store.append([write(replace(PAID, order_id=ORDER), 1)])
    older = {event: handler for event, handler in StaffOrders.handlers.items() if event is not OrderPaid}
    monkeypatch.setattr(StaffOrders, "handlers", older)
    with pytest.raises(OutdatedCode, match=r"code that also handles order\.paid: restart"):
        catch_up(STAFF)
    monkeypatch.undo()
    catch_up(STAFF)
    assert StaffOrder.objects.get().payment_status == "paid"


def test_code_of_an_older_version_cannot_write_once_a_newer_one_has(monkeypatch: pytest.MonkeyPatch) -> None:
    place(ORDER)
    catch_up(STAFF)
    old = StaffOrders.version
    new = old + 1
    monkeypatch.setattr(StaffOrders, "version", new)
    place(new_id())
    catch_up(STAFF)
    wanted = f"made by version {old} of its code; this is {new}"
    assert Checkpoint.objects.get(name="staff/0").rebuild_wanted == wanted
    monkeypatch.undo()
    place(new_id())
    with pytest.raises(OutdatedCode, match=f"written by version {new} of its code; this is version {old}"):
        catch_up(STAFF)
    assert StaffOrder.objects.count() == 2
    rebuild(STAFF)  # accepts the older code
    assert Checkpoint.objects.get(name="staff/0").code_version == old
    assert Checkpoint.objects.get(name="staff/0").rebuild_wanted == ""


def test_newer_code_goes_on_and_records_which_earlier_events_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    older = {event: handler for event, handler in StaffOrders.handlers.items() if event is not OrderPaid}
    monkeypatch.setattr(StaffOrders, "handlers", older)
    place(ORDER, PAID)
    catch_up(STAFF)
    monkeypatch.undo()
    late = new_id()
    place(late, PAID)
    catch_up(STAFF)
    assert StaffOrder.objects.get(pk=late).payment_status == "paid"
    assert StaffOrder.objects.get(pk=ORDER).payment_status == "unpaid"
    wanted = Checkpoint.objects.get(name="staff/0").rebuild_wanted
    assert wanted.startswith("not shown: order.paid up to")
    place(new_id())
    catch_up(STAFF)
    assert Checkpoint.objects.get(name="staff/0").rebuild_wanted == wanted, "it stays until a rebuild"
    rebuild(STAFF)
    assert StaffOrder.objects.get(pk=ORDER).payment_status == "paid"
    assert Checkpoint.objects.get(name="staff/0").last_error == ""


def test_a_locked_projection_stops_neither_the_other_projections_nor_a_worker(staff_is_locked: None) -> None:
    place(ORDER)
    tasks.sweep()
    assert AccountingDay.objects.exists()
    tasks.project("staff")
    assert waiting_projections() == ["staff"], "the task is woken again after a moment"


def test_the_sweep_goes_on_after_an_error_in_one_projection(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    def fail_for_accounting(projection: Any, number: int, options: Any) -> Any:
        if projection.name == "accounting":
            raise LookupError("out of order")
        return catch_up_shard(projection, number, options)

    monkeypatch.setattr(engine, "catch_up_shard", fail_for_accounting)
    place(ORDER)
    tasks.sweep()
    assert StaffOrder.objects.exists()
    assert "the sweep could not catch up accounting" in caplog.text


lives = st.lists(st.sampled_from([(), (PAID,), (PAID, SHIPPED), (CANCELLED,)]), min_size=1, max_size=6)


@given(lives, st.randoms(use_true_random=False), st.integers(1, 5))
@hypothesis_settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_made_step_by_step_in_any_batches_equal_rows_made_at_once(
    histories: list[tuple[Any, ...]], random: Any, batch: int
) -> None:
    queues = [
        [replace(event, order_id=order_id) for event in (CREATED, *later)]
        for later in histories
        for order_id in [new_id()]
    ]
    versions = dict.fromkeys(range(len(queues)), 0)
    while open_queues := [number for number, queue in enumerate(queues) if versions[number] < len(queue)]:
        number = random.choice(open_queues)
        store.append([write(queues[number][versions[number]], versions[number])])
        versions[number] += 1
        if random.random() < 0.3:
            for projection in PROJECTIONS.values():
                catch_up(projection, limit=batch)
    for projection in PROJECTIONS.values():
        catch_up(projection, limit=batch)
        step_by_step = contents(projection)
        empty(projection)
        catch_up(projection)
        assert contents(projection) == step_by_step
