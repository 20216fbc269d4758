"""What customers send to their orders over HTTP."""

from dataclasses import field
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from eventstore.dispatch import Context, current_state, rehearse
from eventstore.ids import new_id
from eventstore.messages import value
from orders.accounts.identity import FROM_ACCOUNT, account_of
from orders.accounts.rules import ACCOUNT
from orders.actions import CUSTOMER_COMMANDS, allowed_actions
from orders.commands import (
    AuthorisePayment,
    CancelLines,
    CancelOrder,
    ChangeAddress,
    CreateOrder,
    EditOrder,
    OrderCommand,
    PayFromAccount,
    PayOrder,
    RequestReturn,
)
from orders.commands.fields import CURRENCY, PAYMENT_REFERENCE, checked, money, why
from orders.events import EditCommitted
from orders.http.command_view import (
    DONE,
    IDEMPOTENCY_KEY,
    IF_MATCH,
    LATER,
    MADE,
    PREFER,
    AcceptedSerializer,
    AnswerSerializer,
    CommandView,
    body_of,
    seen_version,
)
from orders.http.i18n import translate
from orders.http.request import buyer_of, customer_of
from orders.order import ORDER, OwnOrder
from orders.values import LineQuantity


class PlaceOrder(CommandView):
    body = body_of(CreateOrder, "order_id", "customer_id", "customer_name", "customer_email")

    @extend_schema(
        operation_id="order_create",
        tags=["orders"],
        request=body,
        parameters=[IDEMPOTENCY_KEY, PREFER, *MADE, *LATER],
        responses={201: AnswerSerializer, 202: AcceptedSerializer},
    )
    def post(self, request: Request) -> Response:
        """Place an order."""
        command = self.command(request, order_id=new_id(), **buyer_of(request))
        return self.send(request, command, status.HTTP_201_CREATED)


class OwnOrderCommand(CommandView):
    """A command to an existing order, which to anybody but its customer does not exist."""

    def context(self, request: Request, **more: Any) -> Context:
        own = OwnOrder(order_id=self.kwargs["order_id"], customer_id=customer_of(request))
        return super().context(request, guard=own, expected_version=seen_version(request), **more)

    def allowed_instead(self, command: Any) -> list[str]:
        return allowed_actions(current_state(ORDER, command.order_id), CUSTOMER_COMMANDS)


@value
class NewPayment:
    """How an order is paid: at once, promised to be captured later, or from the account."""

    amount: Decimal | None = field(
        default=None,
        metadata=money("What is paid. If not given: what is due; only an account can be asked so.", allow_null=True),
    )
    payment_method: str = field(
        metadata=checked(f"Such as card or transfer; `{FROM_ACCOUNT}`: your own.", max_length=40)
    )
    currency: str = field(default="", metadata=CURRENCY)
    payment_reference: str = field(default="", metadata=PAYMENT_REFERENCE)
    capture: bool = field(default=True, metadata=checked("False: it is only promised, and the shop captures it."))


class BalanceTooLow(APIException):
    status_code = status.HTTP_402_PAYMENT_REQUIRED
    default_code = "balance_too_low"


class PayOwnOrder(OwnOrderCommand):
    body = body_of(NewPayment)
    problems: ClassVar = {"POST": {"402": "Your account in the shop has not enough."}}

    @extend_schema(
        operation_id="order_pay",
        tags=["orders"],
        request=body,
        parameters=[IDEMPOTENCY_KEY, IF_MATCH, PREFER, *DONE, *LATER],
        responses={200: AnswerSerializer, 202: AcceptedSerializer},
    )
    def post(self, request: Request, order_id: UUID) -> Response:
        """Pay what is due, promise it, or have it taken from your account.

        What is taken from the account is promised at once and captured a moment later. 402: the account has not enough.
        """
        payment: NewPayment = self.command(request)
        command = _payment(payment, order_id)
        if isinstance(command, PayFromAccount):
            self._require_balance(request, command)
        return self.send(request, command, status.HTTP_200_OK)

    def _require_balance(self, request: Request, command: PayFromAccount) -> None:
        """Said at once, where the account could only say so later. Raises BalanceTooLow."""
        order = current_state(ORDER, command.order_id)
        customer_id = customer_of(request)
        if order.customer_id != customer_id:
            return  # which is told by the guard
        account = current_state(ACCOUNT, account_of(customer_id, order.currency))
        wanted = order.due if command.amount is None else command.amount
        if account.balance < wanted:
            raise BalanceTooLow(
                translate(
                    "your account has {balance} {currency}, less than {amount} {currency}",
                    balance=account.balance,
                    amount=wanted,
                    currency=order.currency,
                )
            )


