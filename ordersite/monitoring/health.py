"""`GET /healthz`: 200 if everything works, otherwise 503 with the part that does not."""

import logging

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from redis.exceptions import RedisError

from ordersite.monitoring.schedule import scheduled_tasks

log = logging.getLogger(__name__)


def healthz(request: HttpRequest) -> JsonResponse:
    """Answer for each part of the site: the database, the broker and the worker."""
    parts = {"database": _database(), **_worker()}
    healthy = all(state == "ok" for state in parts.values())
    return JsonResponse({"status": "ok" if healthy else "unavailable", **parts}, status=200 if healthy else 503)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        log.exception("health: the database does not answer")
        return "does not answer"
    return "ok"


def _worker() -> dict[str, str]:
    """Check that each scheduled task is done in time, which needs beat and a worker. The first is the sweep."""
    try:
        tasks = list(scheduled_tasks())
    except RedisError:
        log.exception("health: the broker does not answer")
        return {"broker": "does not answer"}
    if all(task.done_at is None for task in tasks if task.name == "sweep"):
        return {"broker": "ok", "worker": "has not started yet"}
    late = [f"{task.name} (since {task.expected_since})" for task in tasks if task.is_overdue]
    if late:
        return {"broker": "ok", "worker": f"has not done {', '.join(late)}: are workers and beat running?"}
    return {"broker": "ok", "worker": "ok"}
