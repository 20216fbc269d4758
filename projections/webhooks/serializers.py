"""Endpoints and deliveries as the API shows them."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from orders.http.bodies import StrictSerializer
from orders.http.i18n import translate, translate_stored
from projections.webhooks import addresses
from projections.webhooks.models import DeliveryStatus, WebhookDelivery, WebhookEndpoint
from projections.webhooks.planning import public_types

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
}
EXAMPLE_DELIVERY = {
    "event_id": _EVENT,
    "type": "order.paid",
    "status": "pending",
    "attempts": [{"at": "2031-03-31T10:15:01Z", "status": 503, "problem": ""}],
    "next_attempt_at": "2031-03-31T10:15:06Z",
    "created_at": "2031-03-31T10:15:00Z",
    "finished_at": None,
}


class NewWebhookEndpointSerializer(StrictSerializer):
    """A new endpoint. Unknown fields are refused."""

    url = serializers.CharField(
        max_length=addresses.LONGEST, help_text="An https URL on the public internet. Redirects are not followed."
    )
    description = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    event_types = serializers.ListField(
        child=serializers.CharField(max_length=100),
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
        known = public_types()
        if unknown := sorted(set(names) - set(known)):
            raise ValidationError(
                translate(
                    "There is no event {unknown}; there are {known}.",
                    unknown=", ".join(unknown),
                    known=", ".join(known),
                )
            )
        return sorted(set(names))


class StoredTextField(serializers.CharField):
    """A text that was stored in English, shown in the language of the request."""

    def to_representation(self, value: str) -> str:
        """Return the text in the language of the request."""
        return translate_stored(value)


class WebhookEndpointSerializer(serializers.ModelSerializer[WebhookEndpoint]):
    """An endpoint that receives your events. A disabled endpoint receives none; `disabled_reason` says why."""

    event_types = serializers.ListField(child=serializers.CharField())
    disabled_reason = StoredTextField(read_only=True)

    class Meta:
        model = WebhookEndpoint
        fields = ("id", "url", "description", "event_types", "created_at", "disabled_at", "disabled_reason")
        read_only_fields = fields


class CreatedWebhookEndpointSerializer(WebhookEndpointSerializer):
    """A new endpoint, with its secret."""

    secret = serializers.CharField(help_text="The key that signs the messages. It is shown only once.")

    class Meta:
        model = WebhookEndpoint
        fields = (*WebhookEndpointSerializer.Meta.fields, "secret")
        read_only_fields = fields


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
    type = serializers.CharField(source="event_type")
    attempts = WebhookAttemptSerializer(many=True)
    next_attempt_at = serializers.SerializerMethodField()

    class Meta:
        model = WebhookDelivery
        fields = ("event_id", "type", "status", "attempts", "next_attempt_at", "created_at", "finished_at")
        read_only_fields = fields

    def get_next_attempt_at(self, delivery: WebhookDelivery) -> datetime | None:
        """Return when a pending delivery is due."""
        return delivery.due_at if delivery.status == DeliveryStatus.PENDING else None
