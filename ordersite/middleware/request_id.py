"""Give each request an id, and name that id in the answer and in every log line about the request."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from structlog.contextvars import bind_contextvars

from orders.http.request import correlation_named, request_id


class RequestId:
    """Answer with the client's `X-Request-ID`, or with a new one if the client sent none that is valid.

    Log lines also carry the correlation id of the events that the request causes.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        name = request_id(request)
        # Not cleared after the answer: Django logs a refusal after all middleware has returned. The next request
        # overwrites both values.
        bind_contextvars(request_id=name, correlation_id=str(correlation_named(name)))
        response = self.get_response(request)
        response["X-Request-ID"] = name
        return response
