"""A projection makes the same rows in several shards as in one, in whatever order the shards catch up."""

import threading
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from eventstore import store
from eventstore.dispatch import Context
from eventstore.ids import new_id
from eventstore.models import Event
from eventstore.personal_data.subjects import erase
from eventstore.sharding import Shard, shard_of
from eventstore.wakeups import wakeup
from orders.events import OrderPaid
from projections import tasks
from projections.engine.catch_up import BATCH, CatchUpOptions, advance, catch_up, catch_up_shard, shard_numbers
from projections.engine.checkpoints import Checkpoint, ParkedEvent
from projections.engine.parking import redrive
from projections.engine.projection import PROJECTIONS, Projection
from projections.engine.sharding import NotDivisible, divide
from projections.engine.unit_of_work import ForeignRow
from projections.engine.wakeups import shard_wakeup
from projections.staff.orders import StaffOrder, StaffOrders
from tests.support.order_examples import CREATED, ORDER, PAID, SHIPPED
from tests.support.projection_spec import contents, empty, write
from tests.support.threads import at_once
from tests.support.wakeups import waiting_projections

pytestmark = pytest.mark.django_db(transaction=True)
STAFF, ACCOUNTING = PROJECTIONS["staff"], PROJECTIONS["accounting"]


def place(count: int, *later: Any) -> list[UUID]:
    ids = [new_id() for _ in range(count)]
    for version, event in enumerate((CREATED, *later)):
        for order_id in ids:
            store.append([write(replace(event, order_id=order_id), version)])
    return ids


@given(st.lists(st.uuids(), max_size=30), st.integers(1, 64))
def test_every_aggregate_is_in_exactly_one_shard_and_sql_says_the_same(ids: list[UUID], shard_count: int) -> None:
    from eventstore.sharding import IN_SHARD, in_shard_values

    shards = [Shard(number, shard_count) for number in range(shard_count)]
    with connection.cursor() as cursor:
        for order_id in ids:
            cursor.execute(
                f"SELECT {', '.join([IN_SHARD] * shard_count)}"
                " FROM (SELECT %s::uuid AS aggregate_id, 'x' AS event_type) e",
                [*(value for shard in shards for value in in_shard_values(shard)), order_id],
            )
            row = cursor.fetchone()
            assert row
            assert [number for number, held in enumerate(row) if held] == [shard_of(order_id, shard_count)]


@pytest.mark.parametrize("name", [name for name, each in PROJECTIONS.items() if not each.total_order])
@pytest.mark.parametrize("shard_count", [2, 5])
def test_several_shards_make_the_same_rows_as_one_in_any_order(name: str, shard_count: int) -> None:
    projection = PROJECTIONS[name]
    place(12, PAID, SHIPPED)
    catch_up(projection)
    expected = contents(projection)
    divide(projection, shard_count)
    empty(projection)
    for number in reversed(shard_numbers(projection)):
        catch_up_shard(projection, number, CatchUpOptions(limit=4))
    assert contents(projection) == expected


def test_the_number_of_shards_changes_while_writers_and_workers_go_on() -> None:
    """Counters would show an event that was taken twice or skipped."""
    ids = place(30)
    catch_up(ACCOUNTING)
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            for number in shard_numbers(ACCOUNTING):
                catch_up_shard(ACCOUNTING, number, CatchUpOptions(limit=3, wait=False))

    with at_once(*[work] * 3):
        try:
            for number, order_id in enumerate(ids):
                store.append([write(replace(PAID, order_id=order_id), 1)])
                if number % 5 == 0:
                    divide(ACCOUNTING, 1 + number % 4)
        finally:
            done.set()
    catch_up(ACCOUNTING)
    incremental = contents(ACCOUNTING)
    empty(ACCOUNTING)
    catch_up(ACCOUNTING)
    assert contents(ACCOUNTING) == incremental


