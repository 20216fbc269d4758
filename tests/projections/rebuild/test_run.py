"""A rebuild fills tables beside the live ones, reports how they differ, and swaps while readers and writers go on."""

import io
import multiprocessing
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from eventstore import store
from eventstore.dispatch import Context
from eventstore.ids import new_id
from eventstore.models import Lease
from eventstore.personal_data.subjects import erase
from eventstore.timetravel.as_of import AsOf
from projections.accounting.journal import AccountingDay
from projections.engine.catch_up import Progress, catch_up
from projections.engine.checkpoints import Checkpoint
from projections.engine.projection import PROJECTIONS, Projection
from projections.rebuild import fill
from projections.rebuild import schemas as spaces
from projections.rebuild.fill import RebuildCancelled, RebuildFailed
from projections.rebuild.models import Build
from projections.rebuild.run import CannotRollBack, RebuildRunning, SpaceTaken, build_as_of, rebuild, roll_back
from projections.rebuild.schemas import BadSpaceName
from projections.rebuild.swap import SwapTimedOut, drop_replaced
from projections.rebuild.worker_pool import WorkerPool, run_concurrently
from projections.staff.orders import StaffOrder
from tests.support.clock import AT
from tests.support.order_examples import CREATED, PAID, SHIPPED, TOO_MUCH
from tests.support.projection_spec import contents, write
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)
STAFF, ACCOUNTING = PROJECTIONS["staff"], PROJECTIONS["accounting"]


@pytest.fixture(autouse=True)
def several_processes_for_few_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fill, "PARALLEL_FROM", 0)


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    with WorkerPool(2) as pool:
        yield pool


def place(count: int, *later: Any) -> list[UUID]:
    ids = [new_id() for _ in range(count)]
    for order_id in ids:
        for version, event in enumerate((CREATED, *later)):
            store.append([write(replace(event, order_id=order_id), version)])
    return ids


def catalogue() -> list[tuple[Any, ...]]:
    """Return every index of the staff table, by name and definition."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes"
            " WHERE schemaname = 'public' AND tablename = 'projections_stafforder' ORDER BY 1"
        )
        return list(cursor.fetchall())


def schemas() -> set[str]:
    """Return the schemas that rebuilds have made."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace WHERE nspname ~ '^(rebuild|replaced|retiring|audit)'")
        return {name for (name,) in cursor.fetchall()}


def test_a_rebuild_of_intact_tables_changes_nothing_and_has_every_index() -> None:
    place(5, PAID, SHIPPED)
    catch_up(STAFF)
    before, indexes = contents(STAFF), catalogue()
    report = rebuild(STAFF)
    assert report.swapped
    assert report.events == 15
    assert [(table.rows, table.identical) for table in report.differences] == [(5, True)]
    assert contents(STAFF) == before
    assert catalogue() == indexes
    assert schemas() == {"replaced_staff"}
    place(1)
    catch_up(STAFF)
    assert StaffOrder.objects.count() == 6, "new events reach the swapped table"


def test_a_rebuild_repairs_damaged_rows_and_reports_what_differed() -> None:
    lost, wrong, *_ = place(5, PAID)
    catch_up(STAFF)
    StaffOrder.objects.filter(pk=lost).delete()
    StaffOrder.objects.filter(pk=wrong).update(total=1)
    stray = StaffOrder.objects.exclude(pk=wrong).first()
    assert stray
    stray.pk = new_id()
    stray.save(force_insert=True)
    (difference,) = rebuild(STAFF).differences
    assert (difference.added, difference.removed, difference.changed) == (1, 1, 1)
    assert StaffOrder.objects.count() == 5
    assert StaffOrder.objects.get(pk=wrong).total == 25


def test_a_dry_run_reports_and_changes_nothing() -> None:
    (order_id,) = place(1)
    catch_up(STAFF)
    StaffOrder.objects.update(total=1)
    report = rebuild(STAFF, dry_run=True)
    assert (report.swapped, report.differences[0].changed) == (False, 1)
    assert StaffOrder.objects.get(pk=order_id).total == 1
    assert schemas() == set()
    assert list(Checkpoint.objects.values_list("name", flat=True)) == ["staff/0"]


