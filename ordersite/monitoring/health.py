"""`GET /healthz`: 200 if the site works, otherwise 503 with the part that does not.

A part does not work if the database or broker does not answer, a scheduled task is late, or all read models stopped.
A log or a read model that needs attention is `degraded`, still with 200: taking web servers away would not help.
"""

import logging
from collections.abc import Collection

from django.db import Error, connection
from django.http import HttpRequest, JsonResponse
from redis.exceptions import RedisError

from eventstore.followers.parking import parked_counts
from eventstore.models import LogFinding
from ordersite.monitoring.schedule import scheduled_tasks
from projections.engine.checkpoints import DriftFlag
from projections.engine.projection import PROJECTIONS
from projections.monitoring.status import stopped

log = logging.getLogger(__name__)


def healthz(request: HttpRequest) -> JsonResponse:
    """Answer for each part of the site: the database, the broker and the worker."""
    parts = {"database": _database(), **_worker(), **_stopped()}
    healthy = all(state == "ok" for state in parts.values())
    watched = _watched() if healthy else {}
    status = "ok" if all(state == "ok" for state in watched.values()) else "degraded"
    return JsonResponse(
        {"status": status if healthy else "unavailable", **parts, **watched}, status=200 if healthy else 503
    )


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
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


def _stopped() -> dict[str, str]:
    """Name the followers of the log if all read models stopped: what the site answers is then out of date."""
    try:
        names = stopped()
    except Error:
        log.exception("health: the checkpoints cannot be read")
        return {"followers": "cannot be read"}
    return {"followers": _in_words(names)} if names >= set(PROJECTIONS) else {}


def _in_words(names: Collection[str], parked: Collection[str] = ()) -> str:
    """Return the state of the followers of the log: `names` stopped, and `parked` have parked events."""
    found = (
        ("cannot go on", set(names) & set(PROJECTIONS), "projections"),
        ("cannot go on", set(names) - set(PROJECTIONS), "consumers"),
        ("have parked events", set(parked), "consumers parked"),
    )
    return (
        "; ".join(
            f"{state}: {', '.join(sorted(which))}; `manage.py {command}` says why"
            for state, which, command in found
            if which
        )
        or "ok"
    )


def _watched() -> dict[str, str]:
    """Report what the watch has found. **Projections** in the admin says more."""
    findings = [finding.name for finding in LogFinding.objects.all()]
    drifted = sorted(set(DriftFlag.objects.values_list("projection", flat=True)))
    log = f"needs attention: {', '.join(findings)}" if findings else "ok"
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_read_only")
        if cursor.fetchone() == ("on",):
            log = "is read-only: commands are refused until the database can be written again"
    read_models = f"differ from the log: {', '.join(drifted)}" if drifted else "ok"
    return {"log": log, "read_models": read_models, "followers": _in_words(stopped(), parked_counts())}
