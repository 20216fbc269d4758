"""After an erasure nobody is shown what old events hold in the clear, by any reader of the log."""

import io
import json
import traceback
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from eventstore import snapshots, store
from eventstore.dispatch import Context, current_state, dispatch
from eventstore.errors import SubjectWasErased
from eventstore.histories.export import export, histories
from eventstore.ids import new_id
from eventstore.models import CommandReceipt, Event, Snapshot, SubjectKey
from eventstore.seals.chain import seal_settled
from eventstore.seals.verification import verify
from eventstore.snapshots import shape_of
from eventstore.store import Damaged
from orders.accounts.commands import WithdrawMoney
from orders.accounts.rules import ACCOUNT
from orders.order import ORDER
from ordersite.roles import BACK_OFFICE, OPERATORS
from projections.engine.catch_up import catch_up
from projections.engine.projection import PROJECTIONS
from projections.monitoring import drift
from projections.rebuild.run import rebuild
from tests.support import tampering
from tests.support.back_office import staff_client
from tests.support.dump import dump
from tests.support.histories import facts_of, file_of, load
from tests.support.old_events import POSSIBLE_CREATED, OldLog, older_samples
from tests.support.projection_spec import contents

pytestmark = pytest.mark.django_db(transaction=True)


def erase(subject_id: UUID) -> None:
    call_command("erase_subject", str(subject_id), stdout=io.StringIO())


def command(name: str, *arguments: str) -> str:
    out = io.StringIO()
    call_command(name, *arguments, stdout=out)
    return out.getvalue()


def every_old_event(old: OldLog) -> list[UUID]:
    """Write each sample of an older schema; return the aggregates."""
    created = [("order.created", 2), ("order.created", 3)]
    others = [each for each in older_samples("order") if each[0] != "order.created"]
    orders = [old.order("order.created", 1, others), *(old.order(*each, []) for each in created)]
    return [*orders, old.account()]


def read_by_the_log(aggregates: list[UUID]) -> dict[str, Any]:
    """Return what each function that reads the log returns of these aggregates."""
    positions = list(Event.objects.filter(aggregate_id__in=aggregates).values_list("position", flat=True))
    shapes = {key: shape_of(ORDER) for key in aggregates}
    return {
        "read_stream": [store.read_stream(key) for key in aggregates],
        "read_streams": store.read_streams(aggregates),
        "read_at": store.read_at(positions),
        "first_of": store.first_of(aggregates),
        "read_after": store.read_after(0, limit=10_000).events,
        "history": [store.history(key, shape=shape_of(ORDER)).events for key in aggregates],
        "histories": [history.events for history in store.histories(shapes).values()],
        "export": list(export(histories(aggregates))),
    }


def test_no_reader_of_the_log_shows_a_text_of_any_old_event() -> None:
    old, other = OldLog(new_id()), OldLog(new_id(), mark="other")
    aggregates, others = every_old_event(old), every_old_event(other)
    assert len(old.words) > 60
    for reader, before in read_by_the_log(aggregates).items():
        hidden = {where.split(" ")[0] for where in old.words.values()} if reader == "first_of" else set()
        assert hidden or old.found_in(before) == old.words, reader
    erase(old.customer_id)
    shown = {reader: old.found_in(after) for reader, after in read_by_the_log(aggregates).items()}
    assert shown == {reader: {} for reader in shown}
    assert other.found_in(store.read_streams(others)) == other.words


def read_on_the_site(old: OldLog, order_id: UUID, account_id: UUID, client: Client, api: APIClient) -> dict[str, str]:
    """Return what people are shown of an order and an account, by page and command."""

    def page(url: str, **query: Any) -> str:
        answer = client.get(url, query)
        assert answer.status_code == 200, url
        return answer.content.decode()

    order = reverse("admin:projections_stafforder_change", args=[order_id])
    shown = {
        "page of the order": page(order),
        "api: order": api.get(f"/api/v1/back-office/orders/{order_id}").content.decode(),
        "api: events": api.get("/api/v1/back-office/events").content.decode(),
        "show_aggregate": command("show_aggregate", str(order_id)) + command("show_aggregate", str(account_id)),
        "export_history": command("export_history", str(order_id), str(account_id)),
        "export as a test": command("export_history", str(order_id), "--as-test"),
        "state": str(current_state(ORDER, order_id)) + str(current_state(ACCOUNT, account_id)),
    }
    for version in range(1, 9):
        shown[f"version {version}"] = page(order, version=version)
    for event in Event.objects.filter(aggregate_id__in=[order_id, account_id]):
        shown[f"{event.event_type} in the event log"] = page(reverse("admin:eventstore_event_change", args=[event.pk]))
    return shown


