"""The customer API put together: where reading and writing meet under one address; and tokens."""

from typing import Any, get_args
from uuid import UUID

from django.contrib.auth import authenticate
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from knox.models import AuthToken
from rest_framework import serializers, status
from rest_framework.exceptions import AuthenticationFailed, NotFound
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from eventstore.dispatch import Answer, state_now
from eventstore.errors import CommandRefused
from eventstore.messages import COMMAND_TYPES
from eventstore.models import QueuedCommand
from eventstore.queue import outcome_of
from orders.actions import CUSTOMERS, allowed
from orders.api import CancelOwnOrder, ChangeOwnAddress, EditOwnOrder, PayOwnOrder, PlaceOrder, ReturnOwnGoods
from orders.commands import OrderCommand
from orders.http import customer_of, query_of
from orders.order import ORDER
from orders.words import said
from ordersite.problems import ProblemSerializer, problem_of
from ordersite.rates import LoginThrottle
from projections.customer.api import (
    GetOwnOrder,
    ListOwnOrders,
    OwnPayments,
    OwnRefunds,
    OwnReturns,
    OwnShipments,
    OwnTimeline,
)
from projections.staff.api import GetStaffOrder
from projections.staff.orders import StaffOrder

__all__ = [
    "BackOfficeOrder",
    "CancelOwnOrder",
    "ChangeOwnAddress",
    "EditOwnOrder",
    "GetCommand",
    "GetOwnOrder",
    "Login",
    "Logout",
    "Orders",
    "OwnRefunds",
    "OwnShipments",
    "OwnTimeline",
    "Payments",
    "Returns",
]


class Orders(ListOwnOrders, PlaceOrder):
    """`/orders`: read them, place one."""


class Payments(OwnPayments, PayOwnOrder):
    """`/orders/{id}/payments`: read them, make one."""


class Returns(OwnReturns, ReturnOwnGoods):
    """`/orders/{id}/returns`: read them, ask for one."""


class BackOfficeOrder(GetStaffOrder):
    """`/back-office/orders/{id}`: the order as the shop sees it, and what its rules would take."""

    def actions(self, order: StaffOrder) -> list[str]:
        return allowed(order.state)


_ORDERS = frozenset(COMMAND_TYPES[command].name for command in get_args(OrderCommand))


class OutcomeSerializer(serializers.Serializer[Any]):
    """What came of a command that was accepted."""

    command_id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=QueuedCommand.Status.choices)
    order_id = serializers.UUIDField(required=False, help_text="Of a command to an order.")
    account_id = serializers.UUIDField(required=False, help_text="Of a command to an account.")
    version = serializers.IntegerField(required=False, help_text="Of either, once the command is done.")
    problem = ProblemSerializer(required=False, help_text="Why it was refused: what a request that waits is answered.")


class GetCommand(APIView):
    @extend_schema(
        operation_id="command_get", tags=["commands"], responses={200: OutcomeSerializer, 202: OutcomeSerializer}
    )
    def get(self, request: Request, command_id: UUID) -> Response:
        """Get what came of a command that was sent with `Prefer: respond-async`."""
        owner_id = customer_of(request)
        query_of(request)
        queued = QueuedCommand.objects.filter(command_id=command_id, owner_id=owner_id).defer("body").first()
        if queued is None:
            raise NotFound(said("there is no command {command_id}", command_id=command_id), code="command_not_found")
        is_of_account = queued.command_type.startswith("account.")
        told: dict[str, Any] = {"command_id": command_id, "status": queued.status}
        told["account_id" if is_of_account else "order_id"] = queued.aggregate_id
        waiting = queued.status == QueuedCommand.Status.WAITING
        headers = {"Retry-After": "1"} if waiting else {}
        match outcome_of(queued):
            case Answer(version=version):
                told["version"] = version
                item = reverse("account") if is_of_account else reverse("order", args=[queued.aggregate_id])
                headers["Link"] = f'<{item}{"" if is_of_account else f"?min_version={version}"}>; rel="item"'
            case Exception() as refusal:
                if isinstance(refusal, CommandRefused) and queued.command_type in _ORDERS:
                    refusal.allowed_actions = allowed(state_now(ORDER, queued.aggregate_id), CUSTOMERS)
                told["problem"] = problem_of(refusal)
        code = status.HTTP_202_ACCEPTED if waiting else status.HTTP_200_OK
        return Response(OutcomeSerializer(told).data, status=code, headers=headers)


class Credentials(serializers.Serializer[Any]):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=200, trim_whitespace=False)


class Token(serializers.Serializer[Any]):
    token = serializers.CharField(help_text="Send it as `Authorization: Token …`. It is shown only here.")
    expiry = serializers.DateTimeField()


class Login(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (LoginThrottle,)

    @extend_schema(operation_id="login", tags=["tokens"], auth=[], request=Credentials, responses={200: Token})
    def post(self, request: Request) -> Response:
        """Obtain a token."""
        credentials = Credentials(data=request.data)
        credentials.is_valid(raise_exception=True)
        user = authenticate(request._request, **credentials.validated_data)
        if user is None:
            raise AuthenticationFailed(said("Wrong name or password."), code="wrong_credentials")
        AuthToken.objects.filter(user=user, expiry__lt=timezone.now()).delete()
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
