"""Send due deliveries and record their outcomes.

A delivery is due until its endpoint has accepted it. A crash at any point delays a message, or sends it a second time
with the same id. An event waits until the earlier events of its aggregate are delivered or have failed.
"""

import logging
import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from datetime import UTC, timedelta
from typing import Any

import msgspec
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop

from eventstore import store
from eventstore.errors import SubjectWasErased, WrongKey
from eventstore.records import Damaged, Recorded
from eventstore.storage import leases
from projections.customer.public_events import PublicEvent, as_public
from projections.staff.shop_events import ShopEvent, as_shop
from projections.webhooks import circuit
from projections.webhooks.claiming import AT_ONCE, claim
from projections.webhooks.endpoints import forget
from projections.webhooks.models import DeliveryStatus, WebhookDelivery, WebhookEndpoint, WebhookPreviousSecret
from projections.webhooks.sending import Message, Outcome, Sender

log = logging.getLogger(__name__)

ATTEMPTS_STORED = 30  # of one delivery
POLL_SECONDS = 0.25  # between two looks for due deliveries while answers are awaited
LEASE = "webhooks"  # one process sends at a time, so the other processes of its worker stay free


def deliver_due(*, seconds: float, hand_over: Callable[[], None]) -> int:
    """Send due deliveries until none is left. Return how many were claimed; 0 if another process is sending.

    After `seconds`, nothing more is claimed: `hand_over` is called, so that another process goes on, and only the
    answers to what is on its way are awaited.
    """
    if not WebhookDelivery.objects.filter(status=DeliveryStatus.PENDING, due_at__lte=timezone.now()).exists():
        return 0
    ends = time.monotonic() + seconds
    with Sender() as sender:
        round_ = _Round(sender)
        try:
            with leases.hold(LEASE):
                while round_.claim_and_record():
                    if time.monotonic() > ends:
                        break
        except leases.LeaseHeld:
            return 0
        if round_.on_their_way:
            hand_over()
            round_.record_rest()
    return round_.claimed


class _Round:
    """Deliveries that are claimed and sent as places become free, and recorded as their answers come."""

    def __init__(self, sender: Sender) -> None:
        self.claimed = 0
        self.on_their_way: dict[Future[Outcome], WebhookDelivery] = {}
        self._sender = sender

    def claim_and_record(self) -> bool:
        """Fill the free places, wait for an answer, and record what came. Return whether there was anything to do."""
        claimed = claim(AT_ONCE - len(self.on_their_way))
        self.claimed += len(claimed)
        for delivery, message in _messages(claimed):
            self.on_their_way[self._sender.start(message)] = delivery
        self._record(POLL_SECONDS)
        return bool(claimed or self.on_their_way)

    def record_rest(self) -> None:
        """Wait for all answers, and record them."""
        while self.on_their_way:
            self._record(None)

    def _record(self, timeout: float | None) -> None:
        """Wait for an answer, and record all that have come."""
        for answered in wait(self.on_their_way, timeout, FIRST_COMPLETED).done:
            record_outcome(self.on_their_way.pop(answered), answered.result())


def _messages(claimed: Sequence[WebhookDelivery]) -> Iterator[tuple[WebhookDelivery, Message]]:
    """Yield the deliveries with their messages. If no message can be made of one, that is its outcome."""
    facts = {fact.position: fact for fact in store.read_at([each.position for each in claimed if each.position])}
    for delivery in claimed:
        try:
            yield delivery, _message(delivery, facts)
        except _NoMessage as reason:
            record_outcome(delivery, Outcome(problem=str(reason)))
        except SubjectWasErased:
            forget(delivery.endpoint.owner_id)
        except WrongKey as error:
            log.error("messages to endpoint %s cannot be signed: %s", delivery.endpoint_id, error)
            problem = gettext_noop("the message cannot be signed; the shop's operators can see why")
            record_outcome(delivery, Outcome(problem=problem))


class _NoMessage(Exception):
    """No message can be made of the delivery now. The text says why."""


