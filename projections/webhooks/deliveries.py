"""From events to deliveries, and from deliveries to what was answered.

Fed by the log, not by a projection. A delivery is written in the transaction that moves the checkpoint on, and struck
off once its endpoint has taken it: a crash at any point costs delay, or sends a message a second time under the same
id. An event is not sent before the earlier ones of its aggregate were delivered or given up.
"""

import logging
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop

from eventstore import store
from eventstore.codec import IMPORTED
from eventstore.errors import SubjectWasErased, WrongKey
from eventstore.followers.consumers import advance, start_here
from eventstore.ids import new_id
from eventstore.messages import EVENT_TYPES
from eventstore.personal_data.subjects import SubjectErased
from eventstore.records import Damaged, Recorded, type_name
from eventstore.wakeups import wakeup
from orders.events import OrderCreated
from projections.customer.feed import CustomerFeed
from projections.customer.public_events import as_public
from projections.webhooks.models import DeliveryStatus, WebhookDelivery, WebhookEndpoint
from projections.webhooks.sending import Message, Outcome, send

log = logging.getLogger(__name__)

CONSUMER = "webhooks"
TEST = "webhook.test"
PAGE = 1000  # events heard at once
AT_ONCE = 50  # messages on their way from one worker, and of these
EACH = 5  # to one endpoint
LEASE_SECONDS = 30.0  # beyond WEBHOOK_SECONDS, after which what a worker took and died with is sent again
LONGEST_REST = timedelta(minutes=5)  # of an endpoint that fails
ATTEMPTS_KEPT = 30  # of one delivery


def public_types() -> list[str]:
    """The events that an endpoint may ask for."""
    return sorted(EVENT_TYPES[event].name for event in CustomerFeed.handlers)


def forget_customer(customer_id: UUID) -> None:
    """Delete a customer's endpoints and all that was sent to them. An erasure in the log does it by itself."""
    with transaction.atomic():
        theirs = WebhookEndpoint.objects.filter(customer_id=customer_id)
        list(theirs.select_for_update().order_by("pk"))  # before their deliveries, as everybody who changes both
        theirs.delete()


def stop(customer_id: UUID, reason: str) -> None:
    """Send nothing more to a customer's endpoints, until each is enabled again or made anew."""
    with transaction.atomic():
        theirs = WebhookEndpoint.objects.filter(customer_id=customer_id, disabled_at=None)
        for endpoint in theirs.select_for_update().order_by("pk"):
            _disable(endpoint, reason)
            endpoint.save(update_fields=["disabled_at", "disabled_reason"])


# --- from events to deliveries ----------------------------------------------------------------------------------------


def begin() -> int:
    """Hear what is recorded from here on, at the latest; returns the position up to which it happened before."""
    start_here(CONSUMER)
    return store.horizon()


def hear() -> None:
    """Write down what is to be sent of what is new. Raises as `eventstore.followers.consumers.advance`."""
    start_here(CONSUMER)
    erased = EVENT_TYPES[SubjectErased].name
    heard = sorted([*public_types(), erased])

    def step(position: int) -> int:
        # What is settled is looked at first: an endpoint that is made meanwhile hears of nothing in it.
        settled = store.horizon()
        if not WebhookEndpoint.objects.exists():
            return max(position, settled)
        page = store.read_after(position, limit=PAGE, event_types=heard)
        _take(page.events)
        return page.through

    advance(CONSUMER, step, event_types=heard)


def _take(facts: Sequence[Recorded[Any]]) -> None:
    """Facts in the order of the log, and rows in that order too."""
    owners = _owners({fact.aggregate_id for fact in facts if not isinstance(fact.event, SubjectErased)})
    endpoints: dict[UUID, list[WebhookEndpoint]] = {}
    enabled = WebhookEndpoint.objects.filter(disabled_at=None, customer_id__in=set(owners.values()))
    for endpoint in enabled.select_for_update(no_key=True).order_by("pk"):  # none is deleted meanwhile
        endpoints.setdefault(endpoint.customer_id, []).append(endpoint)
    deliveries: list[WebhookDelivery] = []
    for fact in facts:
        if isinstance(fact.event, SubjectErased):
            forget_customer(fact.event.subject_id)
            endpoints.pop(fact.event.subject_id, None)
            deliveries = [each for each in deliveries if each.endpoint.customer_id != fact.event.subject_id]
        elif _is_news(fact):
            theirs = endpoints.get(owners.get(fact.aggregate_id, _NOBODY), ())
            deliveries += [_delivery(endpoint, fact) for endpoint in theirs if _wants(endpoint, fact)]
    WebhookDelivery.objects.bulk_create(deliveries, ignore_conflicts=True)


