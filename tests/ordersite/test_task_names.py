"""Names of Celery tasks must not change: during a release, messages with the old names wait in the broker.

Which queue a task waits in decides what may keep it waiting.
"""

import ast
import inspect
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

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
    "ordersite.claims.lapse",
    "ordersite.logins.prune",
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


def test_what_waits_for_servers_of_others_waits_in_a_queue_of_its_own_and_nothing_else_does() -> None:
    """A task waits for others if its module, or one that it imports from the project, opens connections to them."""
    queues = {name: queue_of(name) for name in project_tasks()}
    outside = {name for name, queue in queues.items() if queue == settings.OUTSIDE_QUEUE}
    assert outside == {
        "eventstore.publishing.publish",  # a mail
        "ordersite.mails.send",
        "projections.customer.webhooks.tasks.run",
    }
    sending = {name for name, task in current_app.tasks.items() if name in queues and _waits_for_others(task.run)}
    assert sending - outside == {"eventstore.publishing.seal", "projections.customer.webhooks.tasks.prune"}, (
        "a new task of a module that sends: route it to the queue `outside`, or name it here if it does not send"
    )
    assert outside <= sending


def _waits_for_others(run: Any) -> bool:
    """Return whether a task's module, or one of its package that it imports, uses a client of the network."""
    module = inspect.getmodule(run)
    assert module
    package, found, to_read = module.__name__.rpartition(".")[0], set[str](), [module.__name__]
    while to_read:
        names = _imported(sys.modules[to_read.pop()]) - found
        found |= names
        to_read += [name for name in names if name.startswith(f"{package}.") and name in sys.modules]
    return bool(_CLIENTS & found)


_CLIENTS = {
    "django.core.mail",
    "smtplib",
    "httpcore",
    "httpx",
    "urllib.request",
    "requests",
    "socket",
    "standardwebhooks",
}


def _imported(module: ModuleType) -> set[str]:
    """Return the names of the modules that a module imports, and of what it imports from them."""
    found = set()
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{each.name}" for each in node.names)}
    return found


def test_each_queue_is_used_by_a_task() -> None:
    queues = {name: queue_of(name) for name in project_tasks()}
    assert set(queues.values()) == set(settings.CELERY_TASK_QUEUES)


def test_each_queue_has_a_worker_of_its_own() -> None:
    commands = celery_commands(Path("state")).values()
    taken = [command[command.index("--queues") + 1] for command in commands if "worker" in command]
    assert sorted(taken) == sorted(settings.CELERY_TASK_QUEUES)
