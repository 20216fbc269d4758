"""Everything that reads an order: consumers, pages, lists, exports and timelines; and what is broken among them."""

import io
from collections.abc import Iterable, Iterator
from uuid import UUID

from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from eventstore.followers import causality, process_managers
from eventstore.models import ConsumerCheckpoint, Event
from ordersite.models import User
from projections.accounting.journal import AccountingDay
from projections.engine.catch_up import catch_up
from projections.engine.checkpoints import ParkedEvent
from projections.engine.projection import PROJECTIONS


def follow() -> None:
    """Let every read model and consumer handle the log. None may stop or park an event."""
    for projection in PROJECTIONS.values():
        catch_up(projection)
    process_managers.run()
    causality.correlate()
    assert not ConsumerCheckpoint.objects.exclude(problem="").exists()
    assert [parked.summary for parked in ParkedEvent.objects.all()] == []


def broken_readers(api: APIClient, order_id: UUID) -> list[str]:
    """Return the pages and the answers about the order of the customer `api` that are not 200."""
    root = Client()
    root.force_login(User.objects.get_or_create(username="root", is_staff=True, is_superuser=True)[0])
    own = f"/api/v1/orders/{order_id}"
    answers = [own, f"{own}?version=1", f"{own}?as_of=2199-12-31", f"{own}/timeline"]
    answers += [f"{own}/{part}" for part in ("payments", "refunds", "shipments", "returns")]
    return [
        *_broken(root, pages(order_id)),
        *_broken(api, ["/api/v1/orders", "/api/v1/events", "/api/v1/me/export", *answers]),
    ]


def pages(order_id: UUID) -> Iterator[str]:
    """Yield the addresses in the admin that show the order."""
    order = reverse("admin:projections_stafforder_change", args=[order_id])
    yield from (order, f"{order}?version=1", f"{order}?as_of=2199-12-31", f"{order}?recorded_by=2199-12-31")
    for name in ("stafforder", "accountingorder", "accountingentry", "accountingday"):
        address = reverse(f"admin:projections_{name}_changelist")
        yield from (address, f"{address}?o=1", f"{address}?o=-1.2")
    year = f"{reverse('admin:projections_stafforder_changelist')}?placed_at__year="
    yield from (f"{year}1900", f"{year}2199", f"{year}2199&placed_at__month=12")
    yield f"{year}2199&placed_at__month=12&placed_at__day=31"
    yield reverse("admin:projections_accountingorder_change", args=[order_id])
    yield from (reverse("admin:projections_accountingday_change", args=[day.pk]) for day in AccountingDay.objects.all())
    yield f"{reverse('admin:eventstore_event_changelist')}?q={order_id}"
    for position in Event.objects.filter(aggregate_id=order_id).values_list("pk", flat=True):
        yield reverse("admin:eventstore_event_change", args=[position])


def _broken(client: Client, addresses: Iterable[str]) -> list[str]:
    """Return the addresses that are not answered with 200."""
    client.raise_request_exception = False
    return [address for address in addresses if client.get(address).status_code != 200]


def exported(order_id: UUID) -> str:
    """Return the history of the order as a file."""
    out = io.StringIO()
    for options in ([], ["--anonymise"], ["--as-test"]):
        out = io.StringIO()
        call_command("export_history", str(order_id), *options, stdout=out)
    out = io.StringIO()
    call_command("export_history", str(order_id), stdout=out)
    call_command("show_aggregate", str(order_id), stdout=io.StringIO())
    return out.getvalue()