def test_no_page_command_or_feed_shows_an_old_event_of_an_erased_person(log_in: Callable[..., Client]) -> None:
    old = OldLog(new_id())
    order_id, account_id = old.possible_order(), old.account()
    for projection in PROJECTIONS.values():
        catch_up(projection)
    client, api = log_in(BACK_OFFICE, OPERATORS), staff_client("ben")
    before = read_on_the_site(old, order_id, account_id, client, api)
    assert [name for name, shown in before.items() if not old.found_in(shown)] == ["account.opened in the event log"]
    erase(old.customer_id)
    for projection in PROJECTIONS.values():
        catch_up(projection)
    after = {
        name: old.found_in(shown) for name, shown in read_on_the_site(old, order_id, account_id, client, api).items()
    }
    assert after == {name: {} for name in after}


def test_the_read_models_follow_from_the_masked_events(log_in: Callable[..., Client]) -> None:
    old = OldLog(new_id())
    order_id, account_id = old.possible_order(), old.account()
    for projection in PROJECTIONS.values():
        catch_up(projection)
    erase(old.customer_id)
    for projection in PROJECTIONS.values():
        catch_up(projection)
        assert not drift.check(projection, [order_id, account_id]).drifted, projection.name
        assert all(table.identical for table in rebuild(projection).differences), projection.name
        assert old.found_in(json.dumps(contents(projection), default=str)) == {}, projection.name


def test_old_texts_are_encrypted_in_a_new_site_that_imports_the_history() -> None:
    """The way to have no text in the clear in the log: export all histories, and import them into a new site."""
    old = OldLog(new_id())
    second = old.order("order.created", 2, [])
    third = old.order("order.created", 3, [], **POSSIBLE_CREATED)
    aggregates = [old.possible_order(), second, third, old.account()]
    lines, facts = file_of(*aggregates), {key: facts_of(key) for key in aggregates}
    tampering.empty()
    load(lines)
    assert old.found_in(dump()) == {}
    assert {key: facts_of(key) for key in aggregates} == facts
    assert file_of(*aggregates)[0] == lines[0]
    assert old.found_in(file_of(*aggregates)) == old.words
    assert load(lines).present == len(lines) - 1
    erase(old.customer_id)
    assert old.found_in(read_by_the_log(aggregates)) == {}


def test_an_export_after_the_erasure_can_be_imported_and_holds_none_of_the_texts() -> None:
    old = OldLog(new_id())
    order_id = old.possible_order()
    before = file_of(order_id)
    erase(old.customer_id)
    lines = file_of(order_id)
    with pytest.raises(SubjectWasErased):
        load(before)
    assert load(lines).present == len(lines) - 1
    tampering.empty()
    assert load(lines).added == len(lines) - 1
    assert current_state(ORDER, order_id).captured == 25


def test_a_person_whose_events_hold_no_encrypted_text_can_be_erased_too() -> None:
    old = OldLog(new_id())
    account_id = old.account()
    assert not SubjectKey.objects.exists()
    snapshots.take("account", str(account_id))
    assert old.found_in(Snapshot.objects.get().state)
    for projection in PROJECTIONS.values():
        catch_up(projection)
    dispatch(
        WithdrawMoney(account_id=account_id, amount=Decimal(1), reason="zqreason", reference="zqreference"),
        Context(actor="staff:anna"),
    )
    erase(old.customer_id)
    assert not Snapshot.objects.exists()
    assert not CommandReceipt.objects.filter(aggregate_id=account_id).exists()
    assert old.found_in(store.read_stream(account_id)) == {}
    guest = OldLog(new_id())
    order_id = guest.order("order.created", 1, [("order.cancelled", 1)], guest=True)
    erase(order_id)
    assert guest.found_in(store.read_stream(order_id)) == {}


def test_an_old_event_that_cannot_be_read_is_not_quoted_after_the_erasure() -> None:
    old = OldLog(new_id())
    order_id = old.order("order.created", 1, [("order.cancelled", 1)])
    tampering.change_event(order_id, "event_data = event_data - 'amount'")
    damaged = [fact.event for fact in store.read_stream(order_id, tolerant=True)][1]
    assert old.found_in(damaged)
    erase(old.customer_id)
    damaged = [fact.event for fact in store.read_stream(order_id, tolerant=True)][1]
    assert isinstance(damaged, Damaged)
    assert old.found_in([damaged, "".join(traceback.format_exception(damaged.error))]) == {}


def test_no_proof_shows_an_old_event_of_an_erased_person() -> None:
    old = OldLog(new_id())
    order_id = old.order("order.created", 1, [("order.cancelled", 1)])
    seal_settled()
    event = Event.objects.get(aggregate_id=order_id, version=2)
    assert old.found_in(command("prove", str(event.position)))
    erase(old.customer_id)
    with pytest.raises(CommandError, match="was erased"):
        command("prove", str(event.position))
    assert not verify().findings
