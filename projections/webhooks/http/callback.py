"""What customers' servers receive, for the API's description."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiCallback, OpenApiParameter, OpenApiResponse, extend_schema

from projections.webhooks.http.serializers import ShopMessageSerializer, WebhookMessageSerializer

_DESCRIBED: dict[str, Any] = {
    "summary": "Receive an event",
    "description": "What your server receives for each event. Any 2xx within ten seconds confirms it.",
    "tags": ["webhooks"],
    "auth": [],
    "parameters": [
        OpenApiParameter(
            "webhook-id",
            OpenApiTypes.UUID,
            OpenApiParameter.HEADER,
            required=True,
            description="The id of the event, the same in every attempt.",
        ),
        OpenApiParameter(
            "webhook-timestamp",
            OpenApiTypes.INT,
            OpenApiParameter.HEADER,
            required=True,
            description="The time of the attempt, in seconds since 1970.",
        ),
        OpenApiParameter(
            "webhook-signature",
            OpenApiTypes.STR,
            OpenApiParameter.HEADER,
            required=True,
            description="The signatures of this message, `v1,…`, separated by spaces.",
        ),
    ],
    "responses": {
        "2XX": OpenApiResponse(description="The message was received."),
        "410": OpenApiResponse(description="Send no more messages: the endpoint is disabled."),
    },
}
_OF_CUSTOMER: Any = extend_schema(operation_id="webhook_message", request=WebhookMessageSerializer, **_DESCRIBED)
_OF_SHOP: Any = extend_schema(operation_id="shop_webhook_message", request=ShopMessageSerializer, **_DESCRIBED)
MESSAGES = OpenApiCallback("event", "{$request.body#/url}", _OF_CUSTOMER)
"""What customers' servers receive."""
SHOP_MESSAGES = OpenApiCallback("event", "{$request.body#/url}", _OF_SHOP)
"""What the shop's own programs receive."""
