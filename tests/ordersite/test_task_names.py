"""Names of Celery tasks must not change: during a release, messages with the old names wait in the broker.

Which queue a task waits in decides what may keep it waiting.
"""

from pathlib import Path

from celery import current_app
from django.conf import settings

import ordersite.celery  # noqa: F401 - makes the application current
from eventstore.wakeups.celery_broker import queue_of
from ordersite.devstack.supervisor import celery_commands

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
    "projections.tasks.watch",
}


def project_tasks() -> set[str]:
    return {
        name for name in current_app.tasks if name.startswith(("eventstore.", "orders.", "ordersite.", "projections."))
    }


def test_no_task_name_changes_between_releases() -> None:
    assert project_tasks() == ON_THE_WIRE


def test_beat_schedules_only_existing_tasks() -> None:
    assert {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()} <= project_tasks()


def test_catching_up_and_rebuilding_wait_in_a_queue_of_their_own_and_nothing_else_does() -> None:
    queues = {name: queue_of(name) for name in project_tasks()}
    assert {name for name, queue in queues.items() if queue == settings.CATCH_UP_QUEUE} == {
        "projections.tasks.project",
        "projections.tasks.build",
    }
    assert set(queues.values()) == set(settings.CELERY_TASK_QUEUES)


def test_each_queue_has_a_worker_of_its_own() -> None:
    commands = celery_commands(Path("state")).values()
    taken = [command[command.index("--queues") + 1] for command in commands if "worker" in command]
    assert sorted(taken) == sorted(settings.CELERY_TASK_QUEUES)
