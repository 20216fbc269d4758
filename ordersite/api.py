"""The customer API put together: where reading and writing meet under one address; and tokens."""

import logging
from typing import Any
from uuid import UUID

from django.contrib.auth import authenticate
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from knox.models import AuthToken
from redis.exceptions import RedisError
from rest_framework import serializers, status
from rest_framework.exceptions import AuthenticationFailed, NotFound
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import ScopedRateThrottle
from rest_framework.views import APIView

from eventstore.dispatch import Answer
from eventstore.models import QueuedCommand
from eventstore.queue import outcome_of
from orders.api import CancelOwnOrder, PayOwnOrder, PlaceOrder
from orders.http import customer_of
from ordersite.problems import ProblemSerializer, problem_of
from projections.customer.api import GetOwnOrder, ListOwnOrders, OwnTimeline

log = logging.getLogger(__name__)

__all__ = ["CancelOwnOrder", "GetCommand", "GetOwnOrder", "Login", "Logout", "Orders", "OwnTimeline", "PayOwnOrder"]


class Orders(ListOwnOrders, PlaceOrder):
    """`/orders`: read them, place one."""


class OutcomeSerializer(serializers.Serializer[Any]):
    """What came of a command that was accepted."""

    command_id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=QueuedCommand.Status.choices)
    order_id = serializers.UUIDField()
    version = serializers.IntegerField(required=False, help_text="Of the order, once the command is done.")
    problem = ProblemSerializer(required=False, help_text="Why it was refused: what a request that waits is answered.")


class GetCommand(APIView):
    @extend_schema(operation_id="command_get", tags=["commands"], responses={200: OutcomeSerializer})
    def get(self, request: Request, command_id: UUID) -> Response:
        """Get what came of a command that was sent with `Prefer: respond-async`."""
        owner_id = customer_of(request)
        queued = QueuedCommand.objects.filter(command_id=command_id, owner_id=owner_id).defer("body").first()
        if queued is None:
            raise NotFound(f"there is no command {command_id}", code="command_not_found")
        told: dict[str, Any] = {"command_id": command_id, "status": queued.status, "order_id": queued.aggregate_id}
        headers = {"Retry-After": "1"} if queued.status == QueuedCommand.Status.WAITING else {}
        match outcome_of(queued):
            case Answer(version=version):
                told["version"] = version
                headers["Link"] = f'<{reverse("order", args=[queued.aggregate_id])}?min_version={version}>; rel="item"'
            case Exception() as refusal:
                told["problem"] = problem_of(refusal)
        return Response(OutcomeSerializer(told).data, headers=headers)


class Credentials(serializers.Serializer[Any]):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=200, trim_whitespace=False)


class Token(serializers.Serializer[Any]):
    token = serializers.CharField(help_text="Send it as `Authorization: Token …`. It is shown only here.")
    expiry = serializers.DateTimeField()


class LoginThrottle(ScopedRateThrottle):
    """Counted in the cache; where that is down people still get in, and the log says that nobody counted."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        try:
            return super().allow_request(request, view)
        except RedisError as error:
            log.warning("log-in attempts are not being counted: %s", error)
            return True


class Login(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (LoginThrottle,)
    throttle_scope = "login"

    @extend_schema(operation_id="login", tags=["tokens"], auth=[], request=Credentials, responses={200: Token})
    def post(self, request: Request) -> Response:
        """Obtain a token."""
        credentials = Credentials(data=request.data)
        credentials.is_valid(raise_exception=True)
        user = authenticate(request._request, **credentials.validated_data)
        if user is None:
            raise AuthenticationFailed("Wrong name or password.", code="wrong_credentials")
        instance, token = AuthToken.objects.create(user)
        return Response(Token({"token": token, "expiry": instance.expiry}).data)

    def get_authenticate_header(self, request: Request) -> str:
        return "Token"  # without it, DRF would answer 403 to a wrong password


class Logout(APIView):
    @extend_schema(operation_id="logout", tags=["tokens"], request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """Revoke the token this request was sent with."""
        request.auth.delete()
        return Response(status=status.HTTP_204_NO_CONTENT)
