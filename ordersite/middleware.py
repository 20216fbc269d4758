"""One id from the request to every event it causes; and the language it is answered in."""

import logging
from collections.abc import Callable
from contextvars import ContextVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation.trans_real import parse_accept_lang_header

from orders.http import API, correlation_named, request_id

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


class Language:
    """Answers the API in the language of `Accept-Language`, as far as the site speaks it. The admin stays as it is.

    No cookie and no path has a say, as with Django's own: an API client sends the header.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(API):
            return self.get_response(request)
        language = spoken(request.headers.get("Accept-Language", ""))
        with translation.override(language):
            response = self.get_response(request)
        response["Content-Language"] = language
        patch_vary_headers(response, ("Accept-Language",))
        return response


def spoken(accepted: str) -> str:
    """The first of the accepted languages that the site speaks; else its own."""
    for name, _ in parse_accept_lang_header(accepted.lower()):
        if name == "*":
            break
        try:
            return translation.get_supported_language_variant(name)
        except LookupError:
            continue
    return settings.LANGUAGE_CODE
