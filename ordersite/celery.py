"""The Celery application: `celery -A ordersite worker`, `celery -A ordersite beat`."""

import gc
import os
import sys
from typing import Any

from celery import Celery
from celery.signals import task_postrun, task_success, worker_init, worker_process_init, worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ordersite.settings.development")
app = Celery("ordersite")
app.config_from_object("django.conf:settings", namespace="CELERY")
# By default Celery closes every database connection after every task, and a new one costs more than most tasks.
app.conf["CELERY_DB_REUSE_MAX"] = sys.maxsize
app.autodiscover_tasks()


@worker_init.connect
def _require_safe_server(**signal: Any) -> None:
    """Do not start a worker if the log would not be safe on the database server."""
    from eventstore.storage import requirements  # noqa: PLC0415 - the models are not loaded yet

    try:
        requirements.require()
    except requirements.UnsafeServer as error:
        raise SystemExit(f"the worker does not start: {error}") from error


@task_postrun.connect
def _close_unusable_connections(**signal: Any) -> None:
    """Close a connection that failed or is older than CONN_MAX_AGE, as Django does after a request."""
    from django.db import close_old_connections  # noqa: PLC0415 - importing it reads the settings

    close_old_connections()


@task_success.connect
def _record_scheduled_task(sender: Any = None, **signal: Any) -> None:
    """Record that a scheduled task was done, for /healthz and /metrics."""
    from ordersite.monitoring import schedule  # noqa: PLC0415 - importing it reads the settings

    schedule.record_done(sender.name)


@worker_ready.connect
def _record_worker_start(**signal: Any) -> None:
    from ordersite.monitoring import schedule  # noqa: PLC0415 - importing it reads the settings

    schedule.record_worker_start()


@worker_process_init.connect
def _freeze_imported_objects(**signal: Any) -> None:
    """Exclude imported objects from garbage collection: a full collection would pause each process for 0.1 s."""
    gc.freeze()