def test_each_shard_has_a_checkpoint_and_a_wake_up_of_its_own() -> None:
    divide(STAFF, 4)
    assert list(Checkpoint.objects.filter(projection="staff").values_list("name", "of")) == [
        (f"staff/{number}", 4) for number in range(4)
    ]
    (order_id,) = place(1)
    for _ in range(3):
        wakeup.wake_first_wave(aggregate_ids=[order_id])
    assert waiting_projections().count("staff") == 1
    tasks.project("staff", shard_of(order_id, 4), 4)
    assert StaffOrder.objects.get().pk == order_id


def test_a_message_from_before_the_shards_changed_wakes_all_shards() -> None:
    place(8)
    divide(STAFF, 3)
    tasks.project("staff", 0, 1)
    assert waiting_projections().count("staff") == 3


def test_an_erasure_reaches_the_orders_of_every_shard_whichever_shard_is_behind() -> None:
    orders = place(6)
    divide(STAFF, 3)
    lagging = shard_of(orders[0], 3)
    for number in shard_numbers(STAFF):
        if number != lagging:
            catch_up_shard(STAFF, number, CatchUpOptions())
    erase(CREATED.customer_id or ORDER, Context(actor="staff:anna"))
    catch_up(STAFF)
    assert set(StaffOrder.objects.values_list("customer_email", flat=True)) == {"[erased]"}
    assert not StaffOrder.objects.filter(search__contains="whitfield").exists()


def test_the_shard_that_takes_an_erasure_wakes_the_other_shards() -> None:
    place(6)
    divide(STAFF, 2)
    catch_up(STAFF)
    subject = CREATED.customer_id
    assert subject
    erase(subject, Context(actor="staff:anna"))
    for number in shard_numbers(STAFF):
        wakeup.acknowledge(shard_wakeup("staff", number, 2))  # so that new messages are sent
    before = len(waiting_projections())
    erased = Event.objects.get(event_type="subject.erased").aggregate_id
    tasks.project("staff", shard_of(erased, 2), 2)
    assert "staff" in waiting_projections()[before:]


def test_a_worker_that_waits_for_a_removed_shard_goes_on_with_the_present_shards() -> None:
    place(4)
    divide(STAFF, 3)
    divide(STAFF, 1)
    assert catch_up_shard(STAFF, 2, CatchUpOptions()).busy
    assert catch_up(STAFF).events + StaffOrder.objects.count() >= 4


def test_parked_events_move_with_their_aggregate_to_its_new_shard(poison: set[UUID]) -> None:
    ids = place(6, PAID)
    poison.update(ids)
    catch_up(STAFF)
    divide(STAFF, 3)
    assert {event.aggregate_id: event.shard for event in ParkedEvent.objects.all()} == {
        order_id: shard_of(order_id, 3) for order_id in ids
    }
    poison.clear()
    assert redrive(STAFF) == 6
    assert set(StaffOrder.objects.values_list("payment_status", flat=True)) == {"paid"}


def test_a_projection_that_needs_the_total_order_cannot_be_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StaffOrders, "total_order", True)
    with pytest.raises(NotDivisible, match="in the total order of the log"):
        divide(STAFF, 2)
    with pytest.raises(NotDivisible, match="from 1 to 64 shards, not 0"):
        divide(ACCOUNTING, 0)
    with pytest.raises(TypeError, match="cannot be divided into 2 shards"):
        type("Ordered", (Projection,), {"name": "ordered", "tables": (), "total_order": True, "shards": 2})


def test_an_event_whose_handler_asks_for_the_row_of_another_aggregate_is_parked_with_advice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other, own = place(2)
    catch_up(STAFF)

    def reach(projection: Any, rows: Any, event: OrderPaid, fact: Any) -> None:
        rows.get(StaffOrder, other).payment_status = "paid"

    monkeypatch.setitem(StaffOrders.handlers, OrderPaid, reach)
    store.append([write(replace(PAID, order_id=own), 1)])
    catch_up(STAFF)
    assert ParkedEvent.objects.get().error.startswith("ForeignRow: ")
    assert ForeignRow.__doc__
    assert "total_order = True" in ForeignRow.__doc__


def test_a_shard_that_another_worker_has_locked_is_busy(staff_is_locked: None) -> None:
    place(2)
    assert advance(STAFF, 0, CatchUpOptions(wait=False, limit=BATCH)).busy