_NOBODY = UUID(int=0)


def _owners(order_ids: set[UUID]) -> dict[UUID, UUID]:
    """Which customers placed these orders; without those of guests, and those that cannot be read."""
    found = {}
    for order_id, fact in store.first_of(order_ids).items():
        if isinstance(fact.event, Damaged):
            log.error("whose order %s is cannot be read, so nobody is told: %s", order_id, fact.event.error)
        elif isinstance(fact.event, OrderCreated) and fact.event.customer_id:
            found[order_id] = fact.event.customer_id
    return found


def _is_news(fact: Recorded[Any]) -> bool:
    """One that cannot be read now keeps its place: later ones of its order wait until it can, or is given up."""
    if IMPORTED in fact.metadata.extra:
        return False
    return isinstance(fact.event, Damaged) or as_public(fact) is not None


def _wants(endpoint: WebhookEndpoint, fact: Recorded[Any]) -> bool:
    is_new = fact.position > endpoint.since
    return is_new and (not endpoint.event_types or type_name(fact.event) in endpoint.event_types)


def _delivery(endpoint: WebhookEndpoint, fact: Recorded[Any]) -> WebhookDelivery:
    return WebhookDelivery(
        endpoint=endpoint,
        event_id=fact.event_id,
        position=fact.position,
        aggregate_id=fact.aggregate_id,
        event_type=type_name(fact.event),
    )


def plan_test(endpoint: WebhookEndpoint) -> WebhookDelivery:
    """A message that says nothing, to see whether it arrives."""
    return WebhookDelivery.objects.create(
        endpoint=endpoint, event_id=new_id(), aggregate_id=new_id(), event_type=TEST, due_at=timezone.now()
    )


def send_again(delivery: WebhookDelivery) -> bool:
    """Let a delivery that was given up be tried anew, all the attempts of it; says whether it was one.

    Later events of its order may have been delivered by now.
    """
    given_up = WebhookDelivery.objects.filter(pk=delivery.pk, status=DeliveryStatus.FAILED, endpoint__disabled_at=None)
    return bool(given_up.update(status=DeliveryStatus.PENDING, tries=0, due_at=timezone.now(), finished_at=None))


def enable(endpoints: "QuerySet[WebhookEndpoint]") -> int:
    """Send to these again, what happens from now on; returns how many were disabled."""
    disabled = endpoints.exclude(disabled_at=None)
    return disabled.update(disabled_at=None, disabled_reason="", failures=0, resting_until=None, since=begin())


def prune() -> None:
    """Forget what was sent, or given up, more than WEBHOOK_DELIVERIES_DAYS ago."""
    old = timezone.now() - timedelta(days=settings.WEBHOOK_DELIVERIES_DAYS)
    WebhookDelivery.objects.filter(finished_at__lt=old).exclude(status=DeliveryStatus.PENDING).delete()


# --- from deliveries to what was answered -----------------------------------------------------------------------------

# The first of its aggregate that is pending: until it is delivered or given up, the later ones are nobody's turn. What
# is taken is not due again before its lease is over: no transaction is open while a stranger's server is waited for.
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


def deliver_some() -> int:
    """Send what is due, at most AT_ONCE messages; returns how many there were."""
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, (EACH, AT_ONCE, LEASE_SECONDS + settings.WEBHOOK_SECONDS))
        ids = [row[0] for row in cursor]
    claimed = list(WebhookDelivery.objects.filter(pk__in=ids).select_related("endpoint").order_by("pk"))
    facts = {fact.position: fact for fact in store.read_at([each.position for each in claimed if each.position])}
    ready: list[tuple[WebhookDelivery, Message]] = []
    for delivery in claimed:
        try:
            ready.append((delivery, _message(delivery, facts)))
        except _Unsendable as reason:
            note(delivery, Outcome(problem=str(reason)))
        except SubjectWasErased:
            forget_customer(delivery.endpoint.customer_id)
        except WrongKey as error:
            log.error("nothing can be signed for %s: %s", delivery.endpoint_id, error)
            note(delivery, Outcome(problem=gettext_noop("it cannot be signed; whoever runs the shop sees why")))
    for (delivery, _), outcome in zip(ready, send([message for _, message in ready]), strict=True):
        note(delivery, outcome)
    return len(ids)


