"""Django's handler of WSGI requests: requests that are always read as UTF-8, and whose they are."""

from types import SimpleNamespace
from typing import Any
from wsgiref.types import WSGIEnvironment

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http import HttpRequest, parse_cookie
from django.http.response import HttpResponseBase
from django.utils.http import parse_header_parameters

from orders.http.client_address import address_of
from ordersite.serving.clients import OWNER, Clients


class Utf8Request(WSGIRequest):
    """A request that is always read as UTF-8. `RequestSizes` refuses a Content-Type with another charset.

    Django reads the query in the stated charset while it makes the request, before any handler of errors. With some
    charsets that fails, with others it takes quadratic time.
    """

    def _set_content_type_params(self, meta: Any) -> None:
        self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))


class Handler(WSGIHandler):
    """Django's handler, with our requests. `clients` tells the web server whose a request is."""

    request_class = Utf8Request

    def __init__(self) -> None:
        super().__init__()
        self.clients = Clients(credential_of=_credential_of, address_of=_address_of)

    def get_response(self, request: HttpRequest) -> HttpResponseBase:
        """Return the response, and tell the web server whose credential was accepted."""
        response = super().get_response(request)
        owner = _owner_of(request)
        if owner is not None:
            request.META[OWNER] = f"account {owner}"
        return response


def _owner_of(request: Any) -> Any:
    """Return the key of the account that the request was answered for, or None. Asks the database nothing."""
    by_token = getattr(getattr(request, "auth", None), "user_id", None)
    return by_token or getattr(getattr(request, "_cached_user", None), "pk", None)


def _credential_of(environ: WSGIEnvironment) -> str:
    """Return the API token of a request, or else the key of its session."""
    words = environ.get("HTTP_AUTHORIZATION", "").split()
    if words:
        return str(words[-1])
    return parse_cookie(environ.get("HTTP_COOKIE", "")).get(settings.SESSION_COOKIE_NAME, "")


def _address_of(environ: WSGIEnvironment) -> str:
    # Fast path: without a request, which would read all headers.
    request: Any = SimpleNamespace(META=environ, headers={"x-forwarded-for": environ.get("HTTP_X_FORWARDED_FOR")})
    return address_of(request)
