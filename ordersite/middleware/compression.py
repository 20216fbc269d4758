"""Compress pages and long JSON answers. docs/decisions/54-compression.md says what protects the secrets in them."""

from typing import Any

from django.http import HttpRequest
from django.middleware.gzip import GZipMiddleware
from django.utils.cache import patch_vary_headers

PAGES = ("text/html",)
JSON = ("application/json", "application/problem+json")
LONG_JSON = 1_000  # bytes; a shorter answer gains nothing, and those with a token are shorter


class Compression(GZipMiddleware):
    """Django's gzip with its random padding, for answers that are whole, and that no client compares by a strong ETag.

    An event stream must not be held back by a compressor. An order's ETag is sent back in If-Match, where a weak one,
    such as a compressed answer has, never matches. Orders from the cache do not come here at all.
    """

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        """Return the answer, compressed if that is safe and the client accepts it."""
        kind = response.get("Content-Type", "").partition(";")[0]
        if response.streaming or "ETag" in response:
            return response
        if kind not in PAGES and not (kind in JSON and len(response.content) >= LONG_JSON):
            return response
        patch_vary_headers(response, ("Accept-Encoding",))
        return super().process_response(request, response)
