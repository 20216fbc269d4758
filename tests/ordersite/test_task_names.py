"""The names of Celery tasks are a contract with the broker: messages in flight and beat carry them across a release."""

from celery import current_app
from django.conf import settings

import ordersite.celery  # noqa: F401 - makes the application current

ON_THE_WIRE = {
    "eventstore.causality.correlate",
    "eventstore.processes.run",
    "eventstore.publishing.publish",
    "eventstore.publishing.seal",
    "eventstore.queue.prune",
    "eventstore.queue.run",
    "eventstore.snapshots.take",
    "ordersite.mails.send",
    "projections.customer.webhooks.tasks.prune",
    "projections.customer.webhooks.tasks.run",
    "projections.tasks.build",
    "projections.tasks.check_some",
    "projections.tasks.look",
    "projections.tasks.project",
    "projections.tasks.sweep",
}


def ours() -> set[str]:
    return {
        name for name in current_app.tasks if name.startswith(("eventstore.", "orders.", "ordersite.", "projections."))
    }


def test_every_name_that_an_earlier_release_sent_is_still_known() -> None:
    assert ours() == ON_THE_WIRE


def test_beat_sends_only_names_that_are_known() -> None:
    assert {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()} <= ours()
