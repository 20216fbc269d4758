"""The engine: exactly once, never stuck, woken by commits and healed by the sweep."""

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
from eventstore.errors import NewerSchemaVersion
from eventstore.ids import new_id
from orders.events import OrderCreated, OrderPaid
from projections import tasks
from projections.accounting.journal import AccountingDay
from projections.engine import catch_up as engine
from projections.engine.catch_up import OutdatedCode, catch_up, catch_up_shard
from projections.engine.checkpoints import Checkpoint, ParkedEvent, SkippedEvent
from projections.engine.folding import HandlerFailed
from projections.engine.parking import NotParked, ReasonMissing, redrive, skip
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


def test_a_projection_that_forgets_an_event_is_named_by_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_checks() == []
    monkeypatch.setattr(StaffOrders, "handlers", {OrderCreated: StaffOrders.handlers[OrderCreated]})
    found = [error.msg for error in run_checks()]
    assert "the projection 'staff' has no handler for OrderPaid" in found


def test_a_wrong_name_is_answered_with_those_there_are() -> None:
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


def test_what_comes_while_an_aggregate_is_parked_waits_behind_in_order(poison: set[UUID]) -> None:
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


def test_one_aggregate_is_tried_again_and_the_others_stay_parked(poison: set[UUID]) -> None:
    first, second = new_id(), new_id()
    poison.update((first, second))
    place(first, PAID)
    place(second, PAID)
    catch_up(STAFF)
    poison.clear()
    assert redrive(STAFF, aggregate_id=first) == 1
    assert StaffOrder.objects.get(pk=first).payment_status == "paid"
    assert list(ParkedEvent.objects.values_list("aggregate_id", flat=True)) == [second]


def test_a_row_says_that_it_is_behind_while_events_of_its_aggregate_are_parked(poison: set[UUID]) -> None:
    bad, good = new_id(), new_id()
    poison.add(bad)
    place(bad, PAID)
    place(good, PAID)
    catch_up(STAFF)
    assert dict(StaffOrder.objects.values_list("pk", "behind")) == {bad: True, good: False}
    poison.clear()
    redrive(STAFF)
    assert not StaffOrder.objects.get(pk=bad).behind


