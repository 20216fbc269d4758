"""The Content-Security-Policy of each page, and the other headers that browsers obey.

No page runs a script that does not come from a file of this site. `ordersite/settings/headers.py` has the policy.
docs/decisions/75-browser-headers.md says where unfold needs more, and why.
"""

from collections.abc import Callable

from csp.constants import UNSAFE_EVAL
from csp.middleware import CSPMiddleware, PolicyParts
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

_COLOURS = b'<style id="unfold-theme-colors">'


class ContentSecurity(CSPMiddleware):
    """Django-csp's middleware for pages, with the one exception that unfold needs in the admin."""

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        """Return the policy. In the admin, Alpine evaluates the attributes of unfold's templates."""
        parts = super().get_policy_parts(request, response, report_only)
        if not report_only and request.path_info.startswith("/admin/"):
            parts.update = {**(parts.update or {}), "script-src": [UNSAFE_EVAL]}
        return parts

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Add the headers to a page. Other answers are never shown as one: they say `nosniff`."""
        if not is_page(response):
            return response
        response.headers.setdefault("Permissions-Policy", settings.PERMISSIONS_POLICY)
        return super().process_response(request, response)


class StylesWithNonce:
    """Middleware that adds the nonce to the one style that unfold writes into its pages: the theme's colours."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        response = self.get_response(request)
        if not response.streaming and is_page(response) and _COLOURS in response.content:
            nonce = str(request.csp_nonce).encode()  # type: ignore[attr-defined]  # set by django-csp
            marked = _COLOURS.replace(b"<style ", b'<style nonce="' + nonce + b'" ')
            response.content = response.content.replace(_COLOURS, marked, 1)
        return response


def is_page(response: HttpResponseBase) -> bool:
    """Return whether the answer is HTML."""
    return response.headers.get("Content-Type", "").startswith("text/html")
