"""Unpaid orders, and no others, are cancelled when their deadline has passed."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from eventstore import store
from eventstore.dispatch import Context, dispatch
from eventstore.followers import process_managers
from eventstore.ids import new_id
from eventstore.models import PlannedCommand
from orders.commands import RecordPaymentFailure, RestoreOrder, VoidPayment
from orders.events import OrderCancelled
from projections.engine.projection import PROJECTIONS
from projections.rebuild.run import rebuild
from tests.support.order_examples import CANCEL, CREATE, ORDER, PAY, SHIP
from tests.support.order_stories import authorise, capture

pytestmark = pytest.mark.django_db(transaction=True)
LATER = timedelta(days=14, seconds=1)


@pytest.fixture(autouse=True)
def _installed(transactional_db: None) -> None:
    process_managers.install()


def send(command: Any, order_id: UUID, **context: Any) -> None:
    dispatch(replace(command, order_id=order_id), Context(actor="staff:anna", **context))


def place(**context: Any) -> UUID:
    order_id = new_id()
    send(CREATE, order_id, **context)
    process_managers.run()
    return order_id


def pass_time(days: timedelta) -> None:
    for plan in PlannedCommand.objects.filter(refused_at=None):
        plan.due_at -= days
        plan.save()
    process_managers.run()


def test_the_service_cancels_an_unpaid_order_at_its_deadline() -> None:
    order_id = place()
    pass_time(timedelta(days=13))
    assert len(store.read_stream(order_id)) == 1
    pass_time(timedelta(days=1, seconds=1))
    fact = store.read_stream(order_id)[-1]
    assert isinstance(fact.event, OrderCancelled)
    assert fact.event.reason == "Not paid within 14 days"
    assert fact.metadata.actor == "service:unpaid-orders"


VOID = VoidPayment(order_id=ORDER, payment_id=1, reason="Paid otherwise")
FAILURE = RecordPaymentFailure(
    order_id=ORDER, payment_id=1, amount=Decimal(25), payment_method="card", reason="No funds"
)


@pytest.mark.parametrize("steps", [(PAY,), (PAY, SHIP), (CANCEL,), (authorise("25.00"),)])
def test_a_paid_authorised_or_cancelled_order_has_no_plan(steps: tuple[Any, ...]) -> None:
    order_id = place()
    for step in steps:
        send(step, order_id)
    process_managers.run()
    assert not PlannedCommand.objects.exists()


@pytest.mark.parametrize("step", [VOID, FAILURE], ids=["voided", "failed"])
def test_a_voided_or_failed_payment_starts_a_new_deadline(step: Any) -> None:
    order_id = place()
    send(authorise("25.00"), order_id)
    send(step, order_id)
    process_managers.run()
    pass_time(LATER)
    assert isinstance(store.read_stream(order_id)[-1].event, OrderCancelled)


def test_a_partly_paid_order_does_not_expire() -> None:
    order_id = place()
    for step in (authorise("25.00"), capture("5.00"), VOID):
        send(step, order_id)
    process_managers.run()
    pass_time(LATER)
    assert not any(isinstance(fact.event, OrderCancelled) for fact in store.read_stream(order_id))


def test_a_payment_that_the_process_has_not_seen_yet_still_prevents_expiry() -> None:
    order_id = place()
    PlannedCommand.objects.update(due_at=timezone.now() - timedelta(days=1))
    send(PAY, order_id)
    process_managers.send_due()
    assert [type(fact.event).__name__ for fact in store.read_stream(order_id)] == ["OrderCreated", "OrderPaid"]
    assert "only an order without any payment can expire" in PlannedCommand.objects.get().problem


def test_an_imported_order_past_its_deadline_does_not_expire() -> None:
    place(occurred_at=timezone.now() - LATER)
    assert not PlannedCommand.objects.exists()


def test_the_deadline_counts_from_when_the_order_was_placed() -> None:
    place(occurred_at=timezone.now() - timedelta(days=10))
    plan = PlannedCommand.objects.get()
    assert timedelta(days=3) < plan.due_at - timezone.now() < timedelta(days=5)


def test_the_setting_0_turns_expiry_off(settings: Any) -> None:
    settings.UNPAID_ORDER_DAYS = 0
    place()
    assert not PlannedCommand.objects.exists()


def test_a_rebuild_of_the_read_models_sends_no_commands() -> None:
    order_id = place()
    before = list(PlannedCommand.objects.values())
    for projection in PROJECTIONS.values():
        rebuild(projection)
    process_managers.run()
    assert list(PlannedCommand.objects.values()) == before
    assert len(store.read_stream(order_id)) == 1


def test_a_restored_order_gets_a_new_deadline() -> None:
    order_id = place()
    send(CANCEL, order_id)
    process_managers.run()
    send(RestoreOrder(order_id=order_id, version=1, reason="Wrong one"), order_id)
    process_managers.run()
    plan = PlannedCommand.objects.get()
    assert timedelta(days=13) < plan.due_at - timezone.now() < timedelta(days=15)


def test_an_order_restored_to_paid_has_no_plan() -> None:
    order_id = place()
    send(PAY, order_id)
    send(CANCEL, order_id)
    send(RestoreOrder(order_id=order_id, version=2, reason="Wrong one"), order_id)
    process_managers.run()
    assert not PlannedCommand.objects.exists()
