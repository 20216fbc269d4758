"""Reading ahead: no event is taken twice or skipped, and a projection is not called caught up too early."""

from dataclasses import replace
from typing import Any

import pytest
from django.db import transaction

from eventstore import store
from eventstore.ids import new_id
from projections.engine import read_ahead
from projections.engine.catch_up import catch_up
from projections.engine.checkpoints import Checkpoint
from projections.engine.projection import PROJECTIONS
from projections.staff.orders import StaffOrder
from tests.support.order_examples import CREATED, PAID
from tests.support.projection_spec import contents, empty, write

pytestmark = pytest.mark.django_db(transaction=True)
STAFF = PROJECTIONS["staff"]


@pytest.fixture(autouse=True)
def read_ahead_for_few_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_ahead, "MIN_PAGE", 1)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The position after which each page was read."""
    positions: list[int] = []
    read = store.read_after

    def record_position(position: int, **query: Any) -> Any:
        positions.append(position)
        return read(position, **query)

    monkeypatch.setattr(store, "read_after", record_position)
    return positions


def place(count: int = 1) -> None:
    for _ in range(count):
        order_id = new_id()
        events: tuple[Any, ...] = (CREATED, PAID)
        for version, event in enumerate(events):
            store.append([write(replace(event, order_id=order_id), version)])


def test_several_pages_read_ahead_give_the_same_rows_as_one_page(reads: list[int]) -> None:
    place(9)
    catch_up(STAFF)
    expected, events = contents(STAFF), Checkpoint.objects.get(name="staff/0").events
    empty(STAFF)
    reads.clear()
    progress = catch_up(STAFF, limit=4)
    assert contents(STAFF) == expected
    assert (progress.events, events, progress.caught_up) == (18, 18, True)
    assert len(reads) == len(set(reads)) > 5, "no page is read twice"


def test_events_recorded_after_a_short_page_was_read_ahead_are_taken_before_it_counts_as_caught_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place(2)
    late, read = new_id(), store.read_after

    def read_then_append(position: int, **query: Any) -> Any:
        page = read(position, **query)
        if len(page.events) < query["limit"]:
            monkeypatch.setattr(store, "read_after", read)
            store.append([write(replace(CREATED, order_id=late), 0)])
        return page

    monkeypatch.setattr(store, "read_after", read_then_append)
    catch_up(STAFF, limit=3)
    assert StaffOrder.objects.filter(pk=late).exists()


def test_inside_a_transaction_no_second_connection_is_used(reads: list[int]) -> None:
    place(2)
    with transaction.atomic():
        catch_up(STAFF, limit=2)
    assert StaffOrder.objects.count() == 2
    assert len(reads) == len(set(reads))
