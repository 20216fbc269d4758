"""The views of events in the API: pages, and a stream of server-sent events."""

from functools import partial
from typing import Any, ClassVar

import msgspec
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework import serializers, status
from rest_framework.exceptions import APIException
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from orders.http.client_address import address_of
from orders.http.request import query_of
from projections.event_feed import source as feed
from projections.event_feed import streaming
from projections.event_feed.source import START, EventSource
from projections.reading.query_params import read_limit

EVENT_STREAM = "text/event-stream"
DEFAULT_LIMIT, MAX_LIMIT = 50, 100  # events on a page

_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
AFTER = OpenApiParameter(
    "after",
    {"type": "string", "pattern": f"^(start|{_UUID})$"},
    description="Only events after this one: its `id`, unchanged. `start`: from the oldest event that is available.",
)


class PageOfEvents(serializers.Serializer[Any]):
    """A page of events, oldest first. A subclass adds the `results`."""

    has_more = serializers.BooleanField(
        help_text="Whether later events exist already. If not, request `next` again later."
    )
    next = serializers.URLField(
        help_text="The URL of the events after this page. It stays valid, so you can request it again later."
    )


class CursorMalformed(APIException):
    """The cursor is not an event id."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "cursor_malformed"


class CursorExpired(APIException):
    """Events after the cursor are no longer available, or the cursor is not one of this reader."""

    status_code = status.HTTP_410_GONE
    default_code = "cursor_expired"


class TooManyStreams(APIException):
    """No further stream can be opened now."""

    status_code = status.HTTP_429_TOO_MANY_REQUESTS
    default_code = "too_many_streams"
    wait = 5  # seconds; DRF sends it as Retry-After


_EXPIRED = "`cursor_expired`: events after this cursor are no longer available. Start again without a cursor."


STREAM_PARAMS = [
    OpenApiParameter(
        "Last-Event-ID",
        {"type": "string", "pattern": f"^(|start|{_UUID})$"},
        OpenApiParameter.HEADER,
        description="The `id` of the last event that you received. The stream starts with the event after it."
        " Overrides `after`.",
    ),
    AFTER,
    OpenApiParameter("format", exclude=True),
]
"""The parameters of a stream."""
LIST_PARAMS = [
    AFTER,
    OpenApiParameter(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
        description="The number of entries on a page.",
    ),
]
"""The parameters of a list."""


class ReadsEvents(APIView):
    """A view that reads events from the source of its audience."""

    def source(self, request: Request) -> EventSource:
        """Return the source of the events that this user may read. Raises what refuses other users."""
        raise NotImplementedError


class ListEvents(ReadsEvents):
    """The pages of events."""

    problems: ClassVar = {"GET": {"410": _EXPIRED}}

    def answer(self, request: Request) -> Response:
        """Return a page of events as the request asks for it."""
        source, params = self.source(request), query_of(request, ("after", "limit"))
        limit = read_limit(params, default=DEFAULT_LIMIT, most=MAX_LIMIT)
        cursor = params.get("after", START)
        page = source.read(after=_position(source, cursor), limit=limit)
        if page.events:
            cursor = str(page.events[-1].id)
        next_url = f"{request.build_absolute_uri(request.path)}?after={cursor}&limit={limit}"
        body = {"results": msgspec.to_builtins(page.events), "has_more": page.has_more, "next": next_url}
        return Response(body, headers={"Cache-Control": "private, no-store"})


class EventStreamRenderer(JSONRenderer):
    """Accept `text/event-stream` in the Accept header; errors are still answered in JSON."""

    media_type = EVENT_STREAM
    format = "event-stream"


class StreamEvents(ReadsEvents):
    """The stream of events."""

    http_method_names = ["get", "options"]  # HEAD would open a stream
    renderer_classes = (EventStreamRenderer, JSONRenderer)
    problems: ClassVar = {
        "GET": {"410": _EXPIRED, "429": "Too many streams are open, on this server or by you; see `Retry-After`."}
    }

    def answer(self, request: Request) -> HttpResponseBase:
        """Return the stream from the requested cursor on."""
        source, params = self.source(request), query_of(request, ("after",))
        sent_cursor = request.headers.get("Last-Event-ID") or params.get("after")
        if sent_cursor is not None:
            cursor, position = sent_cursor, _position(source, sent_cursor)
        else:
            cursor, position = source.newest()
        try:
            slot = streaming.take_slot(source.reader, address="" if source.of_shop else address_of(request))
        except streaming.NoFreeSlot as error:
            raise TooManyStreams(str(error)) from error
        stream = streaming.Stream(
            source, slot, cursor=cursor, position=position, is_allowed=partial(self.is_allowed, request)
        )
        response = StreamingHttpResponse(stream, content_type=EVENT_STREAM)
        response["Cache-Control"] = "private, no-store"
        response["X-Accel-Buffering"] = "no"  # a proxy must not collect events before it sends them on
        return response

    def is_allowed(self, request: Request) -> bool:
        """Return whether the token and the permissions of the request are still good enough to read on."""
        again = self.initialize_request(request._request)
        try:
            self.perform_authentication(again)
            self.check_permissions(again)
        except APIException:
            return False
        return True


def streamed(serializer: type[serializers.Serializer[Any]]) -> dict[tuple[int, str], OpenApiResponse]:
    """Return the description of a stream of these events."""
    text = "Server-sent events, for about a minute. The `data` of each is this object, its `id` the id of the event,"
    return {(200, EVENT_STREAM): OpenApiResponse(serializer, description=f"{text} and its `event` the type.")}


def examples_of(event: dict[str, Any], path: str) -> list[OpenApiExample]:
    """Return the example of a page with this event; `path` is that of the list."""
    page = {"results": [event], "has_more": False, "next": f"https://shop.example/api/v1/{path}?after={event['id']}"}
    return [OpenApiExample("A page", page, response_only=True, status_codes=["200"])]


def stream_examples_of(event: dict[str, Any]) -> list[OpenApiExample]:
    """Return the example of a stream with this event."""
    return [OpenApiExample("An event", event, response_only=True, media_type=EVENT_STREAM, status_codes=["200"])]


def _position(source: EventSource, cursor: str) -> int:
    """Return the position of a cursor. Raises the API's own CursorMalformed, CursorExpired."""
    try:
        return source.position_of(cursor)
    except feed.CursorMalformed as error:
        raise CursorMalformed(str(error)) from error
    except feed.CursorExpired as error:
        raise CursorExpired(str(error)) from error
