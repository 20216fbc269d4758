"""How much a request may hold, beside what each field says for itself."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from orders.http.i18n import translate
from orders.http.request import API
from ordersite.api.problems import problem

LONGEST_URL = 8_000  # characters of path and query
WITH_BODY = ("POST", "PUT", "PATCH")
LARGEST_HEADERS = 16_000  # characters of all names and values


class RequestSizes:
    """Refuses what is too large before it is read, and what does not say how large it is."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if len(request.path) + len(request.META.get("QUERY_STRING", "")) > LONGEST_URL:
            words = translate("an address has at most {limit} characters here", limit=LONGEST_URL)
            return problem(request, 414, "url_too_long", words)
        if sum(len(name) + len(value) for name, value in request.headers.items()) > LARGEST_HEADERS:
            words = translate("all headers together have at most {limit} characters here", limit=LARGEST_HEADERS)
            return problem(request, 431, "headers_too_large", words)
        if request.path.startswith(API) and (refused := self._body(request)):
            return refused
        return self.get_response(request)

    @staticmethod
    def _body(request: HttpRequest) -> HttpResponse | None:
        length = request.META.get("CONTENT_LENGTH") or ""
        if not length and _has_a_body(request):
            # WSGI reads as much as was announced: without a length, that is nothing.
            return problem(
                request, 411, "length_required", translate("send Content-Length: no body without one is read")
            )
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if limit is not None and length.isdecimal() and int(length) > limit:
            return problem(
                request, 413, "body_too_large", translate("the body is larger than this site takes: send less at once")
            )
        return None


def _has_a_body(request: HttpRequest) -> bool:
    """Whether one follows that was not announced. HTTP/2 needs no header for that, so it is looked at."""
    if "Transfer-Encoding" in request.headers:
        return True
    is_second = request.META.get("SERVER_PROTOCOL", "").startswith("HTTP/2")
    return is_second and request.method in WITH_BODY and bool(request.META["wsgi.input"].read(1))
