"""The back-office API: one operation per order command, generated from its dataclass."""

from dataclasses import fields
from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from eventstore.dispatch import Context, current_state
from orders.actions import STAFF_COMMANDS, name_of
from orders.approvals.movements import MOVING
from orders.commands import CreateOrder
from orders.http.access import SEND_COMMANDS, operator_of
from orders.http.allowed_requests import STAFF_OPERATIONS, AllowedRequest, allowed_requests
from orders.http.approval_views import WaitsSerializer, waiting_answer
from orders.http.approvals import WaitsForApproval, send
from orders.http.back_office_view import BackOfficeView
from orders.http.command_view import (
    DONE,
    IDEMPOTENCY_KEY,
    IF_MATCH,
    MADE,
    AnswerSerializer,
    CommandView,
    answered,
    body_of,
    order_id_of,
    seen_version,
)
from orders.order import ORDER

COMMANDS = STAFF_COMMANDS
"""The commands that have an operation here."""


class StaffCommand(BackOfficeView, CommandView):
    """A command sent by a person of staff or by a service account. For other users the URL does not exist."""

    order_url = "back-office-order"
    needs = {"POST": (SEND_COMMANDS,)}

    def actor(self, request: Request) -> str:
        """Return the sender as an actor."""
        return operator_of(request)

    def send(self, request: Request, command: object, code: int) -> Response:
        """Do the command and answer with `code`; or store it for approval, if the person may not move so much alone.

        Raises what `dispatch` raises.
        """
        try:
            with self.naming_allowed_requests(command):
                return answered(send(command, self.context(request)), code, self.order_url)
        except WaitsForApproval as waits:
            return waiting_answer(waits)

    def allowed_requests(self, command: Any) -> list[AllowedRequest]:
        """Return the requests with which this operator could change the order now."""
        order, by = current_state(ORDER, command.order_id), self.actor(self.request)
        return allowed_requests(command.order_id, order, STAFF_OPERATIONS, by=by)


class PlaceOrderForCustomer(StaffCommand):
    """`POST /back-office/orders`."""

    body = body_of(CreateOrder, "order_id", name="CreateOrderFor")

    @extend_schema(
        operation_id="back_office_order_create",
        tags=["back office"],
        request=body,
        parameters=[IDEMPOTENCY_KEY, *MADE],
        responses={201: AnswerSerializer, 202: WaitsSerializer},
    )
    def post(self, request: Request) -> Response:
        """Place an order for a customer, or for a guest without a `customer_id`."""
        command = self.command(request, order_id=order_id_of(request))
        return self.send(request, command, status.HTTP_201_CREATED)


class SendToOrder(StaffCommand):
    """Sends one command, given by `body`, to an existing order. `supplied` are the fields that are not in the body."""

    supplied: ClassVar[tuple[str, ...]]

    def context(self, request: Request, **more: Any) -> Context:
        """Add the expected version of the order."""
        return super().context(request, expected_version=seen_version(request), **more)

    def dispatch_body(self, request: Request, order_id: UUID) -> Response:
        """Dispatch the command in the body and return its answer."""
        values = {"order_id": order_id, "by": self.actor(request)}
        command = self.command(request, **{name: values[name] for name in self.supplied})
        return self.send(request, command, status.HTTP_200_OK)


def sender_of(command: type) -> type[SendToOrder]:
    """Return the view class for `command`. Body, checks and documentation come from its dataclass."""
    supplied = tuple(field.name for field in fields(command) if field.name in ("order_id", "by"))
    body = body_of(command, *supplied)

    @extend_schema(
        operation_id=f"back_office_{name_of(command)}",
        tags=["back office"],
        description=command.__doc__,
        request=body,
        parameters=[IDEMPOTENCY_KEY, IF_MATCH, *DONE],
        responses={200: AnswerSerializer} | ({202: WaitsSerializer} if command in MOVING else {}),
    )
    def post(self: SendToOrder, request: Request, order_id: UUID) -> Response:
        return self.dispatch_body(request, order_id)

    members = {"body": body, "supplied": supplied, "post": post, "__doc__": command.__doc__}
    return type(f"Send{command.__name__}", (SendToOrder,), members)


SENDERS = {name_of(command): sender_of(command) for command in COMMANDS}
"""The views by command name, which is the last part of the path and the name in `allowed_actions`."""
