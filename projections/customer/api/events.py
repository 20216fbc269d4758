"""A customer's events in the API: as pages, and as a stream of server-sent events."""

from typing import Any
from uuid import UUID

import msgspec
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import APIException
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from orders.http.request import customer_of, query_of
from projections.customer import public_events
from projections.customer.api import streaming
from projections.reading.query_params import read_limit

EVENT_STREAM = "text/event-stream"
DEFAULT_LIMIT, MAX_LIMIT = 50, 100  # events on a page

_ID = "0192f3a4-5b6c-7d8e-9f00-112233445566"
_EXAMPLE = {
    "id": _ID,
    "type": "order.paid",
    "order_id": "0192f3a4-0000-7000-8000-000000000001",
    "version": 2,
    "occurred_at": "2031-03-31T10:15:00Z",
    "words": "You paid 19.90 GBP by card.",
}
_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
AFTER = OpenApiParameter(
    "after",
    {"type": "string", "pattern": f"^(start|{_UUID})$"},
    description="Only events after this one: its `id`, unchanged. `start`: from the oldest event that is available.",
)


class PublicEventSerializer(serializers.Serializer[Any]):
    """An event of one of your orders."""

    id = serializers.UUIDField(help_text="Also the cursor: send it as `after` to get later events.")
    type = serializers.ChoiceField(
        choices=public_events.PUBLIC_TYPES,
        help_text="The type of the event, for programs. Expect types that you do not know.",
    )
    order_id = serializers.UUIDField()
    version = serializers.IntegerField(
        help_text="The order's version after the event: `GET /orders/{order_id}?version=` shows the order at it."
    )
    occurred_at = serializers.DateTimeField()
    words = serializers.CharField(help_text="The event as text to show to a person.")


class EventPageSerializer(serializers.Serializer[Any]):
    """A page of events, oldest first."""

    results = PublicEventSerializer(many=True)
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
    """Events after the cursor are no longer available, or the cursor is not this customer's."""

    status_code = status.HTTP_410_GONE
    default_code = "cursor_expired"


class TooManyStreams(APIException):
    """No further stream can be opened now."""

    status_code = status.HTTP_429_TOO_MANY_REQUESTS
    default_code = "too_many_streams"
    wait = 5  # seconds; DRF sends it as Retry-After


_EXPIRED = "`cursor_expired`: events after this cursor are no longer available. Start again without a cursor."


class ListOwnEvents(APIView):
    """The pages of a customer's events."""

    problems = {"GET": {"410": _EXPIRED}}

    @extend_schema(
        operation_id="event_list",
        tags=["events"],
        parameters=[
            AFTER,
            OpenApiParameter(
                "limit",
                {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
                description="The number of entries on a page.",
            ),
        ],
        responses={200: EventPageSerializer},
        examples=[
            OpenApiExample(
                "A page",
                {"results": [_EXAMPLE], "has_more": False, "next": f"https://shop.example/api/v1/events?after={_ID}"},
                response_only=True,
                status_codes=["200"],
            )
        ],
    )
    def get(self, request: Request) -> Response:
        """List the events of your orders, oldest first. No event is left out.

        Store `next` and request it whenever you like: it continues after the last event of this page. Without `after`
        the list starts with the oldest event that is available.
        """
        customer_id, params = customer_of(request), query_of(request, ("after", "limit"))
        limit = read_limit(params, default=DEFAULT_LIMIT, most=MAX_LIMIT)
        cursor = params.get("after", public_events.START)
        page = public_events.own_events(customer_id, after=_position(customer_id, cursor), limit=limit)
        if page.events:
            cursor = str(page.events[-1].id)
        next_url = f"{request.build_absolute_uri(request.path)}?after={cursor}&limit={limit}"
        body = {"results": msgspec.to_builtins(page.events), "has_more": page.has_more, "next": next_url}
        return Response(body, headers={"Cache-Control": "private, no-store"})


class EventStreamRenderer(JSONRenderer):
    """Accept `text/event-stream` in the Accept header; errors are still answered in JSON."""

    media_type = EVENT_STREAM
    format = "event-stream"


class StreamOwnEvents(APIView):
    """The stream of a customer's events."""

    http_method_names = ["get", "options"]  # HEAD would open a stream
    renderer_classes = (EventStreamRenderer, JSONRenderer)
    problems = {
        "GET": {"410": _EXPIRED, "429": "Too many streams are open, on this server or by you; see `Retry-After`."}
    }

    @extend_schema(
        operation_id="event_stream",
        tags=["events"],
        parameters=[
            OpenApiParameter(
                "Last-Event-ID",
                {"type": "string", "pattern": f"^(|start|{_UUID})$"},
                OpenApiParameter.HEADER,
                description="The `id` of the last event that you received. The stream starts with the event after it."
                " Overrides `after`.",
            ),
            AFTER,
            OpenApiParameter("format", exclude=True),
        ],
        responses={
            (200, EVENT_STREAM): OpenApiResponse(
                PublicEventSerializer,
                description="Server-sent events, for about a minute. The `data` of each is this object, its `id` the id"
                " of the event, and its `event` the type.",
            )
        },
        examples=[
            OpenApiExample(
                "An event",
                _EXAMPLE,
                response_only=True,
                media_type=EVENT_STREAM,
                status_codes=["200"],
            )
        ],
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Receive the events of your orders as they happen.

        The server ends the stream after about a minute. Reconnect after `retry` milliseconds with the last `id` as
        `Last-Event-ID`: no event is lost or sent twice. Without a cursor the stream starts with the next event. Lines
        that begin with a colon only keep the connection alive. If too many streams are open (429), use the list.
        """
        customer_id, params = customer_of(request), query_of(request, ("after",))
        sent_cursor = request.headers.get("Last-Event-ID") or params.get("after")
        if sent_cursor is not None:
            cursor, position = sent_cursor, _position(customer_id, sent_cursor)
        else:
            cursor, position = public_events.newest(customer_id)
        try:
            slot = streaming.take_slot(customer_id)
        except streaming.NoFreeSlot as error:
            raise TooManyStreams(str(error)) from error
        stream = streaming.Stream(slot, cursor=cursor, position=position)
        response = StreamingHttpResponse(stream, content_type=EVENT_STREAM)
        response["Cache-Control"] = "private, no-store"
        response["X-Accel-Buffering"] = "no"  # a proxy must not collect events before it sends them on
        return response


def _position(customer_id: UUID, cursor: str) -> int:
    """Return the position of a cursor. Raises the API's own CursorMalformed, CursorExpired."""
    try:
        return public_events.position_of(customer_id, cursor)
    except public_events.CursorMalformed as error:
        raise CursorMalformed(str(error)) from error
    except public_events.CursorExpired as error:
        raise CursorExpired(str(error)) from error