def _payment(payment: NewPayment, order_id: UUID) -> OrderCommand:
    if payment.payment_method == FROM_ACCOUNT:
        return PayFromAccount(order_id=order_id, amount=payment.amount)
    if payment.amount is None:
        raise serializers.ValidationError({"amount": [translate("This field is required.")]}, code="required")
    kind = PayOrder if payment.capture else AuthorisePayment
    return kind(
        order_id=order_id,
        amount=payment.amount,
        payment_method=payment.payment_method,
        currency=payment.currency,
        payment_reference=payment.payment_reference,
    )


@value
class Cancellation:
    """What is no longer wanted: the lines that are named, or everything that was not sent."""

    reason: str = field(metadata=why())
    lines: tuple[LineQuantity, ...] = field(
        default=(), metadata=checked("Which lines, and how many units of each; none: all.", max_length=5000)
    )


class CancelOwnOrder(OwnOrderCommand):
    body = body_of(Cancellation)

    @extend_schema(
        operation_id="order_cancel",
        tags=["orders"],
        request=body,
        parameters=[IDEMPOTENCY_KEY, IF_MATCH, PREFER, *DONE, *LATER],
        responses={200: AnswerSerializer, 202: AcceptedSerializer},
    )
    def post(self, request: Request, order_id: UUID) -> Response:
        """Cancel what was not sent yet: all of it, or some units of some lines."""
        wish: Cancellation = self.command(request)
        command: OrderCommand = CancelOrder(order_id=order_id, reason=wish.reason)
        if wish.lines:
            command = CancelLines(order_id=order_id, lines=wish.lines, reason=wish.reason)
        return self.send(request, command, status.HTTP_200_OK)


class ReturnOwnGoods(OwnOrderCommand):
    body = body_of(RequestReturn, "order_id")

    @extend_schema(
        operation_id="order_return",
        tags=["orders"],
        request=body,
        parameters=[IDEMPOTENCY_KEY, IF_MATCH, PREFER, *MADE, *LATER],
        responses={201: AnswerSerializer, 202: AcceptedSerializer},
    )
    def post(self, request: Request, order_id: UUID) -> Response:
        """Ask to send goods back."""
        return self.send(request, self.command(request, order_id=order_id), status.HTTP_201_CREATED)


class RehearsalSerializer(serializers.Serializer[Any]):
    """What an edit would change, were it sent without `dry_run`."""

    order_id = serializers.UUIDField()
    currency = serializers.CharField()
    difference = serializers.CharField(help_text="How much more the order would cost; below zero: less.")
    due = serializers.CharField(help_text="What would be to pay.")
    due_back = serializers.CharField(help_text="What you would get back in addition.")


class EditOwnOrder(OwnOrderCommand):
    body = body_of(EditOrder, "order_id")
    asked = ("dry_run",)

    @extend_schema(
        operation_id="order_edit",
        tags=["orders"],
        request=body,
        parameters=[
            IDEMPOTENCY_KEY,
            IF_MATCH,
            PREFER,
            *MADE,
            *LATER,
            OpenApiParameter("dry_run", OpenApiTypes.BOOL, description="Only say what it would change."),
        ],
        responses={
            201: AnswerSerializer,
            202: AcceptedSerializer,
            200: OpenApiResponse(RehearsalSerializer, description="With `dry_run`."),
        },
    )
    def post(self, request: Request, order_id: UUID) -> Response:
        """Change quantities, or add lines, before anything of them is sent."""
        command = self.command(request, order_id=order_id)
        if not _is_true(request.query_params.get("dry_run", "false")):
            return self.send(request, command, status.HTTP_201_CREATED)
        with self.telling_what_is_allowed(command):
            (event,) = rehearse(command, self.context(request))
        assert isinstance(event, EditCommitted)
        told = {name: getattr(event, name) for name in ("order_id", "currency", "difference", "due", "due_back")}
        return Response(RehearsalSerializer(told).data)


class ChangeOwnAddress(OwnOrderCommand):
    body = body_of(ChangeAddress, "order_id")

    @extend_schema(
        operation_id="order_change_address",
        tags=["orders"],
        request=body,
        parameters=[IDEMPOTENCY_KEY, IF_MATCH, PREFER, *DONE, *LATER],
        responses={200: AnswerSerializer, 202: AcceptedSerializer},
    )
    def patch(self, request: Request, order_id: UUID) -> Response:
        """Change where it is sent to, as long as something is still to be sent."""
        return self.send(request, self.command(request, order_id=order_id), status.HTTP_200_OK)


def _is_true(given: str) -> bool:
    if given not in ("true", "false"):
        raise serializers.ValidationError({"dry_run": [translate("It is true or false.")]}, code="invalid")
    return given == "true"
