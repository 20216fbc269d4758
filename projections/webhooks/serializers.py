"""What an endpoint and a delivery look like in the API."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from orders.http.i18n import translate, translate_stored
from projections.webhooks import addresses, deliveries
from projections.webhooks.models import DeliveryStatus, WebhookDelivery, WebhookEndpoint

TYPES_MOST = 100  # events that an endpoint may name

_ID, _EVENT = "0192f3a4-7777-7000-8000-000000000001", "0192f3a4-5b6c-7d8e-9f00-112233445566"
EXAMPLE_ENDPOINT = {
    "id": _ID,
    "url": "https://erp.example/hooks/ordersite",
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


class NewWebhookEndpointSerializer(serializers.Serializer[Any]):
    url = serializers.CharField(
        max_length=addresses.LONGEST, help_text="https, of the public internet; redirects are not followed."
    )
    description = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    event_types = serializers.ListField(
        child=serializers.CharField(max_length=100),
        max_length=TYPES_MOST,
        required=False,
        default=list,
        help_text="Which events are sent, such as `order.paid`; none named: all, also those of later releases.",
    )

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := sorted(set(data) - set(self.fields))):
            raise ValidationError(
                {name: [translate("There is no field '{name}' here.", name=name)] for name in unknown}
            )
        return super().to_internal_value(data)

    def validate_url(self, url: str) -> str:
        try:
            addresses.require_allowed(url)
        except addresses.AddressRefused as error:
            raise ValidationError(error.message_in(gettext), code=error.code) from error
        return url

    def validate_event_types(self, names: list[str]) -> list[str]:
        known = deliveries.public_types()
        if unknown := sorted(set(names) - set(known)):
            raise ValidationError(
                translate(
                    "There is no event {unknown}; there are {known}.",
                    unknown=", ".join(unknown),
                    known=", ".join(known),
                )
            )
        return sorted(set(names))


class NotedField(serializers.CharField):
    """Words that were noted in English, in the language of whoever reads them."""

    def to_representation(self, value: str) -> str:
        return translate_stored(value)


class WebhookEndpointSerializer(serializers.ModelSerializer[WebhookEndpoint]):
    """Where events are sent. One that is disabled gets none any more; the reason says why."""

    event_types = serializers.ListField(child=serializers.CharField())
    disabled_reason = NotedField(read_only=True)

    class Meta:
        model = WebhookEndpoint
        fields = ("id", "url", "description", "event_types", "created_at", "disabled_at", "disabled_reason")
        read_only_fields = fields


class CreatedWebhookEndpointSerializer(WebhookEndpointSerializer):
    """The answer to a new one."""

    secret = serializers.CharField(help_text="What messages are signed with. It is shown only here.")

    class Meta:
        model = WebhookEndpoint
        fields = (*WebhookEndpointSerializer.Meta.fields, "secret")
        read_only_fields = fields


class WebhookEndpointsSerializer(serializers.Serializer[Any]):
    results = WebhookEndpointSerializer(many=True)


class WebhookAttemptSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    status = serializers.IntegerField(allow_null=True, help_text="What your server answered; null: nothing.")
    problem = NotedField(help_text="Why it answered nothing.")


class WebhookDeliverySerializer(serializers.ModelSerializer[WebhookDelivery]):
    """One event for one endpoint."""

    event_id = serializers.UUIDField(help_text="Also the `webhook-id`, the same in every attempt.")
    type = serializers.CharField(source="event_type")
    attempts = WebhookAttemptSerializer(many=True)
    next_attempt_at = serializers.SerializerMethodField()

    class Meta:
        model = WebhookDelivery
        fields = ("event_id", "type", "status", "attempts", "next_attempt_at", "created_at", "finished_at")
        read_only_fields = fields

    def get_next_attempt_at(self, delivery: WebhookDelivery) -> datetime | None:
        return delivery.due_at if delivery.status == DeliveryStatus.PENDING else None
