"""Endpoints that a customer's events are sent to, and what came of it."""

import re
import secrets
from base64 import b64encode
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.exceptions import APIException, NotFound
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from eventstore.errors import SubjectWasErased
from eventstore.ids import new_id
from orders.http.i18n import translate
from orders.http.request import customer_of, query_of
from projections.reading.query_params import Pages
from projections.webhooks import deliveries, tasks
from projections.webhooks.models import WebhookDelivery, WebhookEndpoint
from projections.webhooks.serializers import (
    EXAMPLE_DELIVERY,
    EXAMPLE_ENDPOINT,
    CreatedWebhookEndpointSerializer,
    NewWebhookEndpointSerializer,
    WebhookDeliverySerializer,
    WebhookEndpointSerializer,
    WebhookEndpointsSerializer,
)

SECRET_BYTES = 32
TESTS = 10  # of one endpoint within TESTS_SECONDS: nobody is to be pestered through us
TESTS_SECONDS = 600

_POSITION = re.compile(r"[0-9]{1,18}")

_NONE = {"404": "You have no such endpoint."}
_DISABLED = {"409": "`endpoint_disabled`: nothing is sent there any more. Delete it and create it anew."}


class EndpointDisabled(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_code = "endpoint_disabled"
    default_detail = gettext_lazy("nothing is sent to this endpoint any more: delete it and create it anew")


class EndpointExists(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_code = "endpoint_exists"
    default_detail = gettext_lazy("you have an endpoint with this URL: delete it to create it anew")


class TooManyEndpoints(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_code = "too_many_endpoints"


class SubjectErased(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_code = "subject_erased"
    default_detail = gettext_lazy("your personal data was erased: there is nobody to tell")


class NotGivenUp(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_code = "not_given_up"
    default_detail = gettext_lazy("this delivery was not given up: it arrived, or is still being tried")


class TooManyTests(APIException):
    status_code = status.HTTP_429_TOO_MANY_REQUESTS
    default_code = "too_many_tests"
    default_detail = gettext_lazy("this endpoint was tested often just now: wait a while")
    wait = 60  # seconds


class OwnEndpoints(APIView):
    problems = {
        "POST": {
            "409": "`endpoint_exists` for this URL, `too_many_endpoints`, or `subject_erased`.",
            "413": "The body is too large.",
        }
    }

    @extend_schema(
        operation_id="webhook_endpoint_list",
        tags=["webhooks"],
        responses={200: WebhookEndpointsSerializer},
        examples=[OpenApiExample("One", {"results": [EXAMPLE_ENDPOINT]}, response_only=True, status_codes=["200"])],
    )
    def get(self, request: Request) -> Response:
        """List your endpoints, the oldest first."""
        query_of(request)
        own = own_endpoints(request).order_by("created_at", "id")
        return Response({"results": WebhookEndpointSerializer(own, many=True).data})

    @extend_schema(
        operation_id="webhook_endpoint_create",
        tags=["webhooks"],
        request=NewWebhookEndpointSerializer,
        responses={201: CreatedWebhookEndpointSerializer},
        examples=[
            OpenApiExample(
                "Payments and parcels",
                {name: EXAMPLE_ENDPOINT[name] for name in ("url", "description", "event_types")},
                request_only=True,
            ),
            OpenApiExample(
                "Created",
                EXAMPLE_ENDPOINT | {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="},
                response_only=True,
                status_codes=["201"],
            ),
        ],
    )
    def post(self, request: Request) -> Response:
        """Have your events sent to a server of yours, from now on.

        Keep the `secret`: messages are signed with it as standardwebhooks.com says.
        """
        customer_id = customer_of(request)
        asked = NewWebhookEndpointSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        endpoint = WebhookEndpoint(id=new_id(), customer_id=customer_id, **asked.validated_data)
        secret = f"whsec_{b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"
        _create(endpoint, secret)
        shown = WebhookEndpointSerializer(endpoint).data | {"secret": secret}
        return Response(shown, status=status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"})


class OwnEndpoint(APIView):
    problems = {"DELETE": _NONE}

    @extend_schema(operation_id="webhook_endpoint_delete", tags=["webhooks"], responses={204: None})
    def delete(self, request: Request, endpoint_id: UUID) -> Response:
        """Have nothing sent there any more. What is on its way may still arrive."""
        with transaction.atomic():
            endpoint = own_endpoints(request).select_for_update().filter(pk=endpoint_id).first()
            if endpoint is None:
                raise _no_endpoint(endpoint_id)
            endpoint.delete()
        return Response(status=status.HTTP_204_NO_CONTENT)


class TestOwnEndpoint(APIView):
    problems = {"POST": _NONE | _DISABLED | {"429": "It was tested often just now; see `Retry-After`."}}

    @extend_schema(
        operation_id="webhook_endpoint_test",
        tags=["webhooks"],
        request=None,
        responses={202: WebhookDeliverySerializer},
        examples=[
            OpenApiExample(
                "Sent in a moment",
                EXAMPLE_DELIVERY | {"type": deliveries.TEST, "attempts": []},
                response_only=True,
                status_codes=["202"],
            )
        ],
    )
    def post(self, request: Request, endpoint_id: UUID) -> Response:
        """Have a signed `webhook.test` sent there; the deliveries tell what came of it."""
        endpoint = _enabled(request, endpoint_id)
        lately = timezone.now() - timedelta(seconds=TESTS_SECONDS)
        tests = endpoint.deliveries.filter(position=None, created_at__gt=lately)
        if tests.count() >= TESTS:
            raise TooManyTests
        with transaction.atomic():
            delivery = deliveries.plan_test(endpoint)
            transaction.on_commit(tasks.wake_now, robust=True)
        delivery.refresh_from_db()
        return Response(WebhookDeliverySerializer(delivery).data, status=status.HTTP_202_ACCEPTED)


class DeliveryPages(Pages):
    example = "webhook-endpoints/0192f3a4-5b6c-7d8e-9f00-112233445577/deliveries"
    ordering = ("-id",)

    def is_position(self, position: str) -> bool:
        return _POSITION.fullmatch(position) is not None


class OwnDeliveries(ListAPIView[WebhookDelivery]):
    serializer_class = WebhookDeliverySerializer
    pagination_class = DeliveryPages
    queryset = WebhookDelivery.objects.none()  # for the schema; every request asks for its own customer's
    problems = {"GET": _NONE}

    @extend_schema(
        operation_id="webhook_delivery_list",
        tags=["webhooks"],
        examples=[
            OpenApiExample("One that is tried again", EXAMPLE_DELIVERY, response_only=True, status_codes=["200"])
        ],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List what was sent to an endpoint, and what is still to be sent, the newest first."""
        query_of(request, ("cursor", "limit"))
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> "QuerySet[WebhookDelivery]":
        return own_endpoint(self.request, self.kwargs["endpoint_id"]).deliveries.all()


class RetryOwnDelivery(APIView):
    problems = {
        "POST": {
            "404": "You have no such endpoint, or it no such delivery.",
            "409": "`not_given_up`, or `endpoint_disabled`.",
        }
    }

    @extend_schema(
        operation_id="webhook_delivery_retry",
        tags=["webhooks"],
        request=None,
        responses={202: WebhookDeliverySerializer},
        examples=[OpenApiExample("Tried again", EXAMPLE_DELIVERY, response_only=True, status_codes=["202"])],
    )
    def post(self, request: Request, endpoint_id: UUID, event_id: UUID) -> Response:
        """Have a delivery that was given up tried again. Later events of the same order may have arrived by now."""
        delivery = _enabled(request, endpoint_id).deliveries.filter(event_id=event_id).first()
        if delivery is None:
            raise NotFound(
                translate("this endpoint has no delivery {event_id}", event_id=event_id), code="delivery_not_found"
            )
        with transaction.atomic():
            if not deliveries.send_again(delivery):
                raise NotGivenUp
            transaction.on_commit(tasks.wake_now, robust=True)
        delivery.refresh_from_db()
        return Response(WebhookDeliverySerializer(delivery).data, status=status.HTTP_202_ACCEPTED)


def own_endpoints(request: Request) -> "QuerySet[WebhookEndpoint]":
    return WebhookEndpoint.objects.filter(customer_id=customer_of(request))


def own_endpoint(request: Request, endpoint_id: UUID) -> WebhookEndpoint:
    """Raises NotFound, also for another customer's."""
    endpoint = own_endpoints(request).filter(pk=endpoint_id).first()
    if endpoint is None:
        raise _no_endpoint(endpoint_id)
    return endpoint


def _enabled(request: Request, endpoint_id: UUID) -> WebhookEndpoint:
    """Raises NotFound, EndpointDisabled."""
    endpoint = own_endpoint(request, endpoint_id)
    if endpoint.disabled_at:
        raise EndpointDisabled
    return endpoint


def _create(endpoint: WebhookEndpoint, secret: str) -> None:
    """Raises TooManyEndpoints, EndpointExists, SubjectErased."""
    since = deliveries.begin()
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:  # a customer's requests at the same moment count each other
                cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"webhooks:{endpoint.customer_id}"])
            if WebhookEndpoint.objects.filter(customer_id=endpoint.customer_id).count() >= settings.WEBHOOK_ENDPOINTS:
                raise TooManyEndpoints(
                    translate("you have {number} endpoints: delete one first", number=settings.WEBHOOK_ENDPOINTS)
                )
            endpoint.since = since
            endpoint.keep_secret(secret)
            endpoint.save(force_insert=True)
    except IntegrityError as error:
        raise EndpointExists from error
    except SubjectWasErased as error:
        raise SubjectErased from error
    endpoint.refresh_from_db()


def _no_endpoint(endpoint_id: UUID) -> NotFound:
    return NotFound(
        translate("there is no webhook endpoint {endpoint_id}", endpoint_id=endpoint_id),
        code="webhook_endpoint_not_found",
    )
