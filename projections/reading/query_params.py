"""Query parameters and pages that the reading side of every API shares."""

from datetime import MAXYEAR, MINYEAR, datetime
from typing import Any, ClassVar

from django.http import QueryDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from orders.http.i18n import translate

VERSION_SCHEMA = {"type": "integer", "minimum": 0, "maximum": 999_999_999}


MIN_VERSION = OpenApiParameter(
    "min_version",
    VERSION_SCHEMA,
    description="Wait until this version is visible: what a command answered. 503 if that takes too long.",
)


VERSION_SHOWN = OpenApiParameter(
    "ETag",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    response=[200],
    description="The version that is shown, to send as `If-Match` with a command.",
)


class Pages(CursorPagination):
    """Pages of what a customer has much of: the next and the one before by whole addresses, nothing counted."""

    page_size = 20
    page_size_query_param = "limit"
    max_page_size = 100
    example: ClassVar[str]
    """The address of such a page, as the API's description shows it."""

    def get_page_size(self, request: Request) -> int:
        """Raises ValidationError."""
        given = request.query_params.get("limit", str(self.page_size))
        if not given.isdecimal() or not 1 <= int(given[:9]) <= self.max_page_size:
            words = translate("It is a number from 1 to {most}.", most=self.max_page_size)
            raise ValidationError({"limit": [words]})
        return int(given)

    def decode_cursor(self, request: Request) -> Any:
        """Raises ValidationError."""
        try:
            cursor = super().decode_cursor(request)
            if cursor and cursor.position is not None and not self.is_position(str(cursor.position)):
                raise NotFound  # anybody can make one up, and the database does not take everything
        except NotFound as error:
            words = translate("This is no cursor of an answer: begin without one.")
            raise ValidationError({"cursor": [words]}) from error
        return cursor

    def is_position(self, position: str) -> bool:
        """Whether a cursor may say so: the first of `ordering`, here a moment, of the last that a page showed."""
        try:
            moment = datetime.fromisoformat(position)
        except ValueError:
            return False
        return moment.tzinfo is not None and MINYEAR < moment.year < MAXYEAR

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self.get_next_link(), "prev": self.get_previous_link(), "results": data})

    def get_paginated_response_schema(self, schema: Any) -> dict[str, Any]:
        link = {"type": "string", "format": "uri", "nullable": True}
        there = link | {"example": f"https://shop.example/api/v1/{self.example}?cursor=cD00ODY%3D"}
        properties = {"next": there, "prev": link | {"example": None}, "results": schema}
        return {"type": "object", "required": list(properties), "properties": properties}

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        limit = {"type": "integer", "minimum": 1, "maximum": self.max_page_size, "default": self.page_size}
        return [
            query_param("cursor", {"type": "string"}, "Where to go on: take the whole of `next` or `prev`."),
            query_param("limit", limit, "How many at once."),
        ]


def query_param(name: str, schema: dict[str, Any], words: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": words, "schema": schema}


def read_version(asked: QueryDict, name: str) -> int | None:
    given = asked.get(name)
    if given is None:
        return None
    if not given.isdecimal() or len(given) > 9:
        raise ValidationError({name: [translate("A version is a whole number, such as 3.")]})
    return int(given)
