"""A customer's events in the API: as pages, and as a stream of server-sent events."""

from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from orders.http.request import customer_of
from projections.customer import public_events
from projections.customer.public_events import CustomerEvents
from projections.event_feed.views import (
    LIST_PARAMS,
    STREAM_PARAMS,
    ListEvents,
    PageOfEvents,
    StreamEvents,
    examples_of,
    stream_examples_of,
    streamed,
)

_EXAMPLE = {
    "id": "0192f3a4-5b6c-7d8e-9f00-112233445566",
    "type": "order.paid",
    "order_id": "0192f3a4-0000-7000-8000-000000000001",
    "version": 2,
    "occurred_at": "2031-03-31T10:15:00Z",
    "words": "You paid 19.90 GBP by card.",
}


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


class EventPageSerializer(PageOfEvents):
    """A page of events, oldest first."""

    results = PublicEventSerializer(many=True)


class ListOwnEvents(ListEvents):
    """The pages of a customer's events."""

    def source(self, request: Request) -> CustomerEvents:
        """Return the customer's events. Raises PermissionDenied for a user who is not a customer."""
        return CustomerEvents(customer_of(request))

    @extend_schema(
        operation_id="event_list",
        tags=["events"],
        parameters=LIST_PARAMS,
        responses={200: EventPageSerializer},
        examples=examples_of(_EXAMPLE, "events"),
    )
    def get(self, request: Request) -> Response:
        """List the events of your orders, oldest first. No event is left out.

        Store `next` and request it whenever you like: it continues after the last event of this page. Without `after`
        the list starts with the oldest event that is available.
        """
        return self.answer(request)


class StreamOwnEvents(StreamEvents):
    """The stream of a customer's events."""

    def source(self, request: Request) -> CustomerEvents:
        """Return the customer's events. Raises PermissionDenied for a user who is not a customer."""
        return CustomerEvents(customer_of(request))

    @extend_schema(
        operation_id="event_stream",
        tags=["events"],
        parameters=STREAM_PARAMS,
        responses=streamed(PublicEventSerializer),
        examples=stream_examples_of(_EXAMPLE),
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Receive the events of your orders as they happen.

        The server ends the stream after about a minute. Reconnect after `retry` milliseconds with the last `id` as
        `Last-Event-ID`: no event is lost or sent twice. Without a cursor the stream starts with the next event. Lines
        that begin with a colon only keep the connection alive. If too many streams are open (429), use the list.
        """
        return self.answer(request)
