"""The outcome of a command that was accepted for later."""

from typing import Any, get_args
from uuid import UUID

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from eventstore.dispatch import Answer, current_state
from eventstore.errors import CommandRefused
from eventstore.messages import COMMAND_TYPES
from eventstore.models import QueuedCommand
from eventstore.queue.acceptance import outcome_of
from orders.accounts.rules import ACCOUNT
from orders.commands import OrderCommand
from orders.http.allowed_requests import CUSTOMER_OPERATIONS, allowed_requests
from orders.http.i18n import translate
from orders.http.request import customer_of, query_of
from orders.order import ORDER
from ordersite.api.accounts import account_address
from ordersite.api.problems import ProblemSerializer, problem_of

_ORDER_COMMANDS = frozenset(COMMAND_TYPES[command].name for command in get_args(OrderCommand))


class OutcomeSerializer(serializers.Serializer[Any]):
    """The outcome of an accepted command."""

    command_id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=QueuedCommand.Status.choices)
    order_id = serializers.UUIDField(required=False, help_text="Present if the command was for an order.")
    account_id = serializers.UUIDField(required=False, help_text="Present if the command was for an account.")
    version = serializers.IntegerField(required=False, help_text="The version after the command, once it is done.")
    problem = ProblemSerializer(required=False, help_text="Why it was refused, as in a synchronous answer.")


class GetCommand(APIView):
    """`/commands/{command_id}`."""

    @extend_schema(
        operation_id="command_get", tags=["commands"], responses={200: OutcomeSerializer, 202: OutcomeSerializer}
    )
    def get(self, request: Request, command_id: UUID) -> Response:
        """Get the outcome of a command that was sent with `Prefer: respond-async`."""
        owner_id = customer_of(request)
        query_of(request)
        queued = QueuedCommand.objects.filter(command_id=command_id, owner_id=owner_id).defer("body").first()
        if queued is None:
            raise NotFound(
                translate("there is no command {command_id}", command_id=command_id), code="command_not_found"
            )
        body: dict[str, Any] = {"command_id": command_id, "status": queued.status}
        body["account_id" if _is_for_account(queued) else "order_id"] = queued.aggregate_id
        waiting = queued.status == QueuedCommand.Status.WAITING
        headers = {"Retry-After": "1"} if waiting else {}
        match outcome_of(queued):
            case Answer(version=version):
                body["version"] = version
                headers["Link"] = f'<{_address_of(queued, version)}>; rel="item"'
            case Exception() as refusal:
                if isinstance(refusal, CommandRefused) and queued.command_type in _ORDER_COMMANDS:
                    order = current_state(ORDER, queued.aggregate_id)
                    refusal.allowed_requests = allowed_requests(queued.aggregate_id, order, CUSTOMER_OPERATIONS)
                body["problem"] = problem_of(refusal)
        code = status.HTTP_202_ACCEPTED if waiting else status.HTTP_200_OK
        return Response(OutcomeSerializer(body).data, status=code, headers=headers)


def _is_for_account(queued: QueuedCommand) -> bool:
    return queued.command_type.startswith("account.")


def _address_of(queued: QueuedCommand, version: int) -> str:
    """Return the address where the customer reads what the command has changed, once it shows `version`."""
    if _is_for_account(queued):
        return account_address(current_state(ACCOUNT, queued.aggregate_id).currency, version)
    return f"{reverse('order', args=[queued.aggregate_id])}?min_version={version}"
