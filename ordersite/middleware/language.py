"""Answer the API in the language that the client accepts."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation.trans_real import parse_accept_lang_header

from orders.http.request import is_api


class Language:
    """Answer the API in the first language of `Accept-Language` that the site supports. The admin does not change.

    Unlike Django's own LocaleMiddleware it reads no cookie and no path: an API client sends the header.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        if not is_api(request):
            return self.get_response(request)
        language = supported_language(request.headers.get("Accept-Language", ""))
        with translation.override(language):
            response = self.get_response(request)
        response["Content-Language"] = language
        patch_vary_headers(response, ("Accept-Language",))
        return response


def supported_language(accept_language: str) -> str:
    """Return the first accepted language that the site supports, or its default language."""
    for name, _ in parse_accept_lang_header(accept_language.lower()):
        if name == "*":
            break
        try:
            return translation.get_supported_language_variant(name)
        except LookupError:
            continue
    return settings.LANGUAGE_CODE
