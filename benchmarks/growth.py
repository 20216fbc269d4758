"""The cost of each path in a log that is a hundred times longer, compared with its cost in the short log."""

import gc
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import UUID

import psycopg
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client
from django.urls import reverse
from knox.models import AuthToken

from benchmarks import filling, samples, scratch
from benchmarks.harness import Options, Report, Timing, at_most, cost, interleave, one_by_one
from eventstore import store
from eventstore.dispatch import Context, dispatch
from eventstore.snapshots import shape_of, state_of
from orders.commands import AddNote
from orders.order import ORDER
from ordersite.models import User
from projections.customer.orders import CustomerOrder
from projections.staff.orders import StaffOrder

EVENTS, TIMES_AS_LONG, AT_LEAST = 300_000, 100, 20_000
ROUNDS = 4
PAGE = 1000  # events of a batch of the feed
ORDERS_READ = 5000
READ_ONCE = 1000  # of these orders
CUSTOMERS = 50


@dataclass
class Site:
    """A shop in a separate database, with its staff and customers."""

    database: str
    connection: BaseDatabaseWrapper
    events: int
    random: Random = field(default_factory=lambda: Random(7))  # noqa: S311 - the same questions each time
    staff: Client = field(default_factory=Client)
    customers: dict[UUID, Client] = field(default_factory=dict)
    orders: list[UUID] = field(default_factory=list)
    """Orders from all over the log that were read before."""
    unread: list[UUID] = field(default_factory=list)
    """Other orders, not read since they were written."""
    appended: int = 0


Path = Callable[[Site], Callable[[], object]]


