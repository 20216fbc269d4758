"""Where static files are: below the path at which this request reached the site."""

from django.conf import settings
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.urls import get_script_prefix
from whitenoise.storage import CompressedManifestStaticFilesStorage

PREFIX = "static/"


class _BelowScriptPrefix:
    """Django computes the URL of static files once, before it knows the path below which it serves requests."""

    @property
    def base_url(self) -> str:
        """Return STATIC_URL if it names another host, else the site's own path."""
        return settings.STATIC_URL if "//" in settings.STATIC_URL else f"{get_script_prefix()}{PREFIX}"


class StaticFiles(_BelowScriptPrefix, StaticFilesStorage):
    """Static files under their own names."""


class HashedStaticFiles(_BelowScriptPrefix, CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # untyped
    """Static files under names with a hash of their content, which browsers may keep for ever."""
