"""Serve the API's description. Anyone may read it, so it is made once, not for each request."""

from functools import cache
from hashlib import blake2b
from threading import Lock
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.urls import get_script_prefix
from django.utils import translation
from django.utils.cache import get_conditional_response, patch_vary_headers
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer
from drf_spectacular.settings import spectacular_settings
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request

_making = Lock()


class Description(SpectacularAPIView):
    """`/schema`: the API's description as YAML or JSON, in the language of the request or of the parameter `lang`."""

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        """Return the description; 304 if `If-None-Match` names it."""
        language = request.query_params.get("lang")
        if language not in dict(settings.LANGUAGES):
            language = translation.get_language()
        is_json = isinstance(request.accepted_renderer, OpenApiJsonRenderer)
        body, etag = _description(language, is_json, get_script_prefix())
        name = f"{spectacular_settings.TITLE}.{'json' if is_json else 'yaml'}"
        headers = {"ETag": etag, "Content-Disposition": f'inline; filename="{name}"'}
        kind = request.accepted_renderer.media_type + ("" if is_json else "; charset=utf-8")
        full = HttpResponse(body, content_type=kind, headers=headers)
        patch_vary_headers(full, ("Accept", "Accept-Language"))
        return get_conditional_response(request._request, etag=etag, response=full)


def _description(language: str, is_json: bool, prefix: str) -> tuple[bytes, str]:
    """Return the encoded description and its ETag. Requests at the same time wait for one that makes it."""
    with _making:
        return _make(language, is_json, prefix)


@cache
def _make(language: str, is_json: bool, prefix: str) -> tuple[bytes, str]:
    """Make the description for a language and for a site below the path `prefix`. There are few of either."""
    renderer = OpenApiJsonRenderer() if is_json else OpenApiYamlRenderer()
    generator = spectacular_settings.DEFAULT_GENERATOR_CLASS()
    with translation.override(language):
        body = renderer.render(generator.get_schema(request=None, public=True), renderer_context={})
    return body, f'"{blake2b(body, digest_size=12).hexdigest()}"'
