"""Plan deliveries: write a pending delivery for each new event and each endpoint that wants it.

Webhooks follow the log, not a projection. The deliveries are written in the transaction that advances the consumer's
checkpoint, so a crash neither loses nor repeats one.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from eventstore import store
from eventstore.codec import IMPORTED
from eventstore.followers.consumers import advance, start_here
from eventstore.followers.handling import PAGE, Consumer, declare, take
from eventstore.ids import new_id
from eventstore.messages import EVENT_TYPES
from eventstore.personal_data.subjects import SubjectErased
from eventstore.records import Damaged, Recorded, type_name
from orders.events import OrderCreated
from projections.customer.public_events import PUBLIC_TYPES, as_public
from projections.webhooks.endpoints import CONSUMER, forget
from projections.webhooks.models import WebhookDelivery, WebhookEndpoint

TEST_EVENT_TYPE = "webhook.test"
MESSAGE_TYPES = (*PUBLIC_TYPES, TEST_EVENT_TYPE)
"""The types of messages that an endpoint may receive."""

_GUEST = UUID(int=0)
_ERASED = EVENT_TYPES[SubjectErased].name


def plan_new_events() -> None:
    """Plan deliveries for the events since the checkpoint. Raises as `eventstore.followers.consumers.advance`."""
    start_here(CONSUMER)

    def step(position: int) -> int:
        # Read the horizon first: an endpoint created after this line receives no event up to it.
        settled = store.horizon()
        if not WebhookEndpoint.objects.exists():
            return max(position, settled)
        page = store.read_after(position, limit=PAGE, event_types=_PLANNER.event_types)
        take(_PLANNER, page.events)
        return page.through

    advance(CONSUMER, step, event_types=_PLANNER.event_types)


def plan_test(endpoint: WebhookEndpoint, event_id: UUID) -> WebhookDelivery:
    """Plan a test message, which is about no event. With an id that it had before, it is the same message."""
    delivery, _ = WebhookDelivery.objects.get_or_create(
        endpoint=endpoint,
        event_id=event_id,
        defaults={"aggregate_id": new_id(), "event_type": TEST_EVENT_TYPE, "due_at": timezone.now()},
    )
    return delivery


def _plan(facts: Sequence[Recorded[Any]]) -> None:
    """Write the deliveries of these facts, in the order of the log; delete the endpoints of erased customers.

    Raises the error of an event that names a customer and cannot be read, so that the facts are parked.
    """
    # Events imported from another site are not sent.
    facts = [fact for fact in facts if IMPORTED not in fact.metadata.extra or type_name(fact.event) == _ERASED]
    owners = _owners({fact.aggregate_id for fact in facts if type_name(fact.event) != _ERASED})
    endpoints: dict[UUID, list[WebhookEndpoint]] = {}
    of_shop: list[WebhookEndpoint] = []
    enabled = WebhookEndpoint.objects.filter(
        Q(customer_id__in=set(owners.values())) | Q(service_id__isnull=False), disabled_at=None
    )
    for endpoint in enabled.select_for_update(no_key=True).order_by("pk"):  # so that none is deleted meanwhile
        (endpoints.setdefault(endpoint.customer_id, []) if endpoint.customer_id else of_shop).append(endpoint)
    deliveries: list[WebhookDelivery] = []
    for fact in facts:
        if isinstance(fact.event, Damaged) and fact.event.event_type == _ERASED:
            raise fact.event.error
        if isinstance(fact.event, SubjectErased):
            forget(fact.event.subject_id)
            endpoints.pop(fact.event.subject_id, None)
            deliveries = [each for each in deliveries if each.endpoint.customer_id != fact.event.subject_id]
        else:
            own = endpoints.get(owners.get(fact.aggregate_id, _GUEST), ()) if _is_public(fact) else ()
            deliveries += [_delivery(endpoint, fact) for endpoint in (*own, *of_shop) if _wants(endpoint, fact)]
    WebhookDelivery.objects.bulk_create(deliveries, ignore_conflicts=True)


def _owners(order_ids: set[UUID]) -> dict[UUID, UUID]:
    """Return the customer of each order. Orders of guests are left out. Raises the error of a damaged first event."""
    owners = {}
    for order_id, fact in store.first_of(order_ids).items():
        if isinstance(fact.event, Damaged):
            raise fact.event.error
        if isinstance(fact.event, OrderCreated) and fact.event.customer_id:
            owners[order_id] = fact.event.customer_id
    return owners


def _is_public(fact: Recorded[Any]) -> bool:
    """Return whether customers may see the event.

    A damaged event is planned too. Later events of its order wait until it can be read or its delivery has failed.
    """
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


_PLANNER = declare(Consumer(name=CONSUMER, handle=_plan, event_types=sorted([*PUBLIC_TYPES, _ERASED])))
