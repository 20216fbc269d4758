"""`GET /healthz`: 200 if everything works, otherwise 503 with the part that does not."""

import logging
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from redis.exceptions import RedisError

from projections.tasks import SWEPT

log = logging.getLogger(__name__)

SWEPT_WITHIN = timedelta(seconds=60)


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
    """Check the last sweep: a worker sweeps when it starts and when beat tells it to, so a recent sweep needs both."""
    try:
        swept = cache.get(SWEPT)
    except RedisError:
        log.exception("health: the broker does not answer")
        return {"broker": "does not answer"}
    if swept is None:
        return {"broker": "ok", "worker": "has not started yet"}
    if timezone.now() - datetime.fromisoformat(swept) > SWEPT_WITHIN:
        return {"broker": "ok", "worker": f"has not swept the read models since {swept}: are worker and beat running?"}
    return {"broker": "ok", "worker": "ok"}
