"""Webhook endpoints over time: where a new one starts, when one is disabled, and when one is deleted."""

from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from eventstore import store
from eventstore.followers.consumers import start_here
from projections.webhooks.models import DeliveryStatus, WebhookDelivery, WebhookEndpoint, WebhookPreviousSecret

CONSUMER = "webhooks"


def start_position() -> int:
    """Return the position after which a new endpoint receives events. Starts the consumer if it never ran."""
    start_here(CONSUMER)
    return store.horizon()


def enable(endpoints: "QuerySet[WebhookEndpoint]") -> int:
    """Enable disabled endpoints, for events from now on. Return how many were disabled."""
    disabled = endpoints.exclude(disabled_at=None)
    return disabled.update(disabled_at=None, disabled_reason="", failures=0, resting_until=None, since=start_position())


def disable(endpoint: WebhookEndpoint, reason: str) -> None:
    """Mark the endpoint as disabled and its pending deliveries as failed. The caller saves the endpoint."""
    endpoint.disabled_at, endpoint.disabled_reason = timezone.now(), reason
    pending = WebhookDelivery.objects.filter(endpoint=endpoint, status=DeliveryStatus.PENDING)
    pending.update(status=DeliveryStatus.FAILED, finished_at=timezone.now())


def end_previous_secrets(endpoints: "QuerySet[WebhookEndpoint]") -> int:
    """End all replaced secrets of the endpoints now. Return how many signed until now."""
    now = timezone.now()
    signing = WebhookPreviousSecret.objects.filter(endpoint__in=endpoints, valid_until__gt=now)
    return signing.update(valid_until=now)


def owned_by(owner_id: UUID) -> "QuerySet[WebhookEndpoint]":
    """Return the endpoints of a customer or of a service account."""
    return WebhookEndpoint.objects.filter(Q(customer_id=owner_id) | Q(service_id=owner_id))


def disable_all(owner_id: UUID, reason: str) -> None:
    """Disable all endpoints of a customer or a service account, until each is enabled or created again."""
    with transaction.atomic():
        endpoints = owned_by(owner_id).filter(disabled_at=None)
        for endpoint in endpoints.select_for_update().order_by("pk"):
            disable(endpoint, reason)
            endpoint.save(update_fields=["disabled_at", "disabled_reason"])


def forget(owner_id: UUID) -> None:
    """Delete the endpoints and deliveries of a customer or a service account. An erasure in the log does this too."""
    with transaction.atomic():
        endpoints = owned_by(owner_id)
        # All code that changes both locks endpoints before their deliveries.
        list(endpoints.select_for_update().order_by("pk"))
        endpoints.delete()
