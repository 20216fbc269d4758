"""No frequent operation scans a whole large table, according to PostgreSQL's plans."""

from collections.abc import Callable, Iterator
from functools import partial
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from benchmarks import filling
from eventstore import store
from eventstore.admin import large_lists
from eventstore.dispatch import Context, dispatch, dispatch_batch
from eventstore.followers import causality, process_managers
from eventstore.ids import new_id
from eventstore.models import CommandReceipt, Correlation, Event, PlannedCommand, QueuedCommand, Seal
from eventstore.queue import worker
from eventstore.seals import chain
from orders.commands import AddNote
from ordersite.customers import registration
from ordersite.customers.export import export_customer
from ordersite.models import User
from projections.accounting.balances import AccountMoney, AccountMoneyEntry
from projections.accounting.journal import AccountingEntry, AccountingOrder
from projections.customer.account import CustomerAccount, CustomerAccountMovement
from projections.customer.feed import FeedEvent, FeedOrder
from projections.customer.orders import CustomerOrder
from projections.engine.catch_up import catch_up
from projections.engine.projection import PROJECTIONS
from projections.monitoring import drift, status
from projections.staff import admin as staff_admin
from projections.staff.orders import StaffOrder
from projections.webhooks import tasks as webhooks
from projections.webhooks.models import WebhookDelivery, WebhookEndpoint
from tests.support.api import BODY, ORDERS, send
from tests.support.back_office import staff_client
from tests.support.orders import new_order
from tests.support.pages import pages, paths
from tests.support.plans import explained, large_tables, whole_tables
from tests.support.plenty import AT_MOST, fill
from tests.support.tally import written

EVENTS = 60_000
GROWS = (
    *(Event, CommandReceipt, Correlation, PlannedCommand, QueuedCommand, Seal),
    *(StaffOrder, CustomerOrder, AccountingOrder, AccountingEntry, FeedOrder, FeedEvent),
    *(CustomerAccount, CustomerAccountMovement, AccountMoney, AccountMoneyEntry, WebhookEndpoint, WebhookDelivery),
)
"""The tables that grow with the shop's activity."""
QUIET = (
    "UPDATE command_queue SET status = 'done', finished_at = now()",
    "UPDATE webhook_deliveries SET status = 'delivered', finished_at = now()",
    "UPDATE planned_commands SET due_at = due_at + interval '10 years'",
    "VACUUM ANALYZE",
)
"""Statements that finish all pending work."""
KEYS = """
INSERT INTO subject_keys (subject_id, wrapped_key, master)
SELECT gen_random_uuid(), k.wrapped_key, k.master
  FROM generate_series(1, 300000), (SELECT * FROM subject_keys LIMIT 1) k
"""
"""The keys of people from earlier years. Reading a table of a few thousand keys as a whole would be right."""
STAFF = Context(actor="staff:anna")


@pytest.fixture
def grown(api: APIClient, ada: User) -> Iterator[dict[str, str]]:
    """A shop with many rows in every table. Returns one customer's ids, by the name of an API path's parameter."""
    names = fill(api, ada, AT_MOST)
    shop = filling.seeded(GROWS, most=2 * EVENTS)
    try:
        filling.grow(shop, events=EVENTS)
        User.objects.bulk_create(
            User(username=f"c{number}", email=f"c{number}@example.com", customer_id=new_id()) for number in range(5000)
        )
        with connection.cursor() as cursor:
            for statement in (KEYS, *QUIET):
                cursor.execute(statement)
        yield names
    finally:
        filling.forget(shop)


Step = Callable[[], object]


def writing(order_id: UUID) -> Iterator[Step]:
    """Send commands, one by one and in bulk."""
    create = new_order()
    yield lambda: dispatch(create, STAFF)
    yield lambda: dispatch(create, STAFF)  # answered from its receipt
    yield lambda: dispatch(AddNote(order_id=order_id, text="Seen"), Context(actor="staff:anna"))
    notes = [AddNote(order_id=each, text="Seen") for each in (order_id, create.order_id)]
    yield lambda: dispatch_batch([(note, Context(actor="staff:anna")) for note in notes])
    yield lambda: store.append([written(store.COPY_FROM + 1)])


