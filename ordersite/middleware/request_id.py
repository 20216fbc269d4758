"""One id from the request to every event it causes; and the language it is answered in."""

import logging
from collections.abc import Callable
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponse

from orders.http.request import correlation_named, request_id

current_request: ContextVar[str] = ContextVar("current_request", default="-")
"""The id of the request that is being answered here, for the log."""


class RequestIdFilter(logging.Filter):
    """Gives each log record the id of its request, and the correlation id of every event that request led to."""

    def filter(self, record: logging.LogRecord) -> bool:
        name = record.request_id = current_request.get()
        if name != "-" and not hasattr(record, "correlation_id"):
            record.correlation_id = str(correlation_named(name))
        return True


class RequestId:
    """Honours `X-Request-ID`, makes one up where there is none, and answers with it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        name = request_id(request)
        current_request.set(name)  # until the next request: Django logs a refusal after all middleware has returned
        response = self.get_response(request)
        response["X-Request-ID"] = name
        return response
