"""The API of an endpoint's secrets: replace the current one, and end those that were replaced."""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from eventstore.errors import SubjectWasErased
from orders.http.bodies import StrictSerializer
from orders.http.i18n import translate_lazy
from orders.http.idempotency import OPTIONAL_KEY
from projections.webhooks.endpoints import end_previous_secrets
from projections.webhooks.http.owners import EndpointsView, begun_by, no_endpoint
from projections.webhooks.http.problems import SubjectErased
from projections.webhooks.http.serializers import (
    EXAMPLE_ENDPOINT,
    EXAMPLE_SECRET,
    CreatedWebhookEndpointSerializer,
    WebhookEndpointSerializer,
)
from projections.webhooks.models import WebhookEndpoint, WebhookPreviousSecret, new_secret

MAX_PREVIOUS = 2  # secrets that sign besides the current one
LONGEST_OVERLAP_SECONDS = 7 * 86_400
_NOT_FOUND = {"404": "You have no such endpoint."}


class TooManySecrets(APIException):
    """The endpoint has the maximum number of secrets that sign."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "too_many_secrets"
    default_detail = translate_lazy("earlier secrets of this endpoint sign still: end them first, or wait")


class NewSecretSerializer(StrictSerializer):
    """How to replace a secret."""

    overlap_seconds = serializers.IntegerField(
        required=False,
        default=86_400,
        min_value=0,
        max_value=LONGEST_OVERLAP_SECONDS,
        help_text="For how long the replaced secret signs too. 0: it ends at once.",
    )


class OwnSecret(EndpointsView):
    """The secret of an endpoint."""

    problems = {"POST": _NOT_FOUND | {"409": "`too_many_secrets`, or `subject_erased`."}}

    @extend_schema(
        operation_id="webhook_secret_replace",
        tags=["webhooks"],
        request=NewSecretSerializer,
        parameters=[OPTIONAL_KEY],
        responses={200: CreatedWebhookEndpointSerializer},
        examples=[
            OpenApiExample("A day for the change", {"overlap_seconds": 86_400}, request_only=True),
            OpenApiExample(
                "Replaced",
                EXAMPLE_ENDPOINT | {"previous_secrets_until": "2031-04-01T10:00:00Z", "secret": EXAMPLE_SECRET},
                response_only=True,
                status_codes=["200"],
            ),
        ],
    )
    def post(self, request: Request, endpoint_id: UUID) -> Response:
        """Replace the secret. Meanwhile each message has two signatures: of the new secret, and of the replaced one.

        Store the new `secret`, which is shown only here. Then end the replaced one, or let it end by itself.
        """
        serializer = NewSecretSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        replacement, headers = begun_by(request, f"webhook_secret/{endpoint_id}"), {"Cache-Control": "no-store"}
        with transaction.atomic():
            endpoint = self.own_endpoints(request).select_for_update().filter(pk=endpoint_id).first()
            if endpoint is None:
                raise no_endpoint(endpoint_id)
            try:
                if not _replace(endpoint, replacement, serializer.validated_data["overlap_seconds"]):
                    headers["Idempotency-Replayed"] = "true"
                secret = endpoint.reveal_secret()
            except SubjectWasErased as error:
                raise SubjectErased from error
        shown = WebhookEndpointSerializer(self.own_endpoint(request, endpoint_id)).data
        return Response(shown | {"secret": secret}, headers=headers)


def _replace(endpoint: WebhookEndpoint, replacement: UUID, overlap_seconds: int) -> bool:
    """Replace the secret, unless this replacement was done before. Return whether it was done now.

    Raises TooManySecrets, SubjectWasErased.
    """
    previous, now = endpoint.previous_secrets, timezone.now()
    if previous.filter(replacement_id=replacement).exists():
        return False
    if previous.filter(valid_until__gt=now).count() >= MAX_PREVIOUS:
        raise TooManySecrets
    WebhookPreviousSecret.objects.create(
        endpoint=endpoint,
        secret=endpoint.secret,
        replacement_id=replacement,
        valid_until=now + timedelta(seconds=overlap_seconds),
    )
    endpoint.store_secret(new_secret())
    endpoint.save(update_fields=["secret"])
    return True


class OwnPreviousSecrets(EndpointsView):
    """The secrets of an endpoint that were replaced and sign still."""

    problems = {"DELETE": _NOT_FOUND}

    @extend_schema(operation_id="webhook_previous_secrets_end", tags=["webhooks"], responses={204: None})
    def delete(self, request: Request, endpoint_id: UUID) -> Response:
        """End the replaced secrets of an endpoint now: only the current one signs from the next message on."""
        end_previous_secrets(WebhookEndpoint.objects.filter(pk=self.own_endpoint(request, endpoint_id).pk))
        return Response(status=status.HTTP_204_NO_CONTENT)
