"""Rows of read models are written alike whether few or many, and come back as they were."""

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
    given = {"order_id": order_id, "version": 1, "placed_at": AT, "line_count": 1, "units": 2, **values}
    return row_storage.new_row(StaffOrder, given)


def placed(count: int) -> list[UUID]:
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
def test_a_row_that_is_there_is_replaced_in_every_column() -> None:
    key, other = new_id(), new_id()
    row_storage.write(StaffOrder, [staff_row(key, reference="old"), staff_row(other)], on_conflict="replace")
    row_storage.write(StaffOrder, [staff_row(key, reference="new", version=2, behind=True)], on_conflict="replace")
    found = StaffOrder.objects.get(pk=key)
    assert (found.reference, found.version, found.behind) == ("new", 2, True)
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
def test_counters_are_added_to() -> None:
    def day(sales: str) -> AccountingDay:
        values = {"key": "d", "day": AT.date(), "currency": "GBP", "orders": 1, "sales": Decimal(sales)}
        return row_storage.new_row(AccountingDay, values)

    for sales in ("1.50", "2.25"):
        row_storage.write(AccountingDay, [day(sales)], on_conflict="add")
    found = AccountingDay.objects.get()
    assert (found.orders, found.sales, found.payments) == (2, Decimal("3.75"), 0)


@pytest.mark.usefixtures("either_way")
def test_text_that_is_too_long_is_refused_and_not_cut() -> None:
    with pytest.raises(DataError):
        row_storage.write(StaffOrder, [staff_row(new_id(), currency="GBPX")], on_conflict="replace")
    assert not StaffOrder.objects.exists()


def test_rows_do_not_share_what_a_default_made() -> None:
    one, other = staff_row(new_id()), staff_row(new_id())
    one.times["payment/1"] = {}
    assert other.times == {}


def test_many_and_few_at_once_give_the_same_rows() -> None:
    placed(30)
    catch_up(STAFF)  # by COPY
    expected = contents(STAFF)
    empty(STAFF)
    catch_up(STAFF, limit=7)
    assert contents(STAFF) == expected
    assert len(expected["StaffOrder"]) == 30


def test_one_bad_event_among_many_is_parked_and_the_others_are_written_once() -> None:
    """Its batch is tried again in halves, some of them by COPY within one transaction."""
    ids = placed(70)
    bad = new_id()
    store.append([write(replace(CREATED, order_id=bad, currency="GBPX"), 0)])
    ids += placed(70)
    catch_up(STAFF)
    assert set(StaffOrder.objects.values_list("pk", flat=True)) == set(ids)
    assert ParkedEvent.objects.get().aggregate_id == bad


def test_nothing_is_read_of_orders_that_begin_in_the_batch() -> None:
    placed(2)
    with reads_of(StaffOrder) as found:
        catch_up(STAFF)
    assert found == []
    store.append([write(replace(CREATED, order_id=(last := new_id())), 0)])
    catch_up(STAFF)
    store.append([write(replace(PAID, order_id=last), 1)])
    catch_up(STAFF)
    assert StaffOrder.objects.get(pk=last).payment_status == "paid"


class reads_of:  # noqa: N801 - reads as a sentence
    """The keys that are asked for while it lasts."""

    def __init__(self, model: type) -> None:
        self.model, self.found = model, list[Any]()

    def __enter__(self) -> list[Any]:
        self._load = row_storage.load

        def load(model: Any, keys: Any) -> Any:
            self.found += list(keys)
            return self._load(model, keys)

        row_storage.load = load
        return self.found

    def __exit__(self, *about: object) -> None:
        row_storage.load = self._load
