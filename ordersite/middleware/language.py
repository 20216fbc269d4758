"""Answer the API in the language that the client accepts."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation.trans_real import parse_accept_lang_header

from orders.http.request import API


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
