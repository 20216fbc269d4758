"""What customers' servers receive, for the API's description."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiCallback, OpenApiParameter, OpenApiResponse, extend_schema

from projections.webhooks.serializers import WebhookMessageSerializer

_RECEIVE: Any = extend_schema(
    operation_id="webhook_message",
    summary="Receive an event",
    description="What your server receives for each event. Any 2xx within ten seconds confirms it.",
    tags=["webhooks"],
    auth=[],
    parameters=[
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
    request=WebhookMessageSerializer,
    responses={
        "2XX": OpenApiResponse(description="The message was received."),
        "410": OpenApiResponse(description="Send no more messages: the endpoint is disabled."),
    },
)
MESSAGES = OpenApiCallback("event", "{$request.body#/url}", _RECEIVE)
"""What customers' servers receive."""
