"""Endpoints and deliveries as the API shows them."""

from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from orders.http.bodies import StrictSerializer
from orders.http.i18n import translate, translate_stored
from projections.customer.public_events import PUBLIC_TYPES
from projections.staff.events_api import ShopEventSerializer
from projections.webhooks import addresses
from projections.webhooks.circuit import Circuit, circuit_of
from projections.webhooks.models import DeliveryStatus, WebhookDelivery, WebhookEndpoint
from projections.webhooks.planning import MESSAGE_TYPES

MAX_TYPES = 100  # event types of one endpoint

_ID, _EVENT = "0192f3a4-7777-7000-8000-000000000001", "0192f3a4-5b6c-7d8e-9f00-112233445566"
EXAMPLE_ENDPOINT = {
    "id": _ID,
    "url": "https://example.com/hooks/ordersite",
    "description": "Our ERP",
    "event_types": ["order.paid", "order.shipped"],
    "created_at": "2031-03-31T10:00:00Z",
    "disabled_at": None,
    "disabled_reason": "",
    "circuit": "closed",
    "resting_until": None,
    "previous_secrets_until": None,
}
EXAMPLE_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="  # noqa: S105 - an example
EXAMPLE_DELIVERY = {
    "event_id": _EVENT,
    "type": "order.paid",
    "status": "pending",
    "attempts": [{"at": "2031-03-31T10:15:01Z", "status": 503, "problem": ""}],
    "next_attempt_at": "2031-03-31T10:15:06Z",
    "created_at": "2031-03-31T10:15:00Z",
    "finished_at": None,
}


@extend_schema_field({"type": "string", "enum": [*PUBLIC_TYPES]})
class EventTypeField(serializers.CharField):
    """The type of an event that customers see."""


class NewWebhookEndpointSerializer(StrictSerializer):
    """A new endpoint. Unknown fields are refused."""

    url = serializers.CharField(
        max_length=addresses.LONGEST, help_text="An https URL on the public internet. Redirects are not followed."
    )
    description = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    event_types = serializers.ListField(
        child=EventTypeField(),
        max_length=MAX_TYPES,
        required=False,
        default=list,
        help_text="The event types to send, such as `order.paid`. Empty: all types, including those of later releases.",
    )

    def validate_url(self, url: str) -> str:
        """Refuse URLs that must not be called."""
        try:
            addresses.require_allowed(url)
        except addresses.AddressRefused as error:
            raise ValidationError(error.message_in(gettext), code=error.code) from error
        return url

    def validate_event_types(self, names: list[str]) -> list[str]:
        """Refuse unknown event types; return the others sorted, each once."""
        known = PUBLIC_TYPES
        if unknown := sorted(set(names) - set(known)):
            raise ValidationError(
                translate(
                    "There is no event {unknown}; there are {known}.",
                    unknown=", ".join(unknown),
                    known=", ".join(known),
                )
            )
        return sorted(set(names))


class MessageEventSerializer(serializers.Serializer[Any]):
    """The event of a message: as in the list of events, or, for `webhook.test`, one of no order."""

    id = serializers.UUIDField(help_text="The id of the event, the same as `webhook-id`.")
    type = serializers.ChoiceField(choices=MESSAGE_TYPES, help_text="The type of the event, or `webhook.test`.")
    order_id = serializers.UUIDField(help_text="The order's id; for `webhook.test` the id of no order.")
    version = serializers.IntegerField(help_text="The order's version after the event.")
    occurred_at = serializers.DateTimeField()
    words = serializers.CharField(help_text="The event as text to show to a person.")


class StoredTextField(serializers.CharField):
    """A text that was stored in English, shown in the language of the request."""

    def to_representation(self, value: str) -> str:
        """Return the text in the language of the request."""
        return translate_stored(value)