def reading(order_id: UUID) -> Iterator[Step]:
    """Read the log, as workers do: its last tenth. From far behind, reading rare events as a whole table is right."""
    late = store.latest_position() - EVENTS // 10
    for projection in PROJECTIONS.values():
        shard, types = projection.shard(0, 2), projection.event_types
        yield partial(store.read_after, late, limit=100, event_types=types, shard=shard)
        yield partial(store.unread, late, event_types=types, shard=shard, count_to=100)
    yield lambda: store.read_after(late, limit=100)
    yield lambda: store.read_stream(order_id)
    yield lambda: store.read_streams([order_id])
    yield lambda: store.first_of([order_id])
    yield lambda: store.read_at([late])
    yield lambda: store.receipts([new_id()])
    yield lambda: store.histories({order_id: ""})
    yield lambda: store.some_aggregates(5)
    yield lambda: next(store.aggregates())
    yield store.is_empty


def working() -> Iterator[Step]:
    """Run the workers' tasks, woken by events and periodic."""
    yield from (partial(catch_up, each) for each in PROJECTIONS.values())
    yield from (
        process_managers.run,
        causality.correlate,
        worker.run,
        worker.prune,
        webhooks.run,
        webhooks.prune,
    )
    yield chain.seal_settled
    yield status.statuses
    sample = sorted(store.some_aggregates(5))
    yield from (partial(drift.check, each, sample) for each in PROJECTIONS.values())


FILTERED = (
    *("", "o=7", "q=nobody", "q=zz", "status__exact=cancelled", "payment_status__exact=refunded"),
    *("fulfilment_status__exact=delivered", "return_status__exact=declined", "country=Nowhere", "currency=XXX"),
    *("behind__exact=1", "placed_at__year=2031", "placed_at_from=2031-03-31", "total_from=1000000", "p=2"),
)


def requesting(names: dict[str, str], ada: User, api: APIClient) -> Iterator[Step]:
    """Request every page of the API and the admin, with the searches and filters of staff."""
    staff = staff_client()
    for path in paths():
        client, url = staff if "/back-office/" in path else api, path.format(**names)
        yield partial(client.get, url)
    for query in ("status=cancelled", "payment=refunded", "sku=NONE", "created_gte=2031-03-31"):
        yield partial(api.get, f"/api/v1/orders?{query}")
    boss = Client()
    boss.force_login(User.objects.create_superuser("boss"))
    lists_of_orders = [f"/admin/projections/stafforder/?q={names['order_id']}"]
    lists_of_orders += [f"/admin/projections/stafforder/?{query}" for query in FILTERED]
    events = [f"/admin/eventstore/event/?{query}" for query in (f"q={names['order_id']}", "event_type=subject.erased")]
    books = [
        f"/admin/projections/{model}/?{query}"
        for model in ("accountingentry", "accountingorder", "accountmoney", "accountmoneyentry")
        for query in (f"q={new_id()}", "q=nothing")
    ]
    books.append("/admin/projections/accountingorder/?behind__exact=1")
    for url in (*lists_of_orders, *events, *books, *(url for _, url in pages(names))):
        yield partial(boss.get, url)
    yield lambda: [*export_customer(ada)]
    yield lambda: registration.require_free(User(username="eve@example.com", email="eve@example.com"))
    yield lambda: send(api, ORDERS, BODY, Prefer="respond-async")


DRIFT_SUMS = "GROUP BY"
"""The drift check compares sums over all rows of two tables, once in DRIFT_SECONDS."""


@pytest.mark.parametrize("generic", [False, True], ids=["plans for these values", "plans for any values"])
def test_no_frequent_operation_scans_a_whole_large_table(
    grown: dict[str, str], api: APIClient, ada: User, generic: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_lists, "COUNT_UP_TO", 100)
    monkeypatch.setattr(staff_admin, "COUNT_UP_TO", 100)
    order_id, large = UUID(grown["order_id"]), large_tables()
    assert {model._meta.db_table for model in GROWS} <= large
    scans: set[str] = set()
    with explained(generic=generic) as plans:
        for step in (*writing(order_id), *reading(order_id), *working(), *requesting(grown, ada, api)):
            step()
    for plan in plans:
        if DRIFT_SUMS not in plan["Query Text"]:
            scans |= {f"{table}: {plan['Query Text']}" for table in whole_tables(plan, large)}
    assert len(plans) > 500, "the test examined too few statements"
    assert not scans, "\n\n".join(sorted(scans))
