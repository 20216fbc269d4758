"""A projection that is added when there is a history already. A class and a table are all it needs."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest
from django.db import connection, models
from django.test.utils import isolate_apps

from eventstore import store
from eventstore.ids import new_id
from eventstore.store import Recorded
from orders.events import OrderCreated
from projections import tasks
from projections.engine.catch_up import CatchUpOptions, advance, catch_up, shard_numbers
from projections.engine.projection import PROJECTIONS, Projection, handles
from projections.engine.unit_of_work import UnitOfWork
from projections.monitoring.drift import check
from projections.monitoring.status import statuses
from projections.order_row import money_column
from projections.rebuild.run import rebuild
from projections.staff.orders import StaffOrder
from tests.support.order_examples import CREATED
from tests.support.projection_spec import write

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def countries() -> Iterator[Projection]:
    """A new projection: a table, created as its migration would, and a class."""
    with isolate_apps("projections"):

        class CountrySales(models.Model):
            country = models.TextField(primary_key=True)
            orders = models.IntegerField()
            sold = money_column()

            class Meta:
                app_label = "projections"

            def __str__(self) -> str:
                return self.country

    class Countries(Projection):
        name = "countries"
        tables = (CountrySales,)

        @handles(OrderCreated)
        def placed(self, rows: UnitOfWork, event: OrderCreated, fact: Recorded[OrderCreated]) -> None:
            rows.count(CountrySales(country=event.country, orders=1, sold=event.total))

    with connection.schema_editor() as editor:
        editor.create_model(CountrySales)
    yield PROJECTIONS["countries"]
    del PROJECTIONS["countries"]
    with connection.schema_editor() as editor:
        editor.delete_model(CountrySales)


def place_orders(number: int) -> None:
    store.append([write(replace(CREATED, order_id=new_id()), 0) for _ in range(number)])


def state_of(name: str) -> str:
    return next(status.state for status in statuses() if status.projection == name)


def sales(projection: Projection) -> list[tuple[str, int, Decimal]]:
    return list(projection.tables[0]._default_manager.values_list("country", "orders", "sold"))


@pytest.fixture
def history() -> None:
    place_orders(5)
    catch_up(PROJECTIONS["staff"])


def test_it_builds_itself_from_the_whole_history_while_the_site_serves(history: None, countries: Projection) -> None:
    assert state_of("countries") == "building"
    (number,) = shard_numbers(countries)
    advance(countries, number, CatchUpOptions(limit=2))
    assert state_of("countries") == "building"
    place_orders(2)
    catch_up(PROJECTIONS["staff"])
    assert StaffOrder.objects.count() == 7
    tasks.sweep()
    assert state_of("countries") == "level"
    assert sales(countries) == [("United Kingdom", 7, Decimal("175.00"))]
    place_orders(1)
    assert state_of("countries") == "behind", "a projection that was caught up once is not building any more"


def test_it_is_rebuilt_and_checked_like_any_other(history: None, countries: Projection) -> None:
    tasks.sweep()
    countries.tables[0]._default_manager.update(orders=4)
    rebuilt = rebuild(countries)
    assert [(each.table, each.changed) for each in rebuilt.differences] == [("projections_countrysales", 1)]
    assert sales(countries) == [("United Kingdom", 5, Decimal("125.00"))]
    assert check(countries, [key for key, _ in store.aggregates()]).drifted == []
