"""The customers' API for writing: place, pay, cancel, return and edit their own orders."""

from dataclasses import field
from decimal import Decimal
from typing import Any, ClassVar, Literal
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, PolymorphicProxySerializer, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from eventstore.dispatch import Context, current_state, rehearse
from eventstore.messages import value
from orders.accounts.identity import FROM_ACCOUNT, account_of
from orders.accounts.rules import ACCOUNT
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
from orders.http.allowed_requests import CUSTOMER_OPERATIONS, AllowedRequest, allowed_requests
from orders.http.bodies import NoneOf
from orders.http.command_view import (
    DONE,
    IDEMPOTENCY_KEY,
    IF_MATCH,
    LATER,
    MADE,
    PREFER,
    AcceptedSerializer,
    AnswerSerializer,
    CommandSerializer,
    CommandView,
    body_of,
    order_id_of,
    seen_version,
)
from orders.http.i18n import translate, translate_lazy
from orders.http.request import buyer_of, customer_of
from orders.order import ORDER, OwnOrder
from orders.values import LineQuantity


class PlaceOrder(CommandView):
    """`POST /orders`."""

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
        command = self.command(request, order_id=order_id_of(request), **buyer_of(request))
        return self.send(request, command, status.HTTP_201_CREATED)


class OwnOrderCommand(CommandView):
    """A command to an existing order of the customer. For other customers the order does not exist."""

    def context(self, request: Request, **more: Any) -> Context:
        """Add the guard that checks the customer, and the expected version."""
        own = OwnOrder(order_id=self.kwargs["order_id"], customer_id=customer_of(request))
        return super().context(request, guard=own, expected_version=seen_version(request), **more)

    def allowed_requests(self, command: Any) -> list[AllowedRequest]:
        """Return the requests with which the customer could change the order now."""
        return allowed_requests(command.order_id, current_state(ORDER, command.order_id), CUSTOMER_OPERATIONS)


@value
class NewPayment:
    """A payment with money from outside of the shop: captured at once, or authorised and captured later."""

    amount: Decimal = field(metadata=money("The amount to pay."))
    payment_method: str = field(
        metadata=checked(
            f"The payment method, such as card or transfer, but not `{FROM_ACCOUNT}`.",
            max_length=40,
            validators=[NoneOf(FROM_ACCOUNT, text=translate_lazy("This method pays from your account."))],
        )
    )
    currency: str = field(default="", metadata=CURRENCY)
    payment_reference: str = field(default="", metadata=PAYMENT_REFERENCE)
    capture: bool = field(default=True, metadata=checked("False to only authorise it; the shop captures it later."))


@value
class NewAccountPayment:
    """A payment from your account in the shop."""

    payment_method: Literal["account"] = field(metadata=checked(f"`{FROM_ACCOUNT}`: pay from your account."))
    amount: Decimal | None = field(
        default=None,
        metadata=money("The amount to pay. Without it, or with null, it is the amount due.", allow_null=True),
    )


class BalanceTooLow(APIException):
    """The customer's account has less money than the payment needs."""

    status_code = status.HTTP_402_PAYMENT_REQUIRED
    default_code = "balance_too_low"


class PayOwnOrder(OwnOrderCommand):
    """`POST /orders/{id}/payments`."""

    body = body_of(NewPayment)
    account_body = body_of(NewAccountPayment)
    problems: ClassVar = {"POST": {"402": "Your account in the shop has too little money."}}

    @extend_schema(
        operation_id="order_pay",
        tags=["orders"],
        request=PolymorphicProxySerializer("Payment", [body, account_body], resource_type_field_name=None),
        parameters=[IDEMPOTENCY_KEY, IF_MATCH, PREFER, *DONE, *LATER],
        responses={200: AnswerSerializer, 202: AcceptedSerializer},
    )
    def post(self, request: Request, order_id: UUID) -> Response:
        """Pay the amount due, authorise a payment, or pay from your account.

        A payment from the account is authorised at once and captured a moment later. 402: the account has too little
        money.
        """
        command = _payment(self.command(request), order_id)
        if isinstance(command, PayFromAccount):
            self._require_balance(request, command)
        return self.send(request, command, status.HTTP_200_OK)

    def body_for(self, data: Any) -> type[CommandSerializer]:
        """Return the body that the payment method needs."""
        from_account = isinstance(data, dict) and data.get("payment_method") == FROM_ACCOUNT
        return self.account_body if from_account else self.body

    def _require_balance(self, request: Request, command: PayFromAccount) -> None:
        """Refuse the payment now instead of after the withdrawal fails. Raises BalanceTooLow."""
        order = current_state(ORDER, command.order_id)
        customer_id = customer_of(request)
        if order.customer_id != customer_id:
            return  # the guard refuses it
        account = current_state(ACCOUNT, account_of(customer_id, order.currency))
        amount = order.due if command.amount is None else command.amount
        if account.balance < amount:
            raise BalanceTooLow(
                translate(
                    "your account has only {balance} {currency}, not {amount} {currency}",
                    balance=account.balance,
                    amount=amount,
                    currency=order.currency,
                )
            )


