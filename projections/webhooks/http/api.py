"""The API of webhooks: a customer's endpoints and their deliveries."""

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from eventstore.errors import IdempotencyConflict, SubjectWasErased
from orders.http.i18n import translate
from orders.http.idempotency import OPTIONAL_KEY, command_id_of
from orders.http.request import query_of
from projections.reading.query_params import Pages
from projections.webhooks import deliveries, planning, tasks
from projections.webhooks.endpoints import owned_by, start_position
from projections.webhooks.http.callback import MESSAGES
from projections.webhooks.http.owners import EndpointsView, begun_by, no_endpoint
from projections.webhooks.http.problems import (
    EndpointExists,
    NotGivenUp,
    SubjectErased,
    TooManyEndpoints,
    TooManyTests,
)
from projections.webhooks.http.serializers import (
    EXAMPLE_DELIVERY,
    EXAMPLE_ENDPOINT,
    EXAMPLE_SECRET,
    CreatedWebhookEndpointSerializer,
    NewWebhookEndpointSerializer,
    WebhookDeliverySerializer,
    WebhookEndpointSerializer,
    WebhookEndpointsSerializer,
)
from projections.webhooks.models import WebhookDelivery, WebhookEndpoint, new_secret

MAX_TESTS = 10  # of one endpoint within TEST_WINDOW_SECONDS, so that nobody can flood a server through the shop
TEST_WINDOW_SECONDS = 600

_POSITION = re.compile(r"[0-9]{1,18}")

_NOT_FOUND = {"404": "You have no such endpoint."}
_DISABLED = {"409": "`endpoint_disabled`: it receives no messages any more. Delete it and create it again."}


class OwnEndpoints(EndpointsView):
    """The endpoints of a customer."""

    problems = {
        "POST": {
            "409": "`endpoint_exists` for this URL, `too_many_endpoints`, or `subject_erased`.",
            "422": "This Idempotency-Key was used for another request.",
        }
    }

    @extend_schema(
        operation_id="webhook_endpoint_list",
        tags=["webhooks"],
        responses={200: WebhookEndpointsSerializer},
        examples=[OpenApiExample("One", {"results": [EXAMPLE_ENDPOINT]}, response_only=True, status_codes=["200"])],
    )
    def get(self, request: Request) -> Response:
        """List your endpoints, oldest first."""
        query_of(request)
        own = self.own_endpoints(request).order_by("created_at", "id").prefetch_related("previous_secrets")
        return Response({"results": WebhookEndpointSerializer(own, many=True).data})

    @extend_schema(
        operation_id="webhook_endpoint_create",
        tags=["webhooks"],
        request=NewWebhookEndpointSerializer,
        parameters=[OPTIONAL_KEY],
        responses={201: CreatedWebhookEndpointSerializer},
        callbacks=[MESSAGES],
        examples=[
            OpenApiExample(
                "Payments and parcels",
                {name: EXAMPLE_ENDPOINT[name] for name in ("url", "description", "event_types")},
                request_only=True,
            ),
            OpenApiExample(
                "Created",
                EXAMPLE_ENDPOINT | {"secret": EXAMPLE_SECRET},
                response_only=True,
                status_codes=["201"],
            ),
        ],
    )
    def post(self, request: Request) -> Response:
        """Create an endpoint: your events are sent to this URL from now on.

        Store the `secret`: messages are signed with it as standardwebhooks.com specifies.
        """
        owner = self.owner(request)
        serializer = NewWebhookEndpointSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        endpoint = WebhookEndpoint(id=begun_by(request, "webhook_endpoint"), **owner, **serializer.validated_data)
        secret = new_secret()
        headers = {"Cache-Control": "no-store"}
        try:
            _create(endpoint, secret)
        except (EndpointExists, TooManyEndpoints):
            created = self.own_endpoints(request).filter(pk=endpoint.pk).first()
            if created is None:
                raise
            if any(getattr(created, name) != value for name, value in serializer.validated_data.items()):
                raise IdempotencyConflict(command_id_of(request)) from None
            endpoint, secret = created, created.reveal_secret()
            headers["Idempotency-Replayed"] = "true"
        body = WebhookEndpointSerializer(endpoint).data | {"secret": secret}
        return Response(body, status=status.HTTP_201_CREATED, headers=headers)


class OwnEndpoint(EndpointsView):
    """One endpoint of a customer."""

    problems = {"DELETE": _NOT_FOUND}

    @extend_schema(operation_id="webhook_endpoint_delete", tags=["webhooks"], responses={204: None})
    def delete(self, request: Request, endpoint_id: UUID) -> Response:
        """Delete an endpoint. A message that is being sent may still arrive."""
        with transaction.atomic():
            endpoint = self.own_endpoints(request).select_for_update().filter(pk=endpoint_id).first()
            if endpoint is None:
                raise no_endpoint(endpoint_id)
            endpoint.delete()
        return Response(status=status.HTTP_204_NO_CONTENT)


