"""Limit the size of requests, before any field limits apply."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from eventstore.limits.numbers import parse_whole
from orders.http.i18n import translate
from orders.http.request import is_api
from ordersite.api.problems import problem
from ordersite.serving.clients import TOO_MANY
from ordersite.serving.limits import read_limits

LONGEST_URL = 8_000  # characters of path and query
WAIT_SECONDS = 2  # after which a client with too many waiting requests should send another
LARGEST_HEADERS = 16_000  # characters of all names and values
CHARSETS = ("utf-8", "utf8", "us-ascii")
"""The stated character sets that are accepted, all read as UTF-8. Decoding some others takes quadratic time."""


class RequestSizes:
    """Refuse a request that is too large before it is read, and a body without a stated length."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.body_bytes = read_limits().body_bytes

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        if TOO_MANY in request.META:
            return _refuse_another(request)
        if refusal := self._refuse_head(request):
            return refusal
        if is_api(request):
            return self._refuse_body(request) or self.get_response(request)
        if not _is_length(request.META.get("CONTENT_LENGTH") or "0", most=self.body_bytes):
            return HttpResponse(status=413)  # the web server has not read it
        return self.get_response(request)

    @staticmethod
    def _refuse_head(request: HttpRequest) -> HttpResponse | None:
        if "\0" in request.path_info:
            return problem(request, 400, "bad_request", translate("this request is malformed"))
        if len(request.path_info) + len(request.META.get("QUERY_STRING", "")) > LONGEST_URL:
            text = translate("the URL is too long: the limit is {limit} characters", limit=LONGEST_URL)
            return problem(request, 414, "url_too_long", text)
        if sum(len(name) + len(value) for name, value in request.headers.items()) > LARGEST_HEADERS:
            text = translate("the headers are too large: the limit is {limit} characters", limit=LARGEST_HEADERS)
            return problem(request, 431, "headers_too_large", text)
        if (request.content_params or {}).get("charset", "utf-8").lower() not in CHARSETS:
            request.encoding = "utf-8"  # for the query, which is read in the charset of the body
            return problem(request, 415, "unsupported_media_type", translate("send UTF-8: no other charset is read"))
        return None

    @staticmethod
    def _refuse_body(request: HttpRequest) -> HttpResponse | None:
        length = request.META.get("CONTENT_LENGTH") or ""
        if not length and "Transfer-Encoding" in request.headers:
            # WSGI reads only as many bytes as Content-Length announces: without it the body would look empty.
            return problem(
                request, 411, "length_required", translate("send Content-Length: a body without it is not read")
            )
        if not _is_length(length or "0", most=settings.DATA_UPLOAD_MAX_MEMORY_SIZE):
            return problem(request, 413, "body_too_large", translate("the body is too large: send less at once"))
        return None


def _refuse_another(request: HttpRequest) -> HttpResponse:
    text = translate("too many of your requests wait for an answer: send fewer at the same time")
    response = problem(request, 429, "too_many_at_once", text)
    response["Retry-After"] = str(WAIT_SECONDS)
    return response


def _is_length(announced: str, *, most: int) -> bool:
    """Return whether a Content-Length is a number of at most `most` bytes."""
    try:
        parse_whole(announced, most=most)
    except ValueError:
        return False
    return True
