"""The Celery application: `celery -A ordersite worker`, `celery -A ordersite beat`."""

import gc
import os
import sys
from typing import Any

from celery import Celery
from celery.signals import task_postrun, worker_process_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ordersite.settings.development")
app = Celery("ordersite")
app.config_from_object("django.conf:settings", namespace="CELERY")
# Celery's own way with Django is to close every connection after every task, and a new one costs more than most tasks.
app.conf["CELERY_DB_REUSE_MAX"] = sys.maxsize
app.autodiscover_tasks()


@task_postrun.connect
def _keep_what_works(**signal: Any) -> None:
    """A connection that failed, or is older than CONN_MAX_AGE, is closed, as after a request. One task's trouble is not
    the next one's."""
    from django.db import close_old_connections  # noqa: PLC0415 - settings are read when it is imported

    close_old_connections()


@worker_process_init.connect
def _leave_what_was_imported(**signal: Any) -> None:
    """Python's search for cyclic garbage passes over what lives as long as the process: else it stops the work of each
    process for a tenth of a second now and then."""
    gc.freeze()
