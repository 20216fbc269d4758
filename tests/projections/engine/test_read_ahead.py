"""The next page is read while one is written: nothing is taken twice, passed over, or called level too early."""

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
def worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_ahead, "MIN_PAGE", 1)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """After which position each page was read."""
    found: list[int] = []
    read = store.read_after

    def noted(position: int, **wanted: Any) -> Any:
        found.append(position)
        return read(position, **wanted)

    monkeypatch.setattr(store, "read_after", noted)
    return found


def place(count: int = 1) -> None:
    for _ in range(count):
        order_id = new_id()
        events: tuple[Any, ...] = (CREATED, PAID)
        for version, event in enumerate(events):
            store.append([write(replace(event, order_id=order_id), version)])


def test_pages_that_were_read_ahead_give_the_rows_that_one_page_gives(reads: list[int]) -> None:
    place(9)
    catch_up(STAFF)
    expected, events = contents(STAFF), Checkpoint.objects.get(name="staff/0").events
    empty(STAFF)
    reads.clear()
    taken = catch_up(STAFF, limit=4)
    assert contents(STAFF) == expected
    assert (taken.events, events, taken.level) == (18, 18, True)
    assert len(reads) == len(set(reads)) > 5, "no page is read twice"


def test_what_is_recorded_after_a_short_page_was_read_is_taken_before_it_is_called_level(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place(2)
    late, read = new_id(), store.read_after

    def then_recorded(position: int, **wanted: Any) -> Any:
        page = read(position, **wanted)
        if len(page.events) < wanted["limit"]:
            monkeypatch.setattr(store, "read_after", read)
            store.append([write(replace(CREATED, order_id=late), 0)])
        return page

    monkeypatch.setattr(store, "read_after", then_recorded)
    catch_up(STAFF, limit=3)
    assert StaffOrder.objects.filter(pk=late).exists()


def test_within_a_transaction_nothing_is_read_on_another_connection(reads: list[int]) -> None:
    place(2)
    with transaction.atomic():
        catch_up(STAFF, limit=2)
    assert StaffOrder.objects.count() == 2
    assert len(reads) == len(set(reads))