class TestOwnEndpoint(EndpointsView):
    """Send a test message."""

    problems = {"POST": _NOT_FOUND | _DISABLED | {"429": "It was tested too often; see `Retry-After`."}}

    @extend_schema(
        operation_id="webhook_endpoint_test",
        tags=["webhooks"],
        request=None,
        parameters=[OPTIONAL_KEY],
        responses={202: WebhookDeliverySerializer},
        examples=[
            OpenApiExample(
                "Sent in a moment",
                EXAMPLE_DELIVERY | {"type": planning.TEST_EVENT_TYPE, "attempts": []},
                response_only=True,
                status_codes=["202"],
            )
        ],
    )
    def post(self, request: Request, endpoint_id: UUID) -> Response:
        """Send a signed `webhook.test` message to the endpoint. Its delivery shows the outcome."""
        endpoint, event_id = (
            self.enabled_endpoint(request, endpoint_id),
            begun_by(request, f"webhook_test/{endpoint_id}"),
        )
        headers = {}
        if endpoint.deliveries.filter(event_id=event_id).exists():
            headers["Idempotency-Replayed"] = "true"
        else:
            _require_few_tests(endpoint)
        with transaction.atomic():
            delivery = planning.plan_test(endpoint, event_id)
            transaction.on_commit(tasks.wake_now, robust=True)
        delivery.refresh_from_db()
        body = WebhookDeliverySerializer(delivery).data
        return Response(body, status=status.HTTP_202_ACCEPTED, headers=headers)


class DeliveryPages(Pages):
    """Pages of deliveries, newest first."""

    example = "webhook-endpoints/0192f3a4-5b6c-7d8e-9f00-112233445577/deliveries"
    ordering = ("-id",)

    def is_position(self, position: str) -> bool:
        """Return whether a cursor's position can be an id of a delivery."""
        return _POSITION.fullmatch(position) is not None


class OwnDeliveries(EndpointsView, ListAPIView[WebhookDelivery]):
    """The deliveries of an endpoint."""

    serializer_class = WebhookDeliverySerializer
    pagination_class = DeliveryPages
    queryset = WebhookDelivery.objects.none()  # for the schema only; see `get_queryset`
    problems = {"GET": _NOT_FOUND}

    @extend_schema(
        operation_id="webhook_delivery_list",
        tags=["webhooks"],
        examples=[
            OpenApiExample("One that will be retried", EXAMPLE_DELIVERY, response_only=True, status_codes=["200"])
        ],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the deliveries of an endpoint, sent and pending, newest first."""
        query_of(request, ("cursor", "limit"))
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> "QuerySet[WebhookDelivery]":
        """Return the deliveries of the customer's own endpoint. Raises NotFound."""
        return self.own_endpoint(self.request, self.kwargs["endpoint_id"]).deliveries.all()


class RetryOwnDelivery(EndpointsView):
    """Retry a failed delivery."""

    problems = {
        "POST": {
            "404": "You have no such endpoint, or the endpoint has no such delivery.",
            "409": "`not_given_up`, or `endpoint_disabled`.",
        }
    }

    @extend_schema(
        operation_id="webhook_delivery_retry",
        tags=["webhooks"],
        request=None,
        responses={202: WebhookDeliverySerializer},
        examples=[OpenApiExample("Retried", EXAMPLE_DELIVERY, response_only=True, status_codes=["202"])],
    )
    def post(self, request: Request, endpoint_id: UUID, event_id: UUID) -> Response:
        """Retry a failed delivery. Later events of the same order may have arrived already."""
        delivery = self.enabled_endpoint(request, endpoint_id).deliveries.filter(event_id=event_id).first()
        if delivery is None:
            raise NotFound(
                translate("this endpoint has no delivery {event_id}", event_id=event_id), code="delivery_not_found"
            )
        with transaction.atomic():
            if not deliveries.retry(delivery):
                raise NotGivenUp
            transaction.on_commit(tasks.wake_now, robust=True)
        delivery.refresh_from_db()
        return Response(WebhookDeliverySerializer(delivery).data, status=status.HTTP_202_ACCEPTED)


def _require_few_tests(endpoint: WebhookEndpoint) -> None:
    since = timezone.now() - timedelta(seconds=TEST_WINDOW_SECONDS)
    if endpoint.deliveries.filter(position=None, created_at__gt=since).count() >= MAX_TESTS:
        raise TooManyTests


def _create(endpoint: WebhookEndpoint, secret: str) -> None:
    """Store a new endpoint. Raises TooManyEndpoints, EndpointExists, SubjectErased."""
    since = start_position()
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:  # so that parallel requests of one owner cannot exceed the limit
                cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"webhooks:{endpoint.owner_id}"])
            if owned_by(endpoint.owner_id).count() >= settings.WEBHOOK_ENDPOINTS:
                raise TooManyEndpoints(
                    translate(
                        "you already have {number} endpoints: delete one first", number=settings.WEBHOOK_ENDPOINTS
                    )
                )
            endpoint.since = since
            endpoint.store_secret(secret)
            endpoint.save(force_insert=True)
    except IntegrityError as error:
        raise EndpointExists from error
    except SubjectWasErased as error:
        raise SubjectErased from error
    endpoint.refresh_from_db()