class WebhookEndpointSerializer(serializers.ModelSerializer[WebhookEndpoint]):
    """An endpoint that receives your events. A disabled endpoint receives none; `disabled_reason` says why."""

    event_types = serializers.ListField(child=EventTypeField())
    disabled_reason = StoredTextField(read_only=True)
    circuit = serializers.SerializerMethodField()
    previous_secrets_until = serializers.SerializerMethodField()

    class Meta:
        model = WebhookEndpoint
        fields = (
            *("id", "url", "description", "event_types", "created_at", "disabled_at", "disabled_reason"),
            *("circuit", "resting_until", "previous_secrets_until"),
        )
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(choices=Circuit.choices, read_only=True))
    def get_circuit(self, endpoint: WebhookEndpoint) -> Circuit:
        """Return the state of the circuit breaker."""
        return circuit_of(endpoint)

    @extend_schema_field({"type": "string", "format": "date-time", "nullable": True, "readOnly": True})
    def get_previous_secrets_until(self, endpoint: WebhookEndpoint) -> datetime | None:
        """Return until when replaced secrets sign too, if any does."""
        now = timezone.now()
        return max(
            (each.valid_until for each in endpoint.previous_secrets.all() if each.valid_until > now), default=None
        )


class CreatedWebhookEndpointSerializer(WebhookEndpointSerializer):
    """A new endpoint, with its secret."""

    secret = serializers.CharField(help_text="The key that signs the messages. It is shown only once.")

    class Meta:
        model = WebhookEndpoint
        fields = (*WebhookEndpointSerializer.Meta.fields, "secret")
        read_only_fields = fields


class WebhookMessageSerializer(serializers.Serializer[Any]):
    """A message to your endpoint. Its headers `webhook-id`, `webhook-timestamp` and `webhook-signature` sign it."""

    type = serializers.ChoiceField(choices=MESSAGE_TYPES, help_text="The type of the event, or `webhook.test`.")
    timestamp = serializers.DateTimeField(help_text="When the event happened.")
    data = MessageEventSerializer(  # type: ignore[assignment]  # DRF's name, our field
        help_text="The event, as in the list of events."
    )


class ShopMessageEventSerializer(ShopEventSerializer):
    """The event of a message: as in the list of events of all orders, or, for `webhook.test`, one of no order."""

    type = serializers.ChoiceField(choices=MESSAGE_TYPES, help_text="The type of the event, or `webhook.test`.")


class ShopMessageSerializer(serializers.Serializer[Any]):
    """A message to an endpoint of the shop. It is signed as those to customers. Personal data is always null."""

    type = serializers.ChoiceField(choices=MESSAGE_TYPES, help_text="The type of the event, or `webhook.test`.")
    timestamp = serializers.DateTimeField(help_text="When the event happened.")
    data = ShopMessageEventSerializer(  # type: ignore[assignment]  # DRF's name, our field
        help_text="The event, as in the list of events of all orders."
    )


class WebhookEndpointsSerializer(serializers.Serializer[Any]):
    """All endpoints of a customer."""

    results = WebhookEndpointSerializer(many=True)


class WebhookAttemptSerializer(serializers.Serializer[Any]):
    """One attempt to send a message."""

    at = serializers.DateTimeField()
    status = serializers.IntegerField(
        allow_null=True, help_text="The HTTP status of your server's answer; null if there was none."
    )
    problem = StoredTextField(help_text="Why there was no answer.")


class WebhookDeliverySerializer(serializers.ModelSerializer[WebhookDelivery]):
    """The delivery of one event to one endpoint."""

    event_id = serializers.UUIDField(help_text="Also the `webhook-id`, the same in every attempt.")
    type = serializers.ChoiceField(
        source="event_type", choices=MESSAGE_TYPES, help_text="The type of the event, or `webhook.test`."
    )
    attempts = WebhookAttemptSerializer(many=True)
    next_attempt_at = serializers.SerializerMethodField()

    class Meta:
        model = WebhookDelivery
        fields = ("event_id", "type", "status", "attempts", "next_attempt_at", "created_at", "finished_at")
        read_only_fields = fields

    @extend_schema_field({"type": "string", "format": "date-time", "nullable": True, "readOnly": True})
    def get_next_attempt_at(self, delivery: WebhookDelivery) -> datetime | None:
        """Return when a pending delivery is due."""
        return delivery.due_at if delivery.status == DeliveryStatus.PENDING else None
