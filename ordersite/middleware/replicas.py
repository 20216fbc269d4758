"""Decide which requests may read from a replica."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from projections.reading.replicas import REPLICA, may_lag

SAFE = ("GET", "HEAD", "OPTIONS")
WROTE = "wrote"  # name of a cookie: this browser changed something within the last REPLICA_LAG_SECONDS


class ReplicaReads:
    """Let safe requests read from replicas, unless the same browser has just changed something."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        is_safe = request.method in SAFE
        with may_lag(is_safe and WROTE not in request.COOKIES):
            response = self.get_response(request)
        if not is_safe and REPLICA in settings.DATABASES:
            response.set_cookie(
                WROTE,
                "1",
                max_age=settings.REPLICA_LAG_SECONDS,
                path=settings.SESSION_COOKIE_PATH,
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite="Lax",
            )
        return response