class _Unsendable(Exception):
    """There is nothing to send now. The message says why."""


def _message(delivery: WebhookDelivery, facts: dict[int, Recorded[Any]]) -> Message:
    """Raises _Unsendable, SubjectWasErased, WrongKey."""
    endpoint = delivery.endpoint
    if delivery.position is None:
        data: Any = {"id": delivery.event_id, "words": "This is a test. It arrived."}
        occurred_at: datetime = delivery.created_at
    else:
        fact = facts.get(delivery.position)
        if fact is None or isinstance(fact.event, Damaged):
            raise _Unsendable("the event cannot be read; whoever runs the shop sees why")
        public = as_public(fact)
        if public is None:
            raise _Unsendable("the event is not told to customers any more")
        data, occurred_at = public, public.occurred_at
    body = {"type": delivery.event_type, "timestamp": occurred_at.astimezone(UTC), "data": data}
    return Message(
        event_id=delivery.event_id,
        url=endpoint.url,
        secret=endpoint.reveal_secret(),
        body=msgspec.json.encode(body).decode(),
    )


def note(delivery: WebhookDelivery, outcome: Outcome) -> None:
    """What came of an attempt, unless somebody has tried again since."""
    now = timezone.now()
    attempt = {"at": now.isoformat(), "status": outcome.status, "problem": outcome.problem}
    changes: dict[str, Any] = {"attempts": [*delivery.attempts, attempt][-ATTEMPTS_KEPT:]}
    pauses: Sequence[float] = settings.WEBHOOK_RETRY_SECONDS
    if outcome.accepted:
        changes |= {"status": DeliveryStatus.DELIVERED, "finished_at": now}
    elif outcome.gone or delivery.tries > len(pauses):
        changes |= {"status": DeliveryStatus.FAILED, "finished_at": now}
    else:
        # Not all at the same moment, where a receiver comes back that many messages wait for.
        pause = pauses[delivery.tries - 1] * random.uniform(1, 1.2)  # noqa: S311 - no secret
        changes["due_at"] = now + timedelta(seconds=pause)
    with transaction.atomic():
        endpoint = WebhookEndpoint.objects.select_for_update().filter(pk=delivery.endpoint_id).first()
        mine = WebhookDelivery.objects.filter(pk=delivery.pk, tries=delivery.tries, status=DeliveryStatus.PENDING)
        if endpoint and mine.update(**changes):
            given_up = changes.get("status") == DeliveryStatus.FAILED
            _note_of_endpoint(endpoint, outcome, given_up_after=delivery.tries if given_up else None)


def _note_of_endpoint(endpoint: WebhookEndpoint, outcome: Outcome, *, given_up_after: int | None) -> None:
    """One that fails rests for a while, so that its messages do not keep workers from those of others.

    One that took nothing in all the time in which a message was tried is not tried any more.
    """
    if outcome.accepted:
        if endpoint.failures:
            endpoint.failures, endpoint.resting_until = 0, None
            endpoint.save(update_fields=["failures", "resting_until"])
        return
    endpoint.failures += 1
    endpoint.resting_until = timezone.now() + wakeup.retry_delay(endpoint.failures, longest=LONGEST_REST)
    if outcome.gone:
        _disable(endpoint, gettext_noop("It answered 410: it wants no more."))
    elif given_up_after and endpoint.failures >= given_up_after:
        _disable(endpoint, gettext_noop("It took nothing in all the time in which a message was tried."))
    endpoint.save(update_fields=["failures", "resting_until", "disabled_at", "disabled_reason"])


def _disable(endpoint: WebhookEndpoint, reason: str) -> None:
    endpoint.disabled_at, endpoint.disabled_reason = timezone.now(), reason
    left = WebhookDelivery.objects.filter(endpoint=endpoint, status=DeliveryStatus.PENDING)
    left.update(status=DeliveryStatus.FAILED, finished_at=timezone.now())
