"""The circuit breaker of an endpoint: it keeps a slow or failing server from taking places that others need.

Closed: messages are sent, a few at the same time. Open: nothing is sent until `resting_until`. Half open: after that,
one message at a time is sent, and its outcome closes the circuit or opens it again for longer.
"""

from datetime import timedelta

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_noop

from eventstore.wakeups import wakeup
from projections.webhooks.endpoints import disable
from projections.webhooks.models import WebhookEndpoint
from projections.webhooks.sending import Outcome

SLOW_SECONDS = 3.0  # an answer that takes longer is slow
SLOW_IN_A_ROW = 5  # slow answers that open the circuit
LONGEST_REST = timedelta(minutes=5)  # of an endpoint that fails
LONGEST_REST_IF_SLOW = timedelta(minutes=1)  # of one that accepts its messages, but slowly
LONGEST_RETRY_AFTER = timedelta(hours=1)  # that a receiver may ask for


class Circuit(models.TextChoices):
    """The state of an endpoint's circuit breaker."""

    CLOSED = "closed", "Closed"
    OPEN = "open", "Open"
    HALF_OPEN = "half_open", "Half open"


def circuit_of(endpoint: WebhookEndpoint) -> Circuit:
    """Return the state of the endpoint's circuit now."""
    if endpoint.resting_until and endpoint.resting_until > timezone.now():
        return Circuit.OPEN
    return Circuit.HALF_OPEN if endpoint.failures or endpoint.slow_answers >= SLOW_IN_A_ROW else Circuit.CLOSED


def asked_pause(outcome: Outcome) -> timedelta:
    """Return how long the receiver asked to wait, within LONGEST_RETRY_AFTER."""
    return min(timedelta(seconds=outcome.retry_after or 0), LONGEST_RETRY_AFTER)


def record(endpoint: WebhookEndpoint, outcome: Outcome, *, failed_after: int | None) -> None:
    """Record an outcome on its endpoint, and disable an endpoint that is dead. The caller has locked the row.

    An endpoint is dead if it answers 410, or if it accepted no message while one delivery went through all its attempts
    (`failed_after`).
    """
    before = (endpoint.failures, endpoint.slow_answers, endpoint.resting_until)
    if outcome.accepted:
        _record_accepted(endpoint, outcome)
    else:
        endpoint.failures += 1
        rest = max(wakeup.retry_delay(endpoint.failures, longest=LONGEST_REST), asked_pause(outcome))
        endpoint.resting_until = timezone.now() + rest
        if outcome.gone:
            disable(endpoint, gettext_noop("The endpoint answered 410: it wants no more messages."))
        elif failed_after and endpoint.failures >= failed_after:
            disable(endpoint, gettext_noop("The endpoint accepted no message during all attempts of a delivery."))
    if before != (endpoint.failures, endpoint.slow_answers, endpoint.resting_until):
        changed = ["failures", "slow_answers", "resting_until", "disabled_at", "disabled_reason"]
        endpoint.save(update_fields=changed)


def _record_accepted(endpoint: WebhookEndpoint, outcome: Outcome) -> None:
    endpoint.failures = 0
    endpoint.slow_answers = endpoint.slow_answers + 1 if outcome.seconds > SLOW_SECONDS else 0
    endpoint.resting_until = None
    if endpoint.slow_answers >= SLOW_IN_A_ROW:
        rests = endpoint.slow_answers - SLOW_IN_A_ROW + 1
        endpoint.resting_until = timezone.now() + wakeup.retry_delay(rests, longest=LONGEST_REST_IF_SLOW)
