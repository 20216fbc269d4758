"""Names of Celery tasks must not change: during a release, messages with the old names wait in the broker."""

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


def project_tasks() -> set[str]:
    return {
        name for name in current_app.tasks if name.startswith(("eventstore.", "orders.", "ordersite.", "projections."))
    }


def test_no_task_name_changes_between_releases() -> None:
    assert project_tasks() == ON_THE_WIRE


def test_beat_schedules_only_existing_tasks() -> None:
    assert {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()} <= project_tasks()