def _payment(payment: NewPayment | NewAccountPayment, order_id: UUID) -> OrderCommand:
    if isinstance(payment, NewAccountPayment):
        return PayFromAccount(order_id=order_id, amount=payment.amount)
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
    """What to cancel: some lines, or everything that is not shipped."""

    reason: str = field(metadata=why())
    lines: tuple[LineQuantity, ...] = field(
        default=(),
        metadata=checked(
            "The lines, and the number of units of each. Leave it empty to cancel everything.", max_length=5000
        ),
    )


class CancelOwnOrder(OwnOrderCommand):
    """`POST /orders/{id}/cancel`."""

    body = body_of(Cancellation)

    @extend_schema(
        operation_id="order_cancel",
        tags=["orders"],
        request=body,
        parameters=[IDEMPOTENCY_KEY, IF_MATCH, PREFER, *DONE, *LATER],
        responses={200: AnswerSerializer, 202: AcceptedSerializer},
    )
    def post(self, request: Request, order_id: UUID) -> Response:
        """Cancel what is not shipped yet: everything, or some units of some lines."""
        cancellation: Cancellation = self.command(request)
        command: OrderCommand = CancelOrder(order_id=order_id, reason=cancellation.reason)
        if cancellation.lines:
            command = CancelLines(order_id=order_id, lines=cancellation.lines, reason=cancellation.reason)
        return self.send(request, command, status.HTTP_200_OK)


class ReturnOwnGoods(OwnOrderCommand):
    """`POST /orders/{id}/returns`."""

    body = body_of(RequestReturn, "order_id")

    @extend_schema(
        operation_id="order_return",
        tags=["orders"],
        request=body,
        parameters=[IDEMPOTENCY_KEY, IF_MATCH, PREFER, *MADE, *LATER],
        responses={201: AnswerSerializer, 202: AcceptedSerializer},
    )
    def post(self, request: Request, order_id: UUID) -> Response:
        """Request a return of goods."""
        return self.send(request, self.command(request, order_id=order_id), status.HTTP_201_CREATED)


class RehearsalSerializer(serializers.Serializer[Any]):
    """What the edit would change without `dry_run`."""

    order_id = serializers.UUIDField()
    currency = serializers.CharField()
    difference = serializers.CharField(help_text="The change of the order's price; below zero: cheaper.")
    due = serializers.CharField(help_text="The amount that would be due.")
    due_back = serializers.CharField(help_text="The amount that you would get back.")


class EditOwnOrder(OwnOrderCommand):
    """`POST /orders/{id}/edits`."""

    body = body_of(EditOrder, "order_id")
    query_params = ("dry_run",)

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
            OpenApiParameter("dry_run", OpenApiTypes.BOOL, description="True to only show what the edit would change."),
        ],
        responses={
            201: AnswerSerializer,
            202: AcceptedSerializer,
            200: OpenApiResponse(RehearsalSerializer, description="With `dry_run`."),
        },
    )
    def post(self, request: Request, order_id: UUID) -> Response:
        """Change quantities of lines that are not shipped yet, or add lines."""
        command = self.command(request, order_id=order_id)
        if not _is_true(request.query_params.get("dry_run", "false")):
            return self.send(request, command, status.HTTP_201_CREATED)
        with self.naming_allowed_requests(command):
            (event,) = rehearse(command, self.context(request))
        assert isinstance(event, EditCommitted)
        change = {name: getattr(event, name) for name in ("order_id", "currency", "difference", "due", "due_back")}
        return Response(RehearsalSerializer(change).data)


class ChangeOwnAddress(OwnOrderCommand):
    """`PATCH /orders/{id}/shipping-address`."""

    body = body_of(ChangeAddress, "order_id")

    @extend_schema(
        operation_id="order_change_address",
        tags=["orders"],
        request=body,
        parameters=[IDEMPOTENCY_KEY, IF_MATCH, PREFER, *DONE, *LATER],
        responses={200: AnswerSerializer, 202: AcceptedSerializer},
    )
    def patch(self, request: Request, order_id: UUID) -> Response:
        """Change the shipping address while some goods are not shipped yet."""
        return self.send(request, self.command(request, order_id=order_id), status.HTTP_200_OK)


def _is_true(dry_run: str) -> bool:
    if dry_run not in ("true", "false"):
        raise serializers.ValidationError({"dry_run": [translate("Send true or false.")]}, code="invalid")
    return dry_run == "true"