def _message(delivery: WebhookDelivery, facts: dict[int, Recorded[Any]]) -> Message:
    """Return the message of a delivery. Raises _NoMessage, SubjectWasErased, WrongKey."""
    endpoint = delivery.endpoint
    public: PublicEvent | ShopEvent
    if delivery.position is None:
        public = test_event(delivery)
    else:
        fact = facts.get(delivery.position)
        if fact is None or isinstance(fact.event, Damaged):
            raise _NoMessage(gettext_noop("the event cannot be read; the shop's operators can see why"))
        shown = as_shop(fact, personal_data=False) if endpoint.service_id else as_public(fact)
        if shown is None:
            raise _NoMessage(gettext_noop("this event is no longer sent to customers"))
        public = shown
    body = {"type": delivery.event_type, "timestamp": public.occurred_at.astimezone(UTC), "data": public}
    return Message(
        event_id=delivery.event_id,
        url=endpoint.url,
        secrets=endpoint.reveal_secrets(),
        body=msgspec.json.encode(body).decode(),
    )


def test_event(delivery: WebhookDelivery) -> PublicEvent | ShopEvent:
    """Return the event of a test message. It has every field of a real one, and the id of an order that is none."""
    public = PublicEvent(
        id=delivery.event_id,
        type=delivery.event_type,
        order_id=delivery.aggregate_id,
        version=1,
        occurred_at=delivery.created_at,
        words=gettext("This is a test. It arrived."),
    )
    if delivery.endpoint.service_id is None:
        return public
    more: dict[str, Any] = {"recorded_at": delivery.created_at, "actor": "service:webhooks", "data": {}}
    return ShopEvent(**msgspec.structs.asdict(public), **more)


def record_outcome(delivery: WebhookDelivery, outcome: Outcome) -> None:
    """Record the outcome of an attempt and plan the next attempt, unless another worker has claimed it since."""
    now = timezone.now()
    attempt = {"at": now.isoformat(), "status": outcome.status, "problem": outcome.problem}
    changes: dict[str, Any] = {"attempts": [*delivery.attempts, attempt][-ATTEMPTS_STORED:], "claimed_until": None}
    pauses: Sequence[float] = settings.WEBHOOK_RETRY_SECONDS
    if outcome.accepted:
        changes |= {"status": DeliveryStatus.DELIVERED, "finished_at": now}
    elif outcome.gone or delivery.tries > len(pauses):
        changes |= {"status": DeliveryStatus.FAILED, "finished_at": now}
    else:
        # Spread the retries: a receiver that comes back should not get all waiting messages at the same moment.
        pause = pauses[delivery.tries - 1] * random.uniform(1, 1.2)  # noqa: S311 - not a secret
        changes["due_at"] = now + max(timedelta(seconds=pause), circuit.asked_pause(outcome))
    with transaction.atomic():
        endpoint = WebhookEndpoint.objects.select_for_update().filter(pk=delivery.endpoint_id).first()
        claimed = WebhookDelivery.objects.filter(pk=delivery.pk, tries=delivery.tries, status=DeliveryStatus.PENDING)
        if endpoint and claimed.update(**changes):
            failed = changes.get("status") == DeliveryStatus.FAILED
            circuit.record(endpoint, outcome, failed_after=delivery.tries if failed else None)


def retry(delivery: WebhookDelivery) -> bool:
    """Make a failed delivery due again, with all its attempts. Return whether it had failed.

    Later events of its order may have been delivered already.
    """
    failed = WebhookDelivery.objects.filter(pk=delivery.pk, status=DeliveryStatus.FAILED, endpoint__disabled_at=None)
    return bool(failed.update(status=DeliveryStatus.PENDING, tries=0, due_at=timezone.now(), finished_at=None))


def prune() -> None:
    """Delete deliveries that finished, and replaced secrets that ended, more than WEBHOOK_DELIVERIES_DAYS ago."""
    limit = timezone.now() - timedelta(days=settings.WEBHOOK_DELIVERIES_DAYS)
    WebhookDelivery.objects.filter(finished_at__lt=limit).exclude(status=DeliveryStatus.PENDING).delete()
    WebhookPreviousSecret.objects.filter(valid_until__lt=limit).delete()
