"""Django's handler of WSGI requests, with requests that are always read as UTF-8."""

from typing import Any

from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.utils.http import parse_header_parameters


class Utf8Request(WSGIRequest):
    """A request that is always read as UTF-8. `RequestSizes` refuses a Content-Type with another charset.

    Django reads the query in the stated charset while it makes the request, before any handler of errors. With some
    charsets that fails, with others it takes quadratic time.
    """

    def _set_content_type_params(self, meta: Any) -> None:
        self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))


class Handler(WSGIHandler):
    """Django's handler, with our requests."""

    request_class = Utf8Request
