"""Serve the site below a path, such as https://example.com/shop/, whether or not the proxy in front removes it."""

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse


class SubPath:
    """Remove FORCE_SCRIPT_NAME from the start of `path_info`, by which requests are routed, counted and limited.

    Django writes the prefix in front of its links and into `request.path`, but expects that the proxy removed it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if not settings.FORCE_SCRIPT_NAME:
            raise MiddlewareNotUsed
        self.get_response = get_response
        self.prefix = settings.FORCE_SCRIPT_NAME.rstrip("/")

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        if request.path_info == self.prefix or request.path_info.startswith(f"{self.prefix}/"):
            request.path = request.path_info
            request.path_info = request.path_info.removeprefix(self.prefix) or "/"
        return self.get_response(request)
