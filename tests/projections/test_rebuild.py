"""A rebuild stands beside the live tables, says how they differ, and swaps while everybody reads and writes."""

import io
import threading
import time
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from eventstore import store
from eventstore.ids import new_id
from projections.checkpoints import Checkpoint
from projections.engine import Progress, catch_up
from projections.projection import PROJECTIONS
from projections.rebuild import RebuildRunning, SwapTimedOut, rebuild
from projections.staff.orders import StaffOrder
from tests.orders.examples import CREATED, PAID, SHIPPED
from tests.projections.spec import contents, write

pytestmark = pytest.mark.django_db(transaction=True)
STAFF = PROJECTIONS["staff"]


def place(count: int, *later: Any) -> list[UUID]:
    ids = [new_id() for _ in range(count)]
    for order_id in ids:
        for version, event in enumerate((CREATED, *later)):
            store.append([write(replace(event, order_id=order_id), version)])
    return ids


def catalogue() -> list[tuple[Any, ...]]:
    """Every index and constraint of the staff table, by name and definition."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'projections_stafforder' ORDER BY 1"
        )
        return list(cursor.fetchall())


def schemas() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'rebuild%'")
        return {name for (name,) in cursor.fetchall()}


def test_a_rebuild_of_an_intact_view_changes_nothing_and_keeps_every_index() -> None:
    place(5, PAID, SHIPPED)
    catch_up(STAFF)
    before, indexes = contents(STAFF), catalogue()
    report = rebuild(STAFF)
    assert report.swapped
    assert report.events == 15
    assert [(table.rows, table.identical) for table in report.differences] == [(5, True)]
    assert contents(STAFF) == before
    assert catalogue() == indexes
    assert schemas() == set()
    place(1)
    catch_up(STAFF)
    assert StaffOrder.objects.count() == 6, "the swapped table goes on being fed"


def test_a_rebuild_repairs_what_was_damaged_and_says_what_differed() -> None:
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


def test_a_dry_run_reports_and_leaves_everything_as_it_is() -> None:
    (order_id,) = place(1)
    catch_up(STAFF)
    StaffOrder.objects.update(total=1)
    report = rebuild(STAFF, dry_run=True)
    assert (report.swapped, report.differences[0].changed) == (False, 1)
    assert StaffOrder.objects.get(pk=order_id).total == 1
    assert schemas() == set()
    assert list(Checkpoint.objects.values_list("name", flat=True)) == ["staff/0"]


@pytest.mark.parametrize("step", [1, 2])
def test_a_rebuild_that_was_broken_off_goes_on_where_it_stood(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    from projections import engine
    from projections import rebuild as module

    place(6, PAID)
    catch_up(STAFF)
    expected = contents(STAFF)
    monkeypatch.setattr(
        module, "advance", lambda projection, number, work: engine.advance(projection, number, replace(work, limit=4))
    )
    calls = 0

    def stop(position: int, latest: int) -> None:
        nonlocal calls
        calls += 1
        if calls == step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild(STAFF, progress=stop)
    assert contents(STAFF) == expected
    report = rebuild(STAFF)
    assert report.events == 12 - 4 * step
    assert report.differences[0].identical
    assert contents(STAFF) == expected


class Reader(threading.Thread):
    """Reads the whole view until told to stop, and notes whatever a reader must never see."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count, self.reads = count, 0
        self.errors: list[str] = []
        self.stop = threading.Event()

    def run(self) -> None:
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


def test_readers_and_writers_go_on_and_never_see_an_error_an_empty_table_or_a_step_back() -> None:
    ids = place(40)
    catch_up(STAFF)
    readers = [Reader(len(ids)) for _ in range(2)]
    failed: list[Exception] = []

    def write_on() -> None:
        try:
            for order_id in ids:
                store.append([write(replace(PAID, order_id=order_id), 1)])
                catch_up(STAFF)
                time.sleep(0.01)
        except Exception as error:  # noqa: BLE001 - the test fails on it
            failed.append(error)
        finally:
            connection.close()

    writer = threading.Thread(target=write_on)
    for thread in (*readers, writer):
        thread.start()
    rebuilt = 0
    while writer.is_alive():
        rebuild(STAFF)
        rebuilt += 1
    for reader in readers:
        reader.stop.set()
        reader.join()
    assert failed == []
    assert [error for reader in readers for error in reader.errors] == []
    assert rebuilt >= 2
    assert sum(reader.reads for reader in readers) > 20
    assert set(StaffOrder.objects.values_list("status", flat=True)) == {"paid"}


def test_a_reader_that_never_lets_go_makes_the_swap_step_back_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from projections import rebuild as module

    place(2)
    catch_up(STAFF)
    monkeypatch.setattr(module, "SWAP_ATTEMPTS", 2)
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


def test_a_rebuild_whose_schema_is_gone_begins_anew_and_leaves_the_live_rows_alone() -> None:
    place(3, PAID)
    catch_up(STAFF)
    expected = contents(STAFF)
    Checkpoint.objects.create(
        name="rebuild_staff:staff/0", projection="staff", space="rebuild_staff", event_types=STAFF.event_types
    )  # all that a crash had left
    report = rebuild(STAFF)
    assert (report.events, report.differences[0].identical) == (6, True)
    assert contents(STAFF) == expected


def test_a_schema_that_vanishes_stops_the_rebuild_before_it_meets_the_live_tables() -> None:
    from projections import spaces

    place(3, PAID)
    catch_up(STAFF)
    expected = contents(STAFF)
    with pytest.raises(LookupError, match="the schema rebuild_staff is gone"):
        rebuild(STAFF, progress=lambda position, latest: spaces.drop(STAFF, "rebuild_staff"))
    assert contents(STAFF) == expected
    assert rebuild(STAFF).differences[0].identical


def test_a_second_rebuild_of_the_same_view_is_refused_while_the_first_is_at_work() -> None:
    place(2)
    outcome: list[Any] = []

    def second(position: int, latest: int) -> None:
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
    assert len(outcome) == 1


def test_rebuilt_tables_that_are_ahead_wait_for_the_live_ones_and_nothing_is_applied_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The horizon may step back for a moment: the live view then lags behind what the rebuild has read."""
    from projections import rebuild as module

    order_id, *_ = place(2)
    catch_up(STAFF)
    store.append([write(replace(PAID, order_id=order_id), 1)])
    lags = iter([True, True])

    def lagging(projection: Any, **more: Any) -> Any:
        if not more and next(lags, False):
            mark = Checkpoint.objects.get(name="staff/0")
            return Progress(position=mark.position)
        return catch_up(projection, **more)

    monkeypatch.setattr(module, "catch_up", lagging)
    rebuild(STAFF)
    monkeypatch.undo()
    catch_up(STAFF)
    row = StaffOrder.objects.get(pk=order_id)
    assert (row.paid, row.due, row.version) == (25, 0, 2)


def test_the_command_rebuilds_what_is_named_and_reports_each_table() -> None:
    place(3, PAID)
    out = io.StringIO()
    call_command("rebuild_projections", "staff", "accounting", stdout=out)
    assert "staff: 6 events, 0 parked; swapped in" in out.getvalue()
    assert "projections_accountingday: 1 rows" in out.getvalue()
    with pytest.raises(CommandError, match="there are accounting, customer, staff"):
        call_command("rebuild_projections", "stock")
