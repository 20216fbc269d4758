"""Settings of Celery: the queues, and what beat starts when."""

from typing import Any

from ordersite.settings.environment import env
from ordersite.settings.intervals import DRIFT_SECONDS, SEAL_PUBLISH_SECONDS, SEAL_SECONDS, WATCH_SECONDS

SWEEP_SECONDS = env.float("SWEEP_SECONDS", default=5.0)
# Catching up a view that is far behind, and rebuilding one, take long. Tasks that wait for servers of others (webhooks,
# mail) take as long as those like. Both wait in queues of their own, so that what people and the clock wait for is not
# behind them. A worker without `-Q` takes all queues.
CATCH_UP_QUEUE, OUTSIDE_QUEUE = "catch_up", "outside"
CELERY_TASK_DEFAULT_QUEUE = "celery"
CELERY_TASK_QUEUES: dict[str, dict[str, Any]] = {CELERY_TASK_DEFAULT_QUEUE: {}, CATCH_UP_QUEUE: {}, OUTSIDE_QUEUE: {}}
CELERY_TASK_ROUTES = {
    "projections.tasks.project": {"queue": CATCH_UP_QUEUE},
    "projections.tasks.build": {"queue": CATCH_UP_QUEUE},
    "projections.customer.webhooks.tasks.run": {"queue": OUTSIDE_QUEUE},
    "ordersite.mails.send": {"queue": OUTSIDE_QUEUE},
    "eventstore.publishing.publish": {"queue": OUTSIDE_QUEUE},
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    name: {"task": task, "schedule": seconds, "options": {"expires": seconds}}
    for name, task, seconds in (
        ("sweep", "projections.tasks.sweep", SWEEP_SECONDS),
        ("check", "projections.tasks.check_some", DRIFT_SECONDS),
        ("watch", "projections.tasks.watch", WATCH_SECONDS),
        ("react", "eventstore.processes.run", SWEEP_SECONDS),
        ("correlate", "eventstore.causality.correlate", SWEEP_SECONDS),
        ("queue", "eventstore.queue.run", SWEEP_SECONDS),
        ("prune-queue", "eventstore.queue.prune", 3600.0),
        ("webhooks", "projections.customer.webhooks.tasks.run", SWEEP_SECONDS),
        ("prune-webhooks", "projections.customer.webhooks.tasks.prune", 3600.0),
        ("seal", "eventstore.publishing.seal", SEAL_SECONDS),
        ("publish-seal", "eventstore.publishing.publish", SEAL_PUBLISH_SECONDS),
        ("mail", "ordersite.mails.send", SWEEP_SECONDS),
        ("prune-logins", "ordersite.logins.prune", 86_400.0),
        ("lapse-claims", "ordersite.claims.lapse", 86_400.0),
    )
}
# A publisher gives up at once if the broker is down: the sweep finds the work that was not announced.
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 1, "socket_timeout": 5, "max_retries": 0}