def test_a_parked_event_is_left_out_for_a_reason_that_is_kept_and_every_rebuild_leaves_it_out_too(
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
    kept = SkippedEvent.objects.get()
    assert (kept.reason, kept.skipped_by, kept.event_type) == ("never paid", "staff:anna", "order.paid")
    assert "ZeroDivisionError" in kept.error
    before = contents(STAFF)
    report = rebuild(STAFF)
    assert (report.parked, report.differences[0].identical) == (0, True)
    assert contents(STAFF) == before


def test_a_row_shows_the_version_of_a_last_event_that_was_left_out(poison: set[UUID]) -> None:
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


def test_a_row_the_table_refuses_is_parked_like_any_poison() -> None:
    bad, good = new_id(), new_id()
    store.append([write(replace(TOO_MUCH, order_id=bad), 0)])
    place(good)
    catch_up(STAFF)
    assert list(StaffOrder.objects.values_list("pk", flat=True)) == [good]
    assert ParkedEvent.objects.get().summary == "DataError: numeric field overflow"


def order_placed() -> None:
    dispatch(replace(CREATE, order_id=new_id()), Context(actor="staff:anna"))


def placed_by_another_process() -> None:
    try:
        order_placed()
    finally:
        connection.close()


def test_a_commit_rings_once_for_each_projection_until_a_worker_hears_it() -> None:
    for _ in range(5):
        order_placed()
    assert waiting_projections() == list(PROJECTIONS)
    tasks.project("staff")
    order_placed()
    assert waiting_projections() == [*PROJECTIONS, "staff"]


def test_a_commit_that_lands_while_a_worker_reads_rings_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The race: the worker has heard the bell and read the log; then a commit; then the worker goes."""
    order_placed()
    read = store.read_after
    late = [placed_by_another_process]

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
    assert waiting_projections()[before:] == ["staff"], "the late commit has to ring anew, for nobody else would"
    monkeypatch.undo()
    tasks.project("staff")
    assert StaffOrder.objects.count() == 2


def test_the_sweep_finds_what_no_message_announced() -> None:
    place(ORDER)
    cache.clear()
    tasks.sweep()
    assert StaffOrder.objects.get().pk == ORDER
    assert cache.get(tasks.SWEPT)


def test_a_broker_that_is_down_delays_and_does_not_fail(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    up, settings.REDIS_URL = settings.REDIS_URL, "redis://127.0.0.1:1/0"  # nothing listens there
    order_placed()
    assert "events are committed up to" in caplog.text
    assert "Connection refused" in caplog.text
    settings.REDIS_URL = up
    tasks.sweep()
    assert StaffOrder.objects.count() == 1


def test_a_worker_waits_for_a_writer_that_holds_the_feed_back_although_it_never_rings() -> None:
    """An earlier position was taken by a transaction that rolls back: nobody rings for the later event again."""
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


def test_an_error_while_reading_is_kept_where_staff_see_it(monkeypatch: pytest.MonkeyPatch) -> None:
    place(ORDER)

    def damaged(*args: Any, **kwargs: Any) -> None:
        raise LookupError("no code declares 'order.vanished'")

    catch_up(STAFF)
    monkeypatch.setattr(store, "read_after", damaged)
    with pytest.raises(LookupError):
        tasks.project("staff")
    assert "order.vanished" in Checkpoint.objects.get(name="staff/0").last_error
    monkeypatch.undo()
    store.append([write(replace(CREATED, order_id=new_id()), 0)])
    tasks.project("staff")
    assert Checkpoint.objects.get(name="staff/0").last_error == ""


def damage(order_id: UUID, change: str) -> None:
    behind_the_logs_back(f"UPDATE events SET {change} WHERE aggregate_id = %s AND version = 2", order_id)


def test_an_event_that_cannot_be_decoded_is_parked_and_taken_once_it_is_mended() -> None:
    bad, good = new_id(), new_id()
    place(bad, PAID)
    place(good, PAID)
    damage(bad, "event_data = event_data - 'amount'")
    catch_up(STAFF)
    assert StaffOrder.objects.get(pk=good).payment_status == "paid"
    assert StaffOrder.objects.get(pk=bad).payment_status == "unpaid"
    assert ParkedEvent.objects.get().summary.startswith("CorruptEvent: order.paid v2: Object missing required field")
    damage(bad, """event_data = event_data || '{"amount": "25.00"}'""")
    assert redrive(STAFF) == 1
    assert StaffOrder.objects.get(pk=bad).payment_status == "paid"


def test_what_a_newer_release_can_read_is_waited_for_and_not_parked() -> None:
    place(ORDER, PAID)
    damage(ORDER, "schema_version = 3")
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


def test_older_code_that_knows_fewer_events_is_refused_and_passes_nothing_over(monkeypatch: pytest.MonkeyPatch) -> None:
    place(ORDER)
    catch_up(STAFF)
    store.append([write(replace(PAID, order_id=ORDER), 1)])
    older = {event: handler for event, handler in StaffOrders.handlers.items() if event is not OrderPaid}
    monkeypatch.setattr(StaffOrders, "handlers", older)
    with pytest.raises(OutdatedCode, match=r"handles order\.paid too: restart"):
        catch_up(STAFF)
    monkeypatch.undo()
    catch_up(STAFF)
    assert StaffOrder.objects.get().payment_status == "paid"


def test_code_of_an_older_version_cannot_write_once_a_newer_one_has(monkeypatch: pytest.MonkeyPatch) -> None:
    place(ORDER)
    catch_up(STAFF)
    monkeypatch.setattr(StaffOrders, "version", 4)
    place(new_id())
    catch_up(STAFF)
    assert Checkpoint.objects.get(name="staff/0").rebuild_wanted == "made by version 3 of its code; this is 4"
    monkeypatch.undo()
    place(new_id())
    with pytest.raises(OutdatedCode, match="kept by version 4 of its code, and this is 3"):
        catch_up(STAFF)
    assert StaffOrder.objects.count() == 2
    rebuild(STAFF)  # the older code was brought back on purpose
    assert Checkpoint.objects.get(name="staff/0").code_version == 3
    assert Checkpoint.objects.get(name="staff/0").rebuild_wanted == ""


def test_newer_code_goes_on_and_says_what_was_passed_over_before_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
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
    told = Checkpoint.objects.get(name="staff/0").rebuild_wanted
    assert told.startswith("not shown: order.paid up to")
    place(new_id())
    catch_up(STAFF)
    assert Checkpoint.objects.get(name="staff/0").rebuild_wanted == told, "it stays until somebody rebuilds"
    rebuild(STAFF)
    assert StaffOrder.objects.get(pk=ORDER).payment_status == "paid"
    assert Checkpoint.objects.get(name="staff/0").last_error == ""


def test_a_held_projection_stops_neither_the_others_nor_a_worker(held: None) -> None:
    place(ORDER)
    tasks.sweep()
    assert AccountingDay.objects.exists()
    assert cache.get(tasks.SWEPT)
    tasks.project("staff")
    assert waiting_projections() == ["staff"], "it comes back in a moment"


def test_one_projections_trouble_is_not_the_others(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    def broken(projection: Any, number: int, work: Any) -> Any:
        if projection.name == "accounting":
            raise LookupError("out of order")
        return catch_up_shard(projection, number, work)

    monkeypatch.setattr(engine, "catch_up_shard", broken)
    place(ORDER)
    tasks.sweep()
    assert StaffOrder.objects.exists()
    assert cache.get(tasks.SWEPT)
    assert "the sweep cannot bring accounting level" in caplog.text


lives = st.lists(st.sampled_from([(), (PAID,), (PAID, SHIPPED), (CANCELLED,)]), min_size=1, max_size=6)


@given(lives, st.randoms(use_true_random=False), st.integers(1, 5))
@hypothesis_settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_built_step_by_step_in_any_batches_equal_rows_built_at_once(
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
