"""The events of all orders in the API of the back office: as pages, and as a stream of server-sent events."""

from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from orders.http.access import FOLLOW_EVENTS, sees_personal_data
from orders.http.back_office_view import BackOfficeView
from projections.event_feed.views import (
    LIST_PARAMS,
    STREAM_PARAMS,
    ListEvents,
    PageOfEvents,
    ReadsEvents,
    StreamEvents,
    examples_of,
    stream_examples_of,
    streamed,
)
from projections.staff.shop_events import SHOP_TYPES, ShopEvents

EXAMPLE_EVENT = {
    "id": "0192f3a4-5b6c-7d8e-9f00-112233445566",
    "type": "order.held",
    "order_id": "0192f3a4-0000-7000-8000-000000000001",
    "version": 3,
    "occurred_at": "2031-03-31T10:15:00Z",
    "recorded_at": "2031-03-31T10:15:00.120000Z",
    "actor": "staff:anna",
    "words": "On hold: The address looks wrong",
    "data": {"order_id": "0192f3a4-0000-7000-8000-000000000001", "reason": "The address looks wrong"},
}


class ShopEventSerializer(serializers.Serializer[Any]):
    """An event of an order, with what is internal to the shop."""

    id = serializers.UUIDField(help_text="Also the cursor: send it as `after` to get later events.")
    type = serializers.ChoiceField(
        choices=SHOP_TYPES, help_text="The type of the event, for programs. Expect types that you do not know."
    )
    order_id = serializers.UUIDField()
    version = serializers.IntegerField(help_text="The order's version after the event.")
    occurred_at = serializers.DateTimeField()
    recorded_at = serializers.DateTimeField()
    actor = serializers.CharField(help_text="Who caused it: `staff:`, `service:` or `customer:` and a name or id.")
    words = serializers.CharField(help_text="The event in English, as staff read it in the admin.")
    data = serializers.DictField(  # type: ignore[assignment]  # DRF's name, our field
        child=serializers.JSONField(),
        help_text="What the event says, by field; amounts are text. Personal data is null without the permission"
        " `read_personal_data`. Expect fields that you do not know.",
    )


class ShopEventPageSerializer(PageOfEvents):
    """A page of events of all orders, oldest first."""

    results = ShopEventSerializer(many=True)


class _OfAllOrders(BackOfficeView, ReadsEvents):
    """A view of the events of all orders."""

    needs = {"GET": (FOLLOW_EVENTS,)}

    def source(self, request: Request) -> ShopEvents:
        """Return the events of all orders, as this user may see them."""
        return ShopEvents(f"user:{request.user.pk}", personal_data=sees_personal_data(request.user))


class ListShopEvents(_OfAllOrders, ListEvents):
    """The pages of the events of all orders."""

    @extend_schema(
        operation_id="back_office_event_list",
        tags=["back office"],
        parameters=LIST_PARAMS,
        responses={200: ShopEventPageSerializer},
        examples=examples_of(EXAMPLE_EVENT, "back-office/events"),
    )
    def get(self, request: Request) -> Response:
        """List the events of all orders, oldest first. No event is left out.

        Store `next` and request it whenever you like: it continues after the last event of this page. Without `after`
        the list starts with the first event of the shop. A cursor never expires.
        """
        return self.answer(request)


class StreamShopEvents(_OfAllOrders, StreamEvents):
    """The stream of the events of all orders."""

    @extend_schema(
        operation_id="back_office_event_stream",
        tags=["back office"],
        parameters=STREAM_PARAMS,
        responses=streamed(ShopEventSerializer),
        examples=stream_examples_of(EXAMPLE_EVENT),
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Receive the events of all orders as they happen.

        The server ends the stream after about a minute. Reconnect after `retry` milliseconds with the last `id` as
        `Last-Event-ID`: no event is lost or sent twice. Without a cursor the stream starts with the next event.
        """
        return self.answer(request)
