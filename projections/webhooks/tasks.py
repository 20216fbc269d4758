"""Celery tasks of webhooks: a wake-up after a commit or a sweep plans and sends deliveries."""

import logging
from typing import Any

from cachetools.func import ttl_cache
from celery import shared_task
from celery.signals import worker_ready

from eventstore.wakeups import wakeup
from eventstore.wakeups.wakeup import Wakeup
from projections.webhooks import deliveries, planning
from projections.webhooks.models import WebhookEndpoint

log = logging.getLogger(__name__)

SLICE_SECONDS = 60.0  # after which another process goes on, so that a worker can be stopped
CACHE_SECONDS = 5.0  # for which a process caches whether any endpoint exists


def wakeups(aggregate_ids: Any = None) -> list[Wakeup]:
    """Return the wake-up that a commit sends, if any customer has an enabled endpoint."""
    return [_wakeup()] if _any_endpoint() else []


def wake_now() -> None:
    """Wake a worker."""
    wakeup.wake(_wakeup())


@shared_task(name="projections.customer.webhooks.tasks.run")
def run() -> None:
    """Plan deliveries of new events, and send what is due. Called by wake-ups and by beat."""
    wakeup.acknowledge(_wakeup())
    try:
        planning.plan_new_events()
    except Exception:  # the consumer's checkpoint records it; deliveries planned earlier are sent all the same
        log.exception("webhooks could not read new events")
    while deliveries.deliver_due(seconds=SLICE_SECONDS, hand_over=wake_now):
        pass


@shared_task(name="projections.customer.webhooks.tasks.prune")
def prune() -> None:
    """Delete old deliveries."""
    deliveries.prune()


@worker_ready.connect
def _run_at_start(**signal: Any) -> None:
    run.apply_async(retry=False)


@ttl_cache(maxsize=1, ttl=CACHE_SECONDS)
def _any_endpoint() -> bool:
    """Return whether any enabled endpoint exists, as of a few seconds ago.

    Fast path: cached by the process instead of a query and a wake-up at each commit; docs/decisions/24-webhooks.md. The
    sweep delivers what the first seconds of a new endpoint miss.
    """
    return WebhookEndpoint.objects.filter(disabled_at=None).exists()


def _wakeup() -> Wakeup:
    return Wakeup("webhooks", run)
