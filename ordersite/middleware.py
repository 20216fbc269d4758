"""One id from the request to every event it causes."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from orders.http import current_request, request_id


class RequestId:
    """Honours `X-Request-ID`, makes one up where there is none, and answers with it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        name = request_id(request)
        token = current_request.set(name)
        try:
            response = self.get_response(request)
        finally:
            current_request.reset(token)
        response["X-Request-ID"] = name
        return response
