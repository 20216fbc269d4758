"""The doorbell of webhooks: a commit wakes a worker, and a sweep finds what is due."""

import logging
import time
from typing import Any

from celery import shared_task
from celery.signals import worker_ready

from eventstore.wakeups import wakeup
from eventstore.wakeups.wakeup import Wakeup
from projections.webhooks import deliveries
from projections.webhooks.models import WebhookEndpoint

log = logging.getLogger(__name__)

SLICE_SECONDS = 20.0  # after which a worker lets other work come first
KNOWN_SECONDS = 5.0  # for which a process remembers whether anybody has an endpoint

_known = (0.0, False)


def wakeups(aggregate_ids: Any = None) -> list[Wakeup]:
    """What wakes a worker, where somebody may want to be told."""
    return [_wakeup()] if _anybody() else []


def wake_now() -> None:
    """Wake a worker."""
    wakeup.wake(_wakeup())


@shared_task(name="projections.customer.webhooks.tasks.run")
def run() -> None:
    """Hear what is new, and send what is due. The bell and beat call it."""
    wakeup.acknowledge(_wakeup())
    ends = time.monotonic() + SLICE_SECONDS
    try:
        deliveries.hear()
    except Exception:  # kept with its checkpoint; what was heard before is sent all the same
        log.exception("webhooks cannot hear what is new")
    while deliveries.deliver_some():
        if time.monotonic() > ends:
            wake_now()
            return


@shared_task(name="projections.customer.webhooks.tasks.prune")
def prune() -> None:
    """Forget old deliveries."""
    deliveries.prune()


@worker_ready.connect
def _run_at_start(**signal: Any) -> None:
    run.apply_async(retry=False)


def _anybody() -> bool:
    """As of a moment ago: a commit of a shop without webhooks costs no round trip more. The sweep finds the rest."""
    global _known  # noqa: PLW0603 - remembered by the process
    looked, found = _known
    if time.monotonic() - looked > KNOWN_SECONDS:
        found = WebhookEndpoint.objects.filter(disabled_at=None).exists()
        _known = time.monotonic(), found
    return found


def _wakeup() -> Wakeup:
    return Wakeup("webhooks", run)