@pytest.mark.parametrize("step", [1, 2])
def test_an_interrupted_rebuild_goes_on_where_it_stood(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    from projections.engine import catch_up as engine
    from projections.rebuild import fill as module

    place(6, PAID)
    catch_up(STAFF)
    expected = contents(STAFF)
    batches = 0

    def advance_by_four(projection: Any, number: int, options: Any, *pages: Any) -> Progress:
        nonlocal batches
        batches += 1
        return engine.advance(projection, number, replace(options, limit=4))

    monkeypatch.setattr(module, "advance", advance_by_four)
    calls = 0

    def stop(build: Build) -> None:
        nonlocal calls
        calls += 1
        if calls == step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild(STAFF, progress=stop)
    assert contents(STAFF) == expected
    batches = 0
    report = rebuild(STAFF)
    assert batches == 4 - step, "three full batches and an empty one, less those that were done before"
    assert report.events == 12
    assert report.differences[0].identical
    assert contents(STAFF) == expected


class Reader(threading.Thread):
    """Reads the whole table until `stop` is set, and records everything that a reader must never see."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count, self.reads = count, 0
        self.errors: list[str] = []
        self.stop = threading.Event()

    def run(self) -> None:
        """Read again and again."""
        last: dict[Any, int] = {}
        try:
            while not self.stop.is_set():
                rows = dict(StaffOrder.objects.values_list("pk", "version"))
                if len(rows) != self.count:
                    self.errors.append(f"{len(rows)} rows")
                self.errors += [f"{key} stepped back" for key in last if rows.get(key, 0) < last[key]]
                last, self.reads = rows, self.reads + 1
        except Exception as error:  # noqa: BLE001 - the test fails on it
            self.errors.append(repr(error))
        finally:
            connection.close()


def test_readers_and_writers_never_see_an_error_or_missing_rows_or_an_older_version() -> None:
    ids = place(40)
    catch_up(STAFF)
    readers = [Reader(len(ids)) for _ in range(2)]

    def write_on() -> None:
        for order_id in ids:
            store.append([write(replace(PAID, order_id=order_id), 1)])
            catch_up(STAFF)
            time.sleep(0.01)

    rebuilt = 0
    for reader in readers:
        reader.start()
    with at_once(write_on) as (writer,):
        while writer.is_alive():
            rebuild(STAFF)
            rebuilt += 1
    for reader in readers:
        reader.stop.set()
        reader.join()
    assert [error for reader in readers for error in reader.errors] == []
    assert rebuilt >= 2
    assert sum(reader.reads for reader in readers) > 20
    assert set(StaffOrder.objects.values_list("payment_status", flat=True)) == {"paid"}


def test_the_swap_gives_up_with_an_error_while_a_reader_keeps_the_table_locked(monkeypatch: pytest.MonkeyPatch) -> None:
    from projections.rebuild import swap

    place(2)
    catch_up(STAFF)
    monkeypatch.setattr(swap, "SWAP_ATTEMPTS", 2)
    locked, done = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                list(StaffOrder.objects.all())
                locked.set()
                done.wait(10)
        finally:
            connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    locked.wait(5)
    try:
        with pytest.raises(SwapTimedOut, match="run the rebuild again"):
            rebuild(STAFF)
        assert StaffOrder.objects.count() == 2
    finally:
        done.set()
        thread.join()
    assert rebuild(STAFF).swapped


def test_an_interrupted_rebuild_whose_schema_is_gone_starts_again_and_leaves_the_live_rows_alone() -> None:
    place(3, PAID)
    catch_up(STAFF)
    expected = contents(STAFF)
    Checkpoint.objects.create(
        name="rebuild_staff:staff/0", projection="staff", space="rebuild_staff", event_types=STAFF.event_types
    )  # all that a crash has left
    report = rebuild(STAFF)
    assert (report.events, report.differences[0].identical) == (6, True)
    assert contents(STAFF) == expected


def test_a_rebuild_stops_if_its_schema_is_dropped_and_does_not_touch_the_live_tables() -> None:
    place(3, PAID)
    catch_up(STAFF)
    expected = contents(STAFF)
    with pytest.raises(LookupError, match="the schema rebuild_staff is gone"):
        rebuild(STAFF, progress=lambda build: spaces.drop(STAFF, "rebuild_staff"))
    assert contents(STAFF) == expected
    assert rebuild(STAFF).differences[0].identical


def test_a_second_rebuild_of_the_same_projection_is_refused_while_the_first_is_running() -> None:
    place(2)
    outcome: list[Any] = []

    def second(build: Build) -> None:
        def run() -> None:
            try:
                rebuild(STAFF)
            except RebuildRunning as error:
                outcome.append(error)
            finally:
                connection.close()

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()

    assert rebuild(STAFF, progress=second).swapped
    assert outcome
    assert all(isinstance(error, RebuildRunning) for error in outcome)


def test_a_rebuild_whose_lease_another_process_took_does_not_swap_and_leaves_the_build_to_it() -> None:
    place(2)
    catch_up(STAFF)
    StaffOrder.objects.update(reference="live")

    def take(build: Build) -> None:
        Lease.objects.update(owner=uuid4(), holder="another process")

    with pytest.raises(RebuildRunning, match="rebuild_staff is not leased to this process any more"):
        rebuild(STAFF, progress=take)
    assert set(StaffOrder.objects.values_list("reference", flat=True)) == {"live"}
    assert Build.objects.get().state in Build.OPEN
    Lease.objects.all().delete()
    assert rebuild(STAFF).swapped


def test_live_tables_catch_up_with_rebuilt_tables_that_are_ahead_and_no_event_is_taken_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The horizon may step back for a moment, so that the live tables lag behind what the rebuild has read."""
    from projections.rebuild import compare as module

    order_id, *_ = place(2)
    catch_up(STAFF)
    store.append([write(replace(PAID, order_id=order_id), 1)])
    lags = iter([True, True])

    def lagging(projection: Any, **more: Any) -> Any:
        if not more and next(lags, False):
            checkpoint = Checkpoint.objects.get(name="staff/0")
            return Progress(position=checkpoint.position)
        return catch_up(projection, **more)

    monkeypatch.setattr(module, "catch_up", lagging)
    rebuild(STAFF)
    monkeypatch.undo()
    catch_up(STAFF)
    row = StaffOrder.objects.get(pk=order_id)
    assert (row.paid, row.due, row.version) == (25, 0, 2)


def test_several_processes_build_the_same_rows_as_one_and_the_number_of_live_shards_stays(pool: WorkerPool) -> None:
    place(20, PAID, SHIPPED)
    catch_up(ACCOUNTING)
    expected = contents(ACCOUNTING)
    report = rebuild(ACCOUNTING, pool=pool)
    assert (report.events, report.parked) == (60, 0)
    assert all(table.identical for table in report.differences)
    assert contents(ACCOUNTING) == expected
    assert list(Checkpoint.objects.filter(space="").values_list("name", "of")) == [("accounting/0", 1)]
    rebuild(ACCOUNTING, pool=pool, shards=3)
    assert Checkpoint.objects.filter(projection="accounting", space="").count() == 3
    place(3, PAID)
    catch_up(ACCOUNTING)
    assert AccountingDay.objects.get().orders == 23


def test_a_failing_worker_says_why_and_the_tables_are_kept(pool: WorkerPool) -> None:
    place(2)
    store.append([write(replace(TOO_MUCH, order_id=new_id()), 0)])
    with pytest.raises(RebuildFailed, match=r"HandlerFailed: staff cannot take order\.created at .* overflow"):
        rebuild(STAFF, pool=pool, strict=True)
    assert Build.objects.get().state == Build.State.FAILED
    assert schemas() == {"rebuild_staff"}
    assert rebuild(STAFF).parked == 1


def test_a_rebuild_can_be_paused_and_resumed(monkeypatch: pytest.MonkeyPatch) -> None:
    place(2)
    pauses: list[float] = []

    def resume_after_three(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            Build.objects.update(state=Build.State.BUILDING)

    monkeypatch.setattr(time, "sleep", resume_after_three)
    rebuild(STAFF, progress=lambda build: pauses or (Build.objects.update(state=Build.State.PAUSED) and None))
    assert len(pauses) == 3
    build = Build.objects.get()
    assert (build.state, build.events, build.percent, build.eta) == ("done", 2, 100.0, None)


def test_a_paused_and_interrupted_rebuild_goes_on_when_the_command_is_repeated() -> None:
    place(2)
    first: list[Build] = []

    def pause_and_die(build: Build) -> None:
        if not first:
            first.append(build)
            Build.objects.update(state=Build.State.PAUSED)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild(STAFF, progress=pause_and_die)
    assert rebuild(STAFF).swapped
    assert Build.objects.get().pk == first[0].pk


def test_a_cancelled_rebuild_leaves_only_its_record() -> None:
    place(2)
    catch_up(STAFF)
    expected = contents(STAFF)
    with pytest.raises(RebuildCancelled, match="the live tables are as they were"):
        rebuild(STAFF, progress=lambda build: Build.objects.update(state=Build.State.CANCELLED) and None)
    assert contents(STAFF) == expected
    assert schemas() == set()
    assert Build.objects.get().state == "cancelled"


def test_a_rollback_brings_back_the_replaced_tables_caught_up_until_they_are_dropped() -> None:
    lost, *_ = place(3)
    catch_up(STAFF)
    StaffOrder.objects.filter(pk=lost).update(reference="by hand")
    rebuild(STAFF)
    assert StaffOrder.objects.get(pk=lost).reference == CREATED.reference
    (late,) = place(1)
    store.append([write(replace(PAID, order_id=lost), 1)])
    catch_up(STAFF)
    report = roll_back(STAFF)
    assert report.differences[0].samples == [f"{lost}: changed in reference, search"]
    back = StaffOrder.objects.get(pk=lost)
    assert (back.reference, back.payment_status, back.version) == ("by hand", "paid", 2)
    assert StaffOrder.objects.filter(pk=late).exists()
    roll_back(STAFF)  # and forward again
    assert StaffOrder.objects.get(pk=lost).reference == CREATED.reference
    drop_replaced(STAFF)
    assert schemas() == set()
    with pytest.raises(CannotRollBack, match="there are no replaced tables of staff"):
        roll_back(STAFF)
    place(1)
    catch_up(STAFF)
    assert StaffOrder.objects.count() == 5


def test_replaced_tables_with_other_columns_cannot_be_rolled_back_to() -> None:
    place(1)
    rebuild(STAFF)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE replaced_staff.projections_stafforder DROP COLUMN carrier")
    with pytest.raises(CannotRollBack, match="other columns than today's code"):
        roll_back(STAFF)


def test_the_live_projection_goes_on_while_the_tables_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    from projections.rebuild import compare

    (order_id,) = place(1)
    catch_up(STAFF)
    difference, steps = compare._difference, []

    def pay_meanwhile(*args: Any) -> Any:
        def pay() -> None:
            try:
                store.append([write(replace(PAID, order_id=order_id), 1)])
                steps.append(catch_up(STAFF, wait=False))
            finally:
                connection.close()

        thread = threading.Thread(target=pay)
        thread.start()
        thread.join()
        return difference(*args)

    monkeypatch.setattr(compare, "_difference", pay_meanwhile)
    report = rebuild(STAFF)
    assert [(step.events, step.busy) for step in steps] == [(1, False)]
    assert report.differences[0].identical, "both are compared as they were at one position"
    assert StaffOrder.objects.get().payment_status == "paid"


def test_a_read_model_as_it_stood_is_built_beside_the_live_one_by_either_time(pool: WorkerPool) -> None:
    first, _ = place(2)
    store.append([write(replace(PAID, order_id=first), 1, hours=48)])
    catch_up(STAFF)
    live = contents(STAFF)
    build_as_of(STAFF, AsOf(occurred=AT + timedelta(hours=24)), "audit_occurred")
    with spaces.use_space("audit_occurred"):
        assert set(StaffOrder.objects.values_list("payment_status", flat=True)) == {"unpaid"}
    build_as_of(STAFF, AsOf(recorded=AT + timedelta(hours=24)), "audit_recorded", pool=pool)
    with spaces.use_space("audit_recorded"):
        assert StaffOrder.objects.count() == 0, "nothing had been recorded by then"
    build_as_of(ACCOUNTING, AsOf(occurred=AT + timedelta(hours=24)), "audit_occurred")
    assert contents(STAFF) == live
    with pytest.raises(SpaceTaken, match="audit_occurred holds staff already"):
        build_as_of(STAFF, AsOf(occurred=AT), "audit_occurred")
    with pytest.raises(BadSpaceName, match="'public' cannot be the schema"):
        build_as_of(STAFF, AsOf(occurred=AT), "public")
    for projection in (STAFF, ACCOUNTING):
        spaces.drop(projection, "audit_occurred")
    spaces.drop(STAFF, "audit_recorded")
    assert schemas() == set()


def test_the_command_builds_as_of_a_day_and_rolls_back_and_drops_tables() -> None:
    place(2)

    def run(*arguments: str) -> str:
        out = io.StringIO()
        call_command("rebuild_projections", *arguments, stdout=out)
        return out.getvalue()

    assert "staff: 2 events; as it stood, in audit" in run("staff", "--as-of", "2031-01-01", "--into", "audit")
    assert "dropped from audit" in run("staff", "--drop", "audit")
    assert "kept in replaced_staff; use --rollback" in run("staff", "--workers", "2", "--shards", "2")
    assert "swapped in" in run("staff", "--rollback")
    assert "replaced_staff is dropped" in run("staff", "--drop-replaced")
    for wrong, message in (
        (("--as-of", "2031-01-01"), "needs both --into SCHEMA and --as-of"),
        (("--as-of", "soon", "--into", "audit"), "'soon' is no date or time"),
        (("--shards", "0"), "from 1 to 64 shards, not 0"),
        (("--rollback",), "there are no replaced tables of staff"),
    ):
        with pytest.raises(CommandError, match=message):
            run("staff", *wrong)


def test_the_command_rebuilds_the_named_projections_and_reports_each_table() -> None:
    place(3, PAID)
    out = io.StringIO()
    call_command("rebuild_projections", "staff", "accounting", stdout=out)
    assert "staff: 6 events, 0 parked; swapped in" in out.getvalue()
    assert "projections_accountingday: 1 rows" in out.getvalue()
    with pytest.raises(CommandError, match=r"there are .*accounting, .*customer, .*staff"):
        call_command("rebuild_projections", "stock")


@pytest.mark.parametrize("shards", [1, 3])
def test_an_erasure_reaches_the_retained_tables_too(shards: int) -> None:
    place(5)
    catch_up(STAFF)
    rebuild(STAFF, shards=shards)
    build_as_of(STAFF, AsOf(occurred=AT + timedelta(hours=24)), "audit_books")
    assert [people_in(space) for space in ("replaced_staff", "audit_books")] == [{"Ada Whitfield"}] * 2
    erase(CREATED.customer_id or CREATED.order_id, Context(actor="staff:anna"))
    catch_up(STAFF)
    assert [people_in(space) for space in ("public", "replaced_staff", "audit_books")] == [{"[erased]"}] * 3
    roll_back(STAFF)
    assert people_in("public") == {"[erased]"}


def people_in(space: str) -> set[str]:
    """Return the customer names in the staff table of this schema."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT customer_name, search LIKE '%%ada@example%%' FROM {space}.projections_stafforder", [])
        rows = cursor.fetchall()
    assert all(name == "Ada Whitfield" for name, has_email in rows if has_email)
    return {name for name, _ in rows}


def test_several_workers_rebuild_a_projection_with_total_order_beside_others() -> None:
    place(3, PAID)
    out = io.StringIO()
    call_command("rebuild_projections", "staff", "feed", "--workers", "2", stdout=out)
    assert "staff: 6 events, 0 parked; swapped in" in out.getvalue()
    assert "feed: 6 events, 0 parked; swapped in" in out.getvalue()


def test_after_one_failure_running_rebuilds_are_finished_and_no_more_are_started(pool: WorkerPool) -> None:
    done, started = [], threading.Barrier(3)

    def work(projection: Projection) -> None:
        started.wait(10)
        if projection.total_order:
            raise RebuildFailed("no space left")
        time.sleep(0.2)  # until the other threads know of the failure
        done.append(projection.name)

    projections = [STAFF, ACCOUNTING, PROJECTIONS["customer"], PROJECTIONS["feed"]]
    with pytest.raises(RebuildFailed, match="no space left"):
        list(run_concurrently(projections, work, pool=pool))
    assert sorted(done) == ["accounting", "staff"]


def test_a_killed_worker_is_reported_and_the_next_call_goes_on(
    pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    place(3)
    monkeypatch.setattr(fill, "LOOK_SECONDS", 0.01)

    def kill(build: Build) -> None:
        for worker in multiprocessing.active_children():
            worker.kill()

    with pytest.raises(RebuildFailed, match="a worker of staff was killed; run the rebuild again"):
        rebuild(STAFF, pool=pool, progress=kill)
    assert schemas() == {"rebuild_staff"}
    assert rebuild(STAFF).events == 3


def test_an_interruption_ends_the_processes_and_the_next_call_goes_on() -> None:
    place(3)

    def work(projection: Projection) -> None:
        if projection is STAFF:
            rebuild(STAFF, pool=two_workers)
        while not multiprocessing.active_children():
            time.sleep(0.01)

    def interrupt() -> None:
        next(run_concurrently([STAFF, ACCOUNTING], work, pool=two_workers))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), WorkerPool(2) as two_workers:
        interrupt()
    for thread in threading.enumerate():
        if thread.name == "rebuild":
            thread.join(10)
    assert multiprocessing.active_children() == []
    build = Build.objects.get()
    assert (build.state, build.problem) == ("building", "")
    assert rebuild(STAFF).swapped
    assert Build.objects.get().pk == build.pk