def run(options: Options) -> Report:
    """Run the benchmark."""
    events = options.events or EVENTS
    with sites(max(events // TIMES_AS_LONG, AT_LEAST), events) as (short, long):
        return compared(short, long)


def compared(short: Site, long: Site) -> Report:
    """Measure every path in both sites."""
    gc.collect()
    gc.freeze()  # so that the garbage collector does not walk these objects while paths are measured
    timings = interleave(
        {
            _side(name, site): _timed(site, path, times)
            for name, (path, times) in PATHS.items()
            for site in (short, long)
        },
        rounds=ROUNDS,
    )
    bars = dict.fromkeys(LIMITED, at_most(1.2))
    checks: dict[str, bool] = {}
    for site in (short, long):
        with _at(site):
            checks |= {f"{site.events:,} events: {check}": holds for check, holds in _checks(site).items()}
    return Report(
        bench="growth",
        what=f"Each path in a log of {long.events:,} events, against itself in one of {short.events:,}.",
        unit="calls/s",
        sides=timings,
        ratios={name: cost(timings[_side(name, long)], timings[_side(name, short)], bars.get(name)) for name in PATHS},
        checks=checks,
        figures={f"MB in the database of {site.events:,} events": _megabytes(site) for site in (short, long)},
        notes=[
            "Loads and feed batches are at random places of the whole log; lists show the newest rows.",
            "Orders loaded before are in memory, at least in the system's cache; the other loads use the disk.",
            f"shared_buffers is {_one('SHOW shared_buffers')}; other pages are read from the system's cache.",
        ],
    )


def _side(name: str, site: Site) -> str:
    return f"{name}, {site.events:,} events"


# --- the paths --------------------------------------------------------------------------------------------------------


def _append(site: Site) -> Callable[[], object]:
    def append() -> None:
        store.append([samples.write(1)])
        site.appended += 1

    return append


def _dispatch(site: Site) -> Callable[[], object]:
    """Send a command to an order of any age."""

    def send() -> None:
        site.appended += 1
        dispatch(AddNote(order_id=_some_order(site), text="Seen"), Context(actor="staff:anna"))

    return send


def _load(site: Site) -> Callable[[], object]:
    return lambda: _loaded(_some_order(site))


def _load_unread(site: Site) -> Callable[[], object]:
    return lambda: _loaded(site.unread.pop())


def _loaded(order_id: UUID) -> object:
    return state_of(ORDER, store.history(order_id, shape=shape_of(ORDER)))


def _feed(site: Site) -> Callable[[], object]:
    return lambda: store.read_after(site.random.randrange(site.events - PAGE), limit=PAGE)


def _staff_page(name: str, query: str = "") -> Path:
    return lambda site: lambda: site.staff.get(reverse(f"admin:{name}_changelist") + query)


def _order_page(site: Site) -> Callable[[], object]:
    return lambda: site.staff.get(reverse("admin:projections_stafforder_change", args=[_some_order(site)]))


def _own_orders(site: Site) -> Callable[[], object]:
    return lambda: site.random.choice([*site.customers.values()]).get("/api/v1/orders")


PATHS: dict[str, tuple[Path, int]] = {
    "append": (_append, 100),
    "load": (_load, 200),
    "load, what nobody has read lately": (_load_unread, 100),
    "feed batch": (_feed, 15),
    "order list": (_staff_page("projections_stafforder"), 4),
    "log browser": (_staff_page("eventstore_event"), 4),
    "a customer's orders": (_own_orders, 20),
    "dispatch": (_dispatch, 50),
    "order page": (_order_page, 5),
    "order list, those on hold": (_staff_page("projections_stafforder", "?status__exact=on_hold"), 4),
    "order list, a word": (_staff_page("projections_stafforder", "?q=whitfield"), 4),
}
"""The paths, with the number of calls in a round."""
LIMITED = ("append", "load", "feed batch", "order list", "log browser", "a customer's orders")


def _timed(site: Site, path: Path, times: int) -> Callable[[], Timing]:
    work = path(site)

    def timed() -> Timing:
        with _at(site):
            work()
            return one_by_one(work, times=times)

    return timed


def _some_order(site: Site) -> UUID:
    return site.random.choice(site.orders)


# --- two shops --------------------------------------------------------------------------------------------------------


@contextmanager
def sites(short: int, long: int) -> Iterator[tuple[Site, Site]]:
    """Give the short and the long site. The short one is the benchmark's database; the long one begins as its copy."""
    own = connections["default"]
    name = str(own.settings_dict["NAME"])
    shop = filling.grow(filling.begin(most=long), events=short)
    own.close()
    with _maintaining(own) as maintenance:
        maintenance.execute(f"CREATE DATABASE {name}_long TEMPLATE {name}")
    try:
        first, second = site_in(name, shop.events), site_in(f"{name}_long", shop.events)
        with _at(second):
            second.events = filling.grow(shop, events=long).events
        for site in (first, second):
            with _at(site):
                _settle(site)
        yield first, second
        for site in (first, second):
            site.connection.close()
    finally:
        with _maintaining(own) as maintenance:
            maintenance.execute(f"DROP DATABASE {name}_long WITH (FORCE)")


def site_in(database: str, events: int) -> Site:
    """Return the site in this database."""
    connection = connections.create_connection("default")
    connection.settings_dict = {**connection.settings_dict, "NAME": database}
    return Site(database, connection, events)


def _settle(site: Site) -> None:
    """Choose staff, customers and orders from all over the log, for all rounds."""
    site.staff.force_login(User.objects.create_superuser("boss"))
    positions = [site.random.randrange(1, site.events + 1) for _ in range(ORDERS_READ)]
    orders = StaffOrder.objects.filter(pk__in={fact.aggregate_id for fact in store.read_at(positions)})
    site.orders = list(orders.values_list("pk", flat=True))
    site.unread = [site.orders.pop() for _ in range(READ_ONCE)]
    for order_id in site.orders:
        _loaded(order_id)
    owners = CustomerOrder.objects.filter(pk__in=site.orders).values_list("customer_id", flat=True).distinct()
    for number, customer_id in enumerate([each for each in owners if each is not None][:CUSTOMERS]):
        user, _ = User.objects.get_or_create(customer_id=customer_id, defaults={"username": f"customer-{number}"})
        client = Client(headers={"Authorization": f"Token {AuthToken.objects.create(user)[1]}"})
        site.customers[customer_id] = client


@contextmanager
def _at(site: Site) -> Iterator[None]:
    """Make the site's database Django's default database."""
    before, connections["default"] = connections["default"], site.connection
    try:
        yield
    finally:
        connections["default"] = before


@contextmanager
def _maintaining(own: BaseDatabaseWrapper) -> Iterator[psycopg.Connection]:
    with psycopg.connect(f"{scratch.services.database_url.rsplit('/', 1)[0]}/postgres", autocommit=True) as connection:
        yield connection


# --- checks --------------------------------------------------------------------------------------------------------


def _checks(site: Site) -> dict[str, bool]:
    page = store.read_after(site.events - PAGE, limit=PAGE)
    newest = StaffOrder.objects.order_by("-placed_at", "-order_id").values_list("pk", flat=True)[:50]
    loaded = {each: store.history(each, shape=shape_of(ORDER)).version for each in site.orders[:50]}
    rows = StaffOrder.objects.in_bulk(list(loaded))
    return {
        "every appended event is stored": _count("events") == site.events + site.appended,
        "a feed batch skips nothing": [each.position for each in page.events]
        == list(range(site.events - PAGE + 1, site.events + 1)),
        "the order list shows the newest": _listed(site, "projections_stafforder") == [str(each) for each in newest],
        "the log browser shows the latest": _listed(site, "eventstore_event")[:1] == [str(store.latest_position())],
        "loaded orders are complete": all(version >= rows[each].version for each, version in loaded.items()),
        "customers see their own orders": all(_own(*each) for each in site.customers.items()),
    }


def _listed(site: Site, name: str) -> list[str]:
    """Return the keys of the rows that a list page shows."""
    url = reverse(f"admin:{name}_changelist")
    links = re.findall(rf"{url}([^/\"]+)/change/", site.staff.get(url).content.decode())
    return list(dict.fromkeys(links))


def _own(customer_id: UUID, client: Client) -> bool:
    shown = [UUID(each["order_id"]) for each in client.get("/api/v1/orders").json()["results"]]
    own = CustomerOrder.objects.filter(customer_id=customer_id).order_by("-placed_at", "-order_id")
    return bool(shown) and shown == list(own.values_list("pk", flat=True)[:20])


def _count(table: str) -> int:
    return int(_one(f"SELECT count(*) FROM {table}"))


def _megabytes(site: Site) -> int:
    with _at(site):
        return int(_one("SELECT pg_database_size(current_database())")) // 2**20


def _one(statement: str) -> Any:
    with connections["default"].cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]
