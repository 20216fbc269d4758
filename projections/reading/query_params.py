"""Query parameters and pagination that the read endpoints of all APIs share."""

from datetime import MAXYEAR, MINYEAR, datetime
from typing import Any, ClassVar
from uuid import UUID

from django.http import QueryDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from eventstore.limits.numbers import parse_whole
from orders.http.i18n import translate

LARGEST_VERSION = 999_999_999
VERSION_SCHEMA = {"type": "integer", "minimum": 0, "maximum": LARGEST_VERSION}
MIN_VERSION = OpenApiParameter(
    "min_version",
    VERSION_SCHEMA,
    description="Wait until this version is visible. Take it from the answer to a command. 503 if that takes too long,"
    " and at once if the order has no such version.",
)


VERSION_SHOWN = OpenApiParameter(
    "ETag",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    response=[200],
    description="The version of the order in this answer. Send it as `If-Match` with a command.",
)


class Pages(CursorPagination):
    """Cursor pagination: an answer has the URLs of the next and the previous page, and no total."""

    page_size = 20
    page_size_query_param = "limit"
    max_page_size = 100
    example: ClassVar[str]
    """The path of the list, for the example in the API description."""

    def get_page_size(self, request: Request) -> int:
        """Return the parameter `limit`. Raises ValidationError."""
        return read_limit(request.query_params, default=self.page_size, most=self.max_page_size)

    def decode_cursor(self, request: Request) -> Any:
        """Return the decoded cursor. Raises ValidationError."""
        try:
            cursor = super().decode_cursor(request)
            if cursor and cursor.position is not None and not self.is_position(str(cursor.position)):
                raise NotFound  # a client can make up any cursor, and PostgreSQL would refuse some values
        except NotFound as error:
            message = translate("This cursor is not valid. Start without a cursor.")
            raise ValidationError({"cursor": [message]}) from error
        return cursor

    def is_position(self, position: str) -> bool:
        """Return whether a cursor may hold this value of the first column of `ordering`. Here the column is a time."""
        try:
            moment = datetime.fromisoformat(position)
        except ValueError:
            return False
        return moment.tzinfo is not None and MINYEAR < moment.year < MAXYEAR

    def end_early(self, kept: int) -> None:
        """Leave out all rows of the page but the first `kept` in the direction of reading. The link there goes on."""
        page = self.page or []
        if self.cursor and self.cursor.reverse:
            left_out, self.page = page[-kept - 1], page[-kept:]
            self.has_previous, self.previous_position = True, self._get_position_from_instance(left_out, self.ordering)
        else:
            left_out, self.page = page[kept], page[:kept]
            self.has_next, self.next_position = True, self._get_position_from_instance(left_out, self.ordering)
        self.page_size = kept  # the links count rows of the same position by it

    def get_paginated_response(self, data: Any) -> Response:
        """Return a page with the URLs of its neighbours."""
        return Response({"next": self.get_next_link(), "prev": self.get_previous_link(), "results": data})

    def get_paginated_response_schema(self, schema: Any) -> dict[str, Any]:
        """Return the OpenAPI schema of a page."""
        link = {"type": "string", "format": "uri", "nullable": True}
        next_link = link | {"example": f"https://shop.example/api/v1/{self.example}?cursor=cD00ODY%3D"}
        properties = {"next": next_link, "prev": link | {"example": None}, "results": schema}
        return {"type": "object", "required": list(properties), "properties": properties}

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """Return the OpenAPI parameters of a page."""
        limit = {"type": "integer", "minimum": 1, "maximum": self.max_page_size, "default": self.page_size}
        return [
            query_param("cursor", {"type": "string"}, "The place to go on from. Use the URLs in `next` and `prev`."),
            query_param("limit", limit, "The number of entries on a page."),
        ]


def query_param(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    """Return an optional query parameter as OpenAPI describes it."""
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


def read_version(query: QueryDict, name: str) -> int | None:
    """Return the version in the parameter `name`, or None without one. Raises ValidationError."""
    text = query.get(name)
    if text is None:
        return None
    try:
        return parse_whole(text, most=LARGEST_VERSION)
    except ValueError as error:
        raise ValidationError({name: [translate("A version is a whole number, such as 3.")]}) from error


def read_id(query: QueryDict, name: str) -> UUID | None:
    """Return the id in the parameter `name`, or None without one. Raises ValidationError."""
    text = query.get(name)
    if text is None:
        return None
    try:
        found = UUID(text)
    except ValueError:
        found = None
    if str(found) != text.lower():  # UUID() also takes braces, spaces and underscores
        raise ValidationError({name: [translate("This is not an id. Send it unchanged.")]})
    return found


def read_limit(query: QueryDict, *, default: int, most: int) -> int:
    """Return the number of entries on a page, the parameter `limit`. Raises ValidationError."""
    text = query.get("limit", str(default))
    try:
        return parse_whole(text, least=1, most=most)
    except ValueError as error:
        message = translate("A limit is a whole number from 1 to {most}.", most=most)
        raise ValidationError({"limit": [message]}) from error
