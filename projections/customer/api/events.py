"""The feed of a customer's own events, page by page or as a stream."""

from typing import Any
from uuid import UUID

import msgspec
from django.http import QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from orders.http.i18n import translate
from orders.http.request import customer_of, query_of
from projections.customer import public_events
from projections.customer.api import streaming

EVENT_STREAM = "text/event-stream"
LIMIT, MOST = 50, 100  # events a page, unless asked otherwise, and at most

_ID = "0192f3a4-5b6c-7d8e-9f00-112233445566"
_EXAMPLE = {
    "id": _ID,
    "type": "order.paid",
    "order_id": "0192f3a4-0000-7000-8000-000000000001",
    "version": 2,
    "occurred_at": "2031-03-31T10:15:00Z",
    "words": "You paid 19.90 GBP by card.",
}
AFTER = OpenApiParameter(
    "after",
    OpenApiTypes.STR,
    description="Only what came after this event: its `id`, as it was given. `start` is before the oldest one held.",
)


class PublicEventSerializer(serializers.Serializer[Any]):
    """Something that happened to one of your orders."""

    id = serializers.UUIDField(help_text="Also the cursor: what comes `after` it.")
    type = serializers.CharField(help_text="What happened, to branch on. Expect types that you do not know.")
    order_id = serializers.UUIDField()
    version = serializers.IntegerField(
        help_text="The order's version after it: `GET /orders/{order_id}?version=` shows it so."
    )
    occurred_at = serializers.DateTimeField()
    words = serializers.CharField(help_text="What happened, to show.")


class EventPageSerializer(serializers.Serializer[Any]):
    results = PublicEventSerializer(many=True)
    has_more = serializers.BooleanField(help_text="Whether there is more already. If not, ask `next` again later.")
    next = serializers.URLField(help_text="What came after this page: now, or whenever you ask.")


class CursorMalformed(APIException):
    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "cursor_malformed"


class CursorExpired(APIException):
    status_code = status.HTTP_410_GONE
    default_code = "cursor_expired"


class TooManyStreams(APIException):
    status_code = status.HTTP_429_TOO_MANY_REQUESTS
    default_code = "too_many_streams"
    wait = 5  # seconds: DRF puts it into Retry-After


_EXPIRED = "`cursor_expired`: what came after this cursor is not held any more. Begin anew, without one."


class ListOwnEvents(APIView):
    problems = {"GET": {"410": _EXPIRED}}

    @extend_schema(
        operation_id="event_list",
        tags=["events"],
        parameters=[
            AFTER,
            OpenApiParameter("limit", {"type": "integer", "minimum": 1, "maximum": MOST, "default": LIMIT}),
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
        """List what happened to your orders, the oldest first, nothing left out.

        Keep `next`, and ask it whenever you like: it is where you left off. Without `after` it begins with the oldest
        event that is held.
        """
        customer_id, asked = customer_of(request), query_of(request, ("after", "limit"))
        limit, cursor = _limit(asked), asked.get("after", public_events.START)
        page = public_events.own_events(customer_id, after=_position(customer_id, cursor), limit=limit)
        if page.events:
            cursor = str(page.events[-1].id)
        onward = f"{request.build_absolute_uri(request.path)}?after={cursor}&limit={limit}"
        shown = {"results": msgspec.to_builtins(page.events), "has_more": page.more, "next": onward}
        return Response(shown, headers={"Cache-Control": "private, no-store"})


class EventStreamRenderer(JSONRenderer):
    """Lets a client ask for a stream; a problem is told in JSON all the same."""

    media_type = EVENT_STREAM
    format = "event-stream"


class StreamOwnEvents(APIView):
    http_method_names = ["get", "options"]  # HEAD would open a stream
    renderer_classes = (EventStreamRenderer, JSONRenderer)
    problems = {"GET": {"410": _EXPIRED, "429": "Too many streams are open, here or by you; see `Retry-After`."}}

    @extend_schema(
        operation_id="event_stream",
        tags=["events"],
        parameters=[
            OpenApiParameter(
                "Last-Event-ID",
                OpenApiTypes.STR,
                OpenApiParameter.HEADER,
                description="The `id` of the last event that you have: what came after it comes first. Counts before"
                " `after`.",
            ),
            AFTER,
            OpenApiParameter("format", exclude=True),
        ],
        responses={
            (200, EVENT_STREAM): OpenApiResponse(
                OpenApiTypes.STR,
                description="Server-sent events, for a minute or so. `data` is an event as in the list.",
            )
        },
        examples=[
            OpenApiExample(
                "An event",
                f"id: {_ID}\nevent: order.paid\ndata: {msgspec.json.encode(_EXAMPLE).decode()}\n\n",
                response_only=True,
                media_type=EVENT_STREAM,
                status_codes=["200"],
            )
        ],
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Be told what happens to your orders as it happens.

        The stream ends by itself: come back after `retry`, with the last `id` as `Last-Event-ID`, and nothing is lost
        or told twice. Without one it begins with what happens from now on. Lines that begin with a colon only say that
        it is alive. Where streams are full (429), read the list.
        """
        customer_id, asked = customer_of(request), query_of(request, ("after",))
        given = request.headers.get("Last-Event-ID") or asked.get("after")
        cursor, position = (given, _position(customer_id, given)) if given else public_events.newest(customer_id)
        try:
            seat = streaming.take_slot(customer_id)
        except streaming.NoFreeSlot as full:
            raise TooManyStreams(str(full)) from full
        answer = StreamingHttpResponse(
            streaming.Stream(seat, cursor=cursor, position=position), content_type=EVENT_STREAM
        )
        answer["Cache-Control"] = "private, no-store"
        answer["X-Accel-Buffering"] = "no"  # a proxy is to pass on each piece at once
        return answer


def _position(customer_id: UUID, cursor: str) -> int:
    try:
        return public_events.position_of(customer_id, cursor)
    except public_events.CursorMalformed as error:
        raise CursorMalformed(str(error)) from error
    except public_events.CursorExpired as error:
        raise CursorExpired(str(error)) from error


def _limit(asked: QueryDict) -> int:
    given = asked.get("limit", str(LIMIT))
    if not (given.isascii() and given.isdecimal() and len(given) < 4 and 1 <= int(given) <= MOST):
        raise ValidationError({"limit": [translate("A limit is a whole number from 1 to {most}.", most=MOST)]})
    return int(given)
