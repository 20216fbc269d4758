"""Send due deliveries and record their outcomes.

A delivery is due until its endpoint has accepted it. A crash at any point delays a message, or sends it a second time
with the same id. An event waits until the earlier events of its aggregate are delivered or have failed.
"""

import logging
import random
from collections.abc import Sequence
from datetime import UTC, timedelta
from typing import Any

import msgspec
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop

from eventstore import store
from eventstore.errors import SubjectWasErased, WrongKey
from eventstore.records import Damaged, Recorded
from eventstore.wakeups import wakeup
from projections.customer.public_events import PublicEvent, as_public
from projections.staff.shop_events import ShopEvent, as_shop
from projections.webhooks.endpoints import disable, forget
from projections.webhooks.models import DeliveryStatus, WebhookDelivery, WebhookEndpoint
from projections.webhooks.sending import Message, Outcome, send

log = logging.getLogger(__name__)

AT_ONCE = 50  # messages that one worker sends at once
AT_ONCE_EACH = 5  # of these, to one endpoint
LEASE_SECONDS = 30.0  # added to WEBHOOK_SECONDS; then the deliveries of a worker that died are due again
LONGEST_REST = timedelta(minutes=5)  # of an endpoint that fails
ATTEMPTS_STORED = 30  # of one delivery


# Fast path: one hand-written statement instead of ORM queries in a transaction; see docs/decisions/24-webhooks.md.
# Of each aggregate, only the first pending delivery can be claimed. A claimed delivery is not due again until its lease
# ends, so no transaction stays open while the worker waits for a customer's server.
_CLAIM = """
WITH turns AS (
       SELECT d.id, row_number() OVER (PARTITION BY d.endpoint_id ORDER BY d.id) AS place
         FROM webhook_deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id
        WHERE d.status = 'pending' AND d.due_at <= now() AND e.disabled_at IS NULL
          AND (e.resting_until IS NULL OR e.resting_until <= now() OR d.position IS NULL)
          AND NOT EXISTS (SELECT FROM webhook_deliveries earlier
                           WHERE earlier.endpoint_id = d.endpoint_id AND earlier.aggregate_id = d.aggregate_id
                             AND earlier.status = 'pending' AND earlier.id < d.id)),
     taken AS (
       SELECT d.id FROM webhook_deliveries d JOIN turns USING (id)
        WHERE turns.place <= %s AND d.status = 'pending' AND d.due_at <= now()
        ORDER BY d.id LIMIT %s FOR UPDATE OF d SKIP LOCKED)
UPDATE webhook_deliveries d SET due_at = now() + make_interval(secs => %s), tries = d.tries + 1
  FROM taken WHERE d.id = taken.id RETURNING d.id
"""


def deliver_due() -> int:
    """Send due deliveries, at most AT_ONCE. Return how many were claimed."""
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, (AT_ONCE_EACH, AT_ONCE, LEASE_SECONDS + settings.WEBHOOK_SECONDS))
        ids = [row[0] for row in cursor]
    claimed = list(WebhookDelivery.objects.filter(pk__in=ids).select_related("endpoint").order_by("pk"))
    facts = {fact.position: fact for fact in store.read_at([each.position for each in claimed if each.position])}
    ready: list[tuple[WebhookDelivery, Message]] = []
    for delivery in claimed:
        try:
            ready.append((delivery, _message(delivery, facts)))
        except _NoMessage as reason:
            record_outcome(delivery, Outcome(problem=str(reason)))
        except SubjectWasErased:
            forget(delivery.endpoint.owner_id)
        except WrongKey as error:
            log.error("messages to endpoint %s cannot be signed: %s", delivery.endpoint_id, error)
            problem = gettext_noop("the message cannot be signed; the shop's operators can see why")
            record_outcome(delivery, Outcome(problem=problem))
    for (delivery, _), outcome in zip(ready, send([message for _, message in ready]), strict=True):
        record_outcome(delivery, outcome)
    return len(ids)


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
        secret=endpoint.reveal_secret(),
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
    changes: dict[str, Any] = {"attempts": [*delivery.attempts, attempt][-ATTEMPTS_STORED:]}
    pauses: Sequence[float] = settings.WEBHOOK_RETRY_SECONDS
    if outcome.accepted:
        changes |= {"status": DeliveryStatus.DELIVERED, "finished_at": now}
    elif outcome.gone or delivery.tries > len(pauses):
        changes |= {"status": DeliveryStatus.FAILED, "finished_at": now}
    else:
        # Spread the retries: a receiver that comes back should not get all waiting messages at the same moment.
        pause = pauses[delivery.tries - 1] * random.uniform(1, 1.2)  # noqa: S311 - not a secret
        changes["due_at"] = now + timedelta(seconds=pause)
    with transaction.atomic():
        endpoint = WebhookEndpoint.objects.select_for_update().filter(pk=delivery.endpoint_id).first()
        claimed = WebhookDelivery.objects.filter(pk=delivery.pk, tries=delivery.tries, status=DeliveryStatus.PENDING)
        if endpoint and claimed.update(**changes):
            failed = changes.get("status") == DeliveryStatus.FAILED
            _record_on_endpoint(endpoint, outcome, failed_after=delivery.tries if failed else None)


def _record_on_endpoint(endpoint: WebhookEndpoint, outcome: Outcome, *, failed_after: int | None) -> None:
    """Count failures in a row, let a failing endpoint rest, and disable a dead one.

    The rest keeps its messages from using up the workers. An endpoint is dead if it answers 410, or if it accepted no
    message while one delivery went through all its attempts (`failed_after`).
    """
    if outcome.accepted:
        if endpoint.failures:
            endpoint.failures, endpoint.resting_until = 0, None
            endpoint.save(update_fields=["failures", "resting_until"])
        return
    endpoint.failures += 1
    endpoint.resting_until = timezone.now() + wakeup.retry_delay(endpoint.failures, longest=LONGEST_REST)
    if outcome.gone:
        disable(endpoint, gettext_noop("The endpoint answered 410: it wants no more messages."))
    elif failed_after and endpoint.failures >= failed_after:
        disable(endpoint, gettext_noop("The endpoint accepted no message during all attempts of a delivery."))
    endpoint.save(update_fields=["failures", "resting_until", "disabled_at", "disabled_reason"])


def retry(delivery: WebhookDelivery) -> bool:
    """Make a failed delivery due again, with all its attempts. Return whether it had failed.

    Later events of its order may have been delivered already.
    """
    failed = WebhookDelivery.objects.filter(pk=delivery.pk, status=DeliveryStatus.FAILED, endpoint__disabled_at=None)
    return bool(failed.update(status=DeliveryStatus.PENDING, tries=0, due_at=timezone.now(), finished_at=None))


def prune() -> None:
    """Delete the deliveries that finished more than WEBHOOK_DELIVERIES_DAYS ago."""
    limit = timezone.now() - timedelta(days=settings.WEBHOOK_DELIVERIES_DAYS)
    WebhookDelivery.objects.filter(finished_at__lt=limit).exclude(status=DeliveryStatus.PENDING).delete()
