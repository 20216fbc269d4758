"""The answer to OPTIONS."""

from typing import Any

from django.urls import reverse
from rest_framework.metadata import BaseMetadata
from rest_framework.request import Request


class Methods(BaseMetadata):
    """List a URL's methods, as `Allow` does, and link to the schema, which describes their parameters."""

    def determine_metadata(self, request: Request, view: Any) -> dict[str, Any]:
        """Return the body of the answer to OPTIONS."""
        return {"methods": view.allowed_methods, "schema": reverse("schema")}
