"""Row storage: rows are written as JSON or by COPY with the same result, and are loaded as they were written."""

from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import DataError, IntegrityError, transaction

from eventstore import store
from eventstore.ids import new_id
from orders.state import Order
from projections.accounting.journal import AccountingDay, AccountingEntry
from projections.engine import row_storage
from projections.engine.catch_up import catch_up
from projections.engine.checkpoints import ParkedEvent
from projections.engine.projection import PROJECTIONS
from projections.staff.orders import StaffOrder
from tests.support.clock import AT
from tests.support.order_examples import CREATED, PAID, SHIPPED
from tests.support.projection_spec import contents, empty, write

pytestmark = pytest.mark.django_db(transaction=True)
STAFF = PROJECTIONS["staff"]
ODD = 'tab\t newline\n backslash\\ quote" \\N ünïcode 🎈 {"sku": 1}'


@pytest.fixture(params=[1, 10_000], ids=["by COPY", "as JSON"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_storage, "COPY_FROM", request.param)


def staff_row(order_id: UUID, **values: Any) -> StaffOrder:
    columns = {"order_id": order_id, "version": 1, "placed_at": AT, "line_count": 1, "units": 2, **values}
    return row_storage.new_row(StaffOrder, columns)


def place_orders(count: int) -> list[UUID]:
    ids = [new_id() for _ in range(count)]
    for order_id in ids:
        events: tuple[Any, ...] = (CREATED, PAID, SHIPPED)
        for version, event in enumerate(events):
            store.append([write(replace(event, order_id=order_id), version)])
    return ids


@pytest.mark.usefixtures("either_way")
def test_a_row_comes_back_as_it_was_written() -> None:
    state = Order(currency="GBP", bad_debt=Decimal("0.10"))
    row = staff_row(
        new_id(), reference=ODD, total=Decimal("1234567890123456.7891"), state=state, times={"a/1": {ODD: ODD}}
    )
    row_storage.write(StaffOrder, [row], on_conflict="replace")
    (loaded,) = row_storage.load(StaffOrder, [row.pk]).values()
    stored = StaffOrder.objects.get()
    for field in StaffOrder._meta.concrete_fields:
        assert getattr(loaded, field.attname) == getattr(row, field.attname) == getattr(stored, field.attname)
    assert loaded.customer_id is None
    assert str(loaded.state.bad_debt) == "0.10"


@pytest.mark.usefixtures("either_way")
def test_an_existing_row_is_replaced_in_every_column() -> None:
    key, other = new_id(), new_id()
    row_storage.write(StaffOrder, [staff_row(key, reference="old"), staff_row(other)], on_conflict="replace")
    row_storage.write(StaffOrder, [staff_row(key, reference="new", version=2, behind=True)], on_conflict="replace")
    stored = StaffOrder.objects.get(pk=key)
    assert (stored.reference, stored.version, stored.behind) == ("new", 2, True)
    assert StaffOrder.objects.count() == 2


@pytest.mark.usefixtures("either_way")
def test_two_writes_in_one_transaction_write_each_row_once() -> None:
    entries = [
        row_storage.new_row(
            AccountingEntry,
            {"entry_id": number, "order_id": new_id(), "day": AT.date(), "kind": "sale", "recorded_at": AT},
        )
        for number in (1, 2)
    ]
    with transaction.atomic():
        for entry in entries:
            row_storage.write(AccountingEntry, [entry], on_conflict="error")
    assert AccountingEntry.objects.count() == 2
    with pytest.raises(IntegrityError):
        row_storage.write(AccountingEntry, entries[:1], on_conflict="error")


@pytest.mark.usefixtures("either_way")
def test_the_numbers_of_counters_are_added_up() -> None:
    def day(sales: str) -> AccountingDay:
        values = {"key": "d", "day": AT.date(), "currency": "GBP", "orders": 1, "sales": Decimal(sales)}
        return row_storage.new_row(AccountingDay, values)

    for sales in ("1.50", "2.25"):
        row_storage.write(AccountingDay, [day(sales)], on_conflict="add")
    stored = AccountingDay.objects.get()
    assert (stored.orders, stored.sales, stored.payments) == (2, Decimal("3.75"), 0)


@pytest.mark.usefixtures("either_way")
def test_text_that_is_too_long_is_refused_not_cut() -> None:
    with pytest.raises(DataError):
        row_storage.write(StaffOrder, [staff_row(new_id(), currency="GBPX")], on_conflict="replace")
    assert not StaffOrder.objects.exists()


def test_rows_do_not_share_a_mutable_default() -> None:
    one, other = staff_row(new_id()), staff_row(new_id())
    one.times["payment/1"] = {}
    assert other.times == {}


def test_large_and_small_batches_give_the_same_rows() -> None:
    place_orders(30)
    catch_up(STAFF)  # by COPY
    expected = contents(STAFF)
    empty(STAFF)
    catch_up(STAFF, limit=7)
    assert contents(STAFF) == expected
    assert len(expected["StaffOrder"]) == 30


def test_one_bad_event_among_many_is_parked_and_the_others_are_written_once() -> None:
    """The batch is tried again in halves, some of them by COPY in one transaction."""
    ids = place_orders(70)
    bad = new_id()
    store.append([write(replace(CREATED, order_id=bad, currency="GBPX"), 0)])
    ids += place_orders(70)
    catch_up(STAFF)
    assert set(StaffOrder.objects.values_list("pk", flat=True)) == set(ids)
    assert ParkedEvent.objects.get().aggregate_id == bad


def test_rows_of_orders_that_begin_in_the_batch_are_not_loaded() -> None:
    place_orders(2)
    with reads_of(StaffOrder) as keys:
        catch_up(STAFF)
    assert keys == []
    store.append([write(replace(CREATED, order_id=(last := new_id())), 0)])
    catch_up(STAFF)
    store.append([write(replace(PAID, order_id=last), 1)])
    catch_up(STAFF)
    assert StaffOrder.objects.get(pk=last).payment_status == "paid"


class reads_of:  # noqa: N801 - reads as a sentence
    """A context that records the keys of rows that are loaded."""

    def __init__(self, model: type) -> None:
        self.model, self.keys = model, list[Any]()

    def __enter__(self) -> list[Any]:
        self._load = row_storage.load

        def load(model: Any, keys: Any) -> Any:
            self.keys += list(keys)
            return self._load(model, keys)

        row_storage.load = load
        return self.keys

    def __exit__(self, *about: object) -> None:
        row_storage.load = self._load
