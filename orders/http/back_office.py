"""What programs of the shop's own send to orders: an operation for each command, made from its dataclass."""

from dataclasses import fields
from typing import Any, ClassVar, get_args
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from eventstore.dispatch import Context, current_state
from eventstore.ids import new_id
from orders.actions import allowed_actions, name_of
from orders.commands import CreateOrder, ExpireOrder, OrderCommand, RestoreOrder
from orders.http.command_view import (
    DONE,
    IDEMPOTENCY_KEY,
    IF_MATCH,
    MADE,
    AnswerSerializer,
    CommandView,
    answered,
    body_of,
    seen_version,
)
from orders.http.request import staff_of
from orders.order import ORDER

COMMANDS: tuple[type, ...] = tuple(
    command for command in (*get_args(OrderCommand), RestoreOrder) if command not in (CreateOrder, ExpireOrder)
)
"""The commands to an existing order that people of the shop may send: all but the one that only time gives rise to."""


class StaffCommand(CommandView):
    """A command that somebody of the shop sends. To anybody else it does not exist."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        staff_of(request)  # before anything is said of the request

    def actor(self, request: Request) -> str:
        return f"staff:{staff_of(request)}"

    def allowed_instead(self, command: Any) -> list[str]:
        return allowed_actions(current_state(ORDER, command.order_id))


class PlaceForSomebody(StaffCommand):
    body = body_of(CreateOrder, "order_id", name="CreateOrderFor")

    @extend_schema(
        operation_id="back_office_order_create",
        tags=["back office"],
        request=body,
        parameters=[IDEMPOTENCY_KEY, *MADE],
        responses={201: AnswerSerializer},
    )
    def post(self, request: Request) -> Response:
        """Place an order for a customer, or for a guest, who has no `customer_id`."""
        command = self.command(request, order_id=new_id())
        return answered(self.do(command, self.context(request)), status.HTTP_201_CREATED)


class SendToOrder(StaffCommand):
    """Sends the command that `body` is made from to an existing order."""

    supplied: ClassVar[tuple[str, ...]]

    def context(self, request: Request, **more: Any) -> Context:
        return super().context(request, expected_version=seen_version(request), **more)

    def sent(self, request: Request, order_id: UUID) -> Response:
        known = {"order_id": order_id, "by": self.actor(request)}
        command = self.command(request, **{name: known[name] for name in self.supplied})
        return answered(self.do(command, self.context(request)), status.HTTP_200_OK)


def sender_of(command: type) -> type[SendToOrder]:
    """The view that sends `command`: what its dataclass says is its body, its checks and its documentation."""
    supplied = tuple(field.name for field in fields(command) if field.name in ("order_id", "by"))
    body = body_of(command, *supplied)

    @extend_schema(
        operation_id=f"back_office_{name_of(command)}",
        tags=["back office"],
        description=command.__doc__,
        request=body,
        parameters=[IDEMPOTENCY_KEY, IF_MATCH, *DONE],
        responses={200: AnswerSerializer},
    )
    def post(self: SendToOrder, request: Request, order_id: UUID) -> Response:
        return self.sent(request, order_id)

    members = {"body": body, "supplied": supplied, "post": post, "__doc__": command.__doc__}
    return type(f"Send{command.__name__}", (SendToOrder,), members)


SENDERS = {name_of(command): sender_of(command) for command in COMMANDS}
"""By the name of the command, which is the last part of its path and what `allowed_actions` calls it."""
