"""Several read models are rebuilt in turns: each event is read and folded once, and each read model stays its own."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from eventstore import store
from eventstore.dispatch import Context
from eventstore.ids import new_id
from eventstore.models import Event
from eventstore.personal_data.subjects import erase
from orders import events
from orders.values import ZERO
from projections import order_row
from projections.engine import read_ahead, shared_folds
from projections.engine.catch_up import catch_up
from projections.engine.folding import HandlerFailed
from projections.engine.projection import PROJECTIONS, Projection
from projections.rebuild.fill import RebuildOptions
from projections.rebuild.models import Build
from projections.rebuild.run import rebuild_together
from projections.staff.orders import StaffOrder
from tests.support.order_examples import CREATED, PAID, SHIPPED, TOO_MUCH
from tests.support.projection_spec import contents, write

pytestmark = pytest.mark.django_db(transaction=True)
ALL = list(PROJECTIONS.values())
OF_ORDERS = [PROJECTIONS[name] for name in ("staff", "customer", "accounting")]


def place(*later: Any, customer_id: UUID | None = None) -> UUID:
    order_id = new_id()
    created = replace(CREATED, customer_id=customer_id or CREATED.customer_id)
    for version, event in enumerate((created, *later)):
        store.append([write(replace(event, order_id=order_id), version)])
    return order_id


def together(projections: list[Projection], **fields: Any) -> dict[str, Any]:
    rebuilt = rebuild_together(projections, lambda projection: RebuildOptions(**fields))
    return {projection.name: result for projection, result in rebuilt}


@pytest.fixture
def caught_up() -> None:
    for _ in range(4):
        place(PAID, SHIPPED)
    gone = new_id()
    place(PAID, customer_id=gone)
    erase(gone, Context(actor="staff:anna"))
    place()
    for projection in ALL:
        catch_up(projection)


@pytest.mark.parametrize("page", [1, 3, 100])
def test_all_read_models_rebuilt_together_are_as_they_were(
    caught_up: None, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(read_ahead.SharedPages, "most", page)
    before = [contents(projection) for projection in ALL]
    results = together(ALL)
    assert set(results) == set(PROJECTIONS)
    assert all(each.swapped and table.identical for each in results.values() for table in each.differences)
    assert [contents(projection) for projection in ALL] == before


def test_each_event_is_read_and_folded_once(caught_up: None, monkeypatch: pytest.MonkeyPatch) -> None:
    folded, pages = list[object](), list[int]()
    read_after = store.read_after

    def evolve(order: Any, event: Any) -> Any:
        folded.append(event)
        return events.evolve(order, event)

    def read(position: int, **query: Any) -> store.Page:
        page = read_after(position, **query)
        pages.append(len(page.events))
        return page

    monkeypatch.setattr(order_row, "evolve", evolve)
    monkeypatch.setattr(store, "read_after", read)
    together(OF_ORDERS, dry_run=True)
    events_logged = Event.objects.count()
    assert (len(folded), sum(pages)) == (events_logged - 1, events_logged), "the erasure is not folded"


def test_events_that_come_meanwhile_are_in_every_read_model(caught_up: None, monkeypatch: pytest.MonkeyPatch) -> None:
    late = [PAID]
    begin = read_ahead.SharedPages.begin_round

    def begin_and_place(pages: read_ahead.SharedPages) -> None:
        begin(pages)
        if late:
            place(late.pop())

    monkeypatch.setattr(read_ahead.SharedPages, "begin_round", begin_and_place)
    together(ALL)
    catch_up(PROJECTIONS["staff"])
    assert StaffOrder.objects.count() == 7


def test_if_one_read_model_fails_the_next_call_goes_on_with_the_others(
    caught_up: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_ahead.SharedPages, "most", 5)
    order_id = place()
    store.append([write(replace(TOO_MUCH, order_id=order_id), 1)])
    with pytest.raises(HandlerFailed):
        together(OF_ORDERS, strict=True)
    states = dict(Build.objects.values_list("projection", "state"))
    assert states == {"staff": "failed", "customer": "building", "accounting": "building"}
    assert shared_folds._folds.kept is None, "nothing is kept"
    assert [each.parked for each in together(OF_ORDERS).values()] == [1, 1, 1], "without strict it is parked"


def test_a_read_model_that_leaves_an_event_out_shares_no_wrong_state(caught_up: None) -> None:
    """Another read model takes the event, so their states differ from then on."""
    state, event = order_row._NO_ORDER, CREATED
    with shared_folds.keeping_folds():
        after = shared_folds.folded(state, event, events.evolve)
        assert shared_folds.folded(state, event, events.evolve) is after
        paid = shared_folds.folded(after, PAID, events.evolve)
        assert shared_folds.folded(state, event, events.evolve) is after
        assert (after.captured, paid.captured) == (ZERO, PAID.amount)
        shared_folds.forget_folds()
        assert shared_folds.folded(state, event, events.evolve) == after
