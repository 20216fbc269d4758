"""Limit the size of requests, before any field limits apply."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from orders.http.i18n import translate
from orders.http.request import is_api
from ordersite.api.problems import problem

LONGEST_URL = 8_000  # characters of path and query
WITH_BODY = ("POST", "PUT", "PATCH")
LARGEST_HEADERS = 16_000  # characters of all names and values


class RequestSizes:
    """Refuse a request that is too large before it is read, and a body without a stated length."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        if "\0" in request.path_info:
            return problem(request, 400, "bad_request", translate("this request is malformed"))
        if len(request.path_info) + len(request.META.get("QUERY_STRING", "")) > LONGEST_URL:
            text = translate("the URL is too long: the limit is {limit} characters", limit=LONGEST_URL)
            return problem(request, 414, "url_too_long", text)
        if sum(len(name) + len(value) for name, value in request.headers.items()) > LARGEST_HEADERS:
            text = translate("the headers are too large: the limit is {limit} characters", limit=LARGEST_HEADERS)
            return problem(request, 431, "headers_too_large", text)
        if is_api(request) and (refusal := self._refuse_body(request)):
            return refusal
        return self.get_response(request)

    @staticmethod
    def _refuse_body(request: HttpRequest) -> HttpResponse | None:
        length = request.META.get("CONTENT_LENGTH") or ""
        if not length and _has_body(request):
            # WSGI reads only as many bytes as Content-Length announces: without it the body would look empty.
            return problem(
                request, 411, "length_required", translate("send Content-Length: a body without it is not read")
            )
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if limit is not None and length.isdecimal() and int(length) > limit:
            return problem(request, 413, "body_too_large", translate("the body is too large: send less at once"))
        return None


def _has_body(request: HttpRequest) -> bool:
    """Return whether a body of unstated length follows. HTTP/2 has no header for that: try to read one byte."""
    if "Transfer-Encoding" in request.headers:
        return True
    is_http2 = request.META.get("SERVER_PROTOCOL", "").startswith("HTTP/2")
    return is_http2 and request.method in WITH_BODY and bool(request.META["wsgi.input"].read(1))
