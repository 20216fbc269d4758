"""An event that breaks a reader is parked, whatever it raises and wherever; a failure of the database is not."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from django.db import DataError, InterfaceError, OperationalError, ProgrammingError, connection
from django.test import Client
from psycopg import errors as pg

from eventstore import store
from eventstore.errors import CorruptEvent
from eventstore.ids import new_id
from eventstore.messages import UPCASTERS
from eventstore.records import UNREADABLE_METADATA, Damaged
from eventstore.sql import is_failure_of_the_database
from projections import tasks
from projections.engine import shard_loop
from projections.engine.catch_up import catch_up
from projections.engine.checkpoints import Checkpoint, ParkedEvent
from projections.engine.parking import redrive
from projections.engine.projection import PROJECTIONS
from projections.engine.unit_of_work import UnitOfWork
from projections.staff.orders import StaffOrder
from tests.support.order_examples import CREATED, PAID
from tests.support.projection_spec import write
from tests.support.tampering import DAMAGE, change_event

pytestmark = pytest.mark.django_db(transaction=True)

STAFF = PROJECTIONS["staff"]


def place(order_id: UUID) -> None:
    """Place and pay an order."""
    store.append([write(replace(CREATED, order_id=order_id), 0)])
    store.append([write(replace(PAID, order_id=order_id), 1)])


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_event_is_parked_by_every_projection_and_the_others_go_on(damage: str) -> None:
    bad, good = new_id(), new_id()
    place(bad)
    place(good)
    change_event(bad, damage)
    for projection in PROJECTIONS.values():
        catch_up(projection)
    assert StaffOrder.objects.get(pk=good).payment_status == "paid"
    assert StaffOrder.objects.get(pk=bad).behind == ParkedEvent.objects.filter(projection="staff").exists()
    assert set(ParkedEvent.objects.values_list("aggregate_id", flat=True)) == {bad}
    assert all(each.position == store.latest_position() for each in Checkpoint.objects.all())
    assert redrive(PROJECTIONS["accounting"]) in (0, 1)
    tasks.project_all()


@pytest.mark.parametrize("damage", ["timestamp = '-infinity'", "metadata = '[]'"], ids=["time", "metadata"])
def test_a_damaged_event_keeps_its_place_for_whoever_shows_the_history(damage: str) -> None:
    order_id = new_id()
    place(order_id)
    change_event(order_id, damage)
    _, fact = store.read_stream(order_id, tolerant=True)
    assert (fact.version, fact.aggregate_id, type(fact.event)) == (2, order_id, Damaged)
    assert (fact.metadata == UNREADABLE_METADATA) == damage.startswith("metadata")
    with pytest.raises(CorruptEvent):
        store.read_stream(order_id)


class Unprintable(Exception):
    """An error whose message cannot be made."""

    def __str__(self) -> str:
        raise KeyError("no message")


def raising(error: Exception) -> Callable[..., None]:
    """Return a function that raises `error`."""

    def fail(*args: Any, **kwargs: Any) -> None:
        raise error

    return fail


ERRORS = [
    OverflowError("date value out of range"),
    RecursionError("too deep"),
    MemoryError(),
    ValueError("NUL \0 and half a pair \ud800"),
    ValueError("x" * 1_000_000),
    Unprintable(),
    UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
]


@pytest.mark.parametrize("where", ["handle", "write"])
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_whatever_a_handler_or_the_writing_of_its_rows_raises_the_event_is_parked(
    error: Exception, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = new_id()
    place(order_id)
    if where == "handle":
        monkeypatch.setattr(type(STAFF), "handle", raising(error))
    else:
        monkeypatch.setattr(UnitOfWork, "write", raising(error))
    catch_up(STAFF)
    first, second = ParkedEvent.objects.filter(projection="staff")
    assert first.summary.startswith(type(error).__name__)
    assert (first.position < second.position, second.error) == (True, "")


@pytest.mark.parametrize(
    ("error", "is_failure"),
    [
        (pg.NumericValueOutOfRange(), False),
        (pg.UntranslatableCharacter(), False),
        (pg.CheckViolation(), False),
        (pg.CardinalityViolation(), False),
        (pg.ProgramLimitExceeded(), False),
        (pg.StatementTooComplex(), False),
        (pg.RaiseException(), False),
        (pg.InternalError_(), False),
        (pg.UndefinedTable(), True),
        (pg.InsufficientPrivilege(), True),
        (pg.DeadlockDetected(), True),
        (pg.SerializationFailure(), True),
        (pg.AdminShutdown(), True),
        (pg.QueryCanceled(), True),
        (pg.DiskFull(), True),
        (pg.LockNotAvailable(), True),
        (pg.ReadOnlySqlTransaction(), True),
        (pg.IndexCorrupted(), True),
        (pg.OperationalError(), True),
        (pg.DataError(), False),
        (DataError(), False),
        (OperationalError(), True),
        (InterfaceError(), True),
        (ProgrammingError(), False),
        (ValueError(), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_failure_of_the_database_is_not_the_fault_of_an_event(error: Exception, is_failure: bool) -> None:
    assert is_failure_of_the_database(error) is is_failure


def test_an_event_with_a_text_longer_than_an_index_holds_is_parked() -> None:
    bad, good = new_id(), new_id()
    text = "".join(str(new_id()) for _ in range(3_000))
    store.append([write(replace(CREATED, order_id=bad, reference=text), 0)])
    place(good)
    catch_up(PROJECTIONS["accounting"])
    assert "ProgramLimitExceeded" in ParkedEvent.objects.get(aggregate_id=bad).error
    assert Checkpoint.objects.get(name="accounting/0").position == store.latest_position()


def test_a_missing_migration_parks_nothing() -> None:
    place(new_id())
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE projections_stafforder RENAME COLUMN carrier TO carried")
    try:
        with pytest.raises(ProgrammingError):
            catch_up(STAFF)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE projections_stafforder RENAME COLUMN carried TO carrier")
    assert not ParkedEvent.objects.exists()


def test_healthz_names_a_projection_that_stopped_and_is_ok_once_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    place(new_id())
    broken = monkeypatch.context()
    with broken as patched, suppress(ProgrammingError):
        patched.setattr(UnitOfWork, "write", raising(ProgrammingError("no such column")))
        patched.setattr("projections.engine.folding.is_failure_of_the_database", lambda error: True)
        shard_loop.run("staff", 0, 1)
    assert Checkpoint.objects.get(name="staff/0").last_error == "ProgrammingError: no such column"
    tasks.sweep.apply()  # a worker is running; this sweep catches up the projection
    Checkpoint.objects.filter(name="staff/0").update(last_error="ProgrammingError: no such column")
    stopped = Client().get("/healthz")
    assert (stopped.status_code, stopped.json()["status"]) == (200, "degraded")
    assert stopped.json()["followers"] == "cannot go on: staff; `manage.py projections` says why"
    Checkpoint.objects.update(last_error="ProgrammingError: no such column")
    stopped = Client().get("/healthz")
    assert (stopped.status_code, stopped.json()["status"]) == (503, "unavailable")
    Checkpoint.objects.exclude(name="staff/0").update(last_error="")
    shard_loop.run("staff", 0, 1)
    assert Client().get("/healthz").json()["followers"] == "ok"


def test_an_upcaster_that_fails_damages_its_event_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good = new_id(), new_id()
    place(bad)
    place(good)
    change_event(bad, "schema_version = 1")
    monkeypatch.setitem(UPCASTERS, ("order.paid", 1), raising(ZeroDivisionError("a rate of 0")))
    catch_up(STAFF)
    assert "a rate of 0" in ParkedEvent.objects.get(projection="staff").error
    assert StaffOrder.objects.get(pk=good).payment_status == "paid"
