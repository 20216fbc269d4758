"""Limit the size of requests, before any field limits apply."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from orders.http.i18n import translate
from orders.http.request import is_api
from ordersite.api.problems import problem
from ordersite.serving.limits import read_limits

LONGEST_URL = 8_000  # characters of path and query
LARGEST_HEADERS = 16_000  # characters of all names and values


class RequestSizes:
    """Refuse a request that is too large before it is read, and a body without a stated length."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.body_bytes = read_limits().body_bytes

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
        if is_api(request):
            return self._refuse_body(request) or self.get_response(request)
        if (announced := request.META.get("CONTENT_LENGTH") or "").isdecimal() and int(announced) > self.body_bytes:
            return HttpResponse(status=413)  # the web server has not read it
        return self.get_response(request)

    @staticmethod
    def _refuse_body(request: HttpRequest) -> HttpResponse | None:
        length = request.META.get("CONTENT_LENGTH") or ""
        if not length and "Transfer-Encoding" in request.headers:
            # WSGI reads only as many bytes as Content-Length announces: without it the body would look empty.
            return problem(
                request, 411, "length_required", translate("send Content-Length: a body without it is not read")
            )
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if limit is not None and length.isdecimal() and int(length) > limit:
            return problem(request, 413, "body_too_large", translate("the body is too large: send less at once"))
        return None
