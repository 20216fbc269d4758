"""A customer's accounts in the shop: balances, movements and deposits."""

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from eventstore.dispatch import Answer, dispatch
from eventstore.models import QueuedCommand
from eventstore.queue.acceptance import accept
from orders.accounts.commands import DepositMoney, OpenAccount
from orders.accounts.identity import account_of
from orders.accounts.references import REFUND, RETURNED, is_reserved
from orders.http.bodies import NoneOf, StrictSerializer
from orders.http.command_view import IDEMPOTENCY_KEY, PREFER, accepted, headers_of, prefers_async
from orders.http.i18n import translate, translate_lazy
from orders.http.request import customer_of, query_of
from orders.money import rounded
from ordersite.api.serializers import OPTIONAL_VERSION, context_of, read, refusals
from projections.customer.account import (
    CustomerAccount,
    CustomerAccountMovement,
    own_accounts,
    own_movements,
    wait_until_shown,
)
from projections.reading.query_params import VERSION_SCHEMA, Pages, read_version

_CURRENCY = OpenApiParameter(
    "currency", OpenApiTypes.STR, description="Only the account in this currency, such as GBP."
)
_REFUSALS = {
    409: "A rule of the account forbids the command; `code` names the rule.",
    412: "The account has changed since the version you named.",
    422: "This Idempotency-Key was used for another request.",
    503: "Too many requests change this account, too many commands are waiting, or the site cannot answer now; see"
    " `Retry-After`.",
}


class AccountSerializer(serializers.ModelSerializer[CustomerAccount]):
    """Your account in one currency."""

    balance = serializers.CharField(help_text="With as many decimals as the currency has.")

    class Meta:
        model = CustomerAccount
        fields = ("account_id", "currency", "balance", "version", "opened_at", "behind")

    def to_representation(self, instance: CustomerAccount) -> dict[str, Any]:
        """Return the account's fields, with the balance in the currency's decimals."""
        return super().to_representation(instance) | {"balance": str(rounded(instance.balance, instance.currency))}


class MovementSerializer(serializers.ModelSerializer[CustomerAccountMovement]):
    """Money that came into an account or left it."""

    amount = serializers.CharField(help_text="Positive for money that came in, negative for money that left.")
    balance = serializers.CharField(help_text="The balance after this movement.")

    class Meta:
        model = CustomerAccountMovement
        fields = (
            "account_id", "currency", "version", "kind", "amount", "balance", "method", "reason",
            "reference", "occurred_at",
        )  # fmt: skip

    def to_representation(self, instance: CustomerAccountMovement) -> dict[str, Any]:
        """Return the movement's fields, with money in the currency's decimals."""
        money = {name: str(rounded(getattr(instance, name), instance.currency)) for name in ("amount", "balance")}
        return super().to_representation(instance) | money


class NewAccount(StrictSerializer):
    """An account to open."""

    currency = serializers.CharField(min_length=3, max_length=3, help_text="ISO 4217 code, such as GBP.")


class NewDeposit(StrictSerializer):
    """Money to pay into an account."""

    currency = serializers.CharField(min_length=3, max_length=3, help_text="ISO 4217 code, such as GBP.")
    amount = serializers.DecimalField(max_digits=18, decimal_places=4, min_value=0, help_text="More than 0.")
    method = serializers.CharField(
        max_length=40,
        validators=[
            NoneOf(REFUND, RETURNED, text=translate_lazy("This method is reserved for money returned from an order."))
        ],
        help_text="How you pay, such as card or transfer.",
    )
    reference = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=100,
        help_text="The payment provider's id. The same id is deposited only once.",
    )

    def validate_reference(self, reference: str) -> str:
        """Name the field of a reserved reference, which the account's rules refuse. Raises ValidationError."""
        if is_reserved(reference):
            text = translate("This reference is reserved for money that moves between an order and an account.")
            raise ValidationError(text, code="reserved")
        return reference


class AccountAnswer(serializers.Serializer[Answer]):
    """The result of a command. Read the account with `currency` and `min_version` to see it."""

    account_id = serializers.UUIDField(source="aggregate_id")
    version = serializers.IntegerField(help_text="The account's version after this command.")


class AccountAccepted(serializers.Serializer[QueuedCommand]):
    """An accepted command: the answer to `Prefer: respond-async`. Read its outcome at the `Location`."""

    command_id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=QueuedCommand.Status.choices)
    account_id = serializers.UUIDField(source="aggregate_id")


def _send(request: Request, command: OpenAccount | DepositMoney) -> Response:
    """Execute the command and answer; or accept it for later, if the client prefers that."""
    context = context_of(request)
    if prefers_async(request):
        return accepted(accept(command, context, owner=customer_of(request)), AccountAccepted)
    answer = dispatch(command, context)
    headers = headers_of(answer) | {"Location": account_address(command.currency, answer.version)}
    return Response(AccountAnswer(answer).data, status=status.HTTP_201_CREATED, headers=headers)


def account_address(currency: str, version: int) -> str:
    """Return the address where a customer reads the account in `currency`, once it shows `version`."""
    return f"{reverse('account')}?{urlencode({'currency': currency, 'min_version': version})}"


class Accounts(APIView):
    """`/account`."""

    @extend_schema(
        operation_id="account_list",
        tags=["account"],
        parameters=[
            _CURRENCY,
            OpenApiParameter(
                "min_version",
                VERSION_SCHEMA,
                description="With `currency`: wait until the account shows this version, from the answer to a command.",
            ),
        ],
        responses={
            200: AccountSerializer(many=True),
            **refusals({503: "`min_version` is not visible yet, or the site cannot answer now; see `Retry-After`."}),
        },
    )
    def get(self, request: Request) -> Response:
        """List your accounts: one for each currency that you have used."""
        customer_id, query = customer_of(request), query_of(request, ("currency", "min_version"))
        currency, version = query.get("currency", ""), read_version(query, "min_version") or 0
        if version and not currency:
            text = translate("Send `currency` too: each account has its own version.")
            raise ValidationError({"currency": [text]})
        if version:
            wait_until_shown(customer_id, currency, version)
        return Response(AccountSerializer(own_accounts(customer_id, currency=currency), many=True).data)

    @extend_schema(
        operation_id="account_open",
        tags=["account"],
        request=NewAccount,
        parameters=[IDEMPOTENCY_KEY, OPTIONAL_VERSION, PREFER],
        responses={201: AccountAnswer, 202: AccountAccepted, **refusals(_REFUSALS)},
        examples=[OpenApiExample("In pounds", request_only=True, value={"currency": "GBP"})],
    )
    def post(self, request: Request) -> Response:
        """Open an account. The first deposit also opens it."""
        customer_id, fields = customer_of(request), read(NewAccount, request.data)
        account_id = account_of(customer_id, fields["currency"])
        return _send(request, OpenAccount(account_id=account_id, customer_id=customer_id, **fields))


class MovementPages(Pages):
    """Pages of movements, the latest first."""

    example = "account/movements"
    ordering = ("-occurred_at", "-movement_id")


class Movements(ListAPIView[CustomerAccountMovement]):
    """`/account/movements`."""

    serializer_class = MovementSerializer
    pagination_class = MovementPages
    queryset = CustomerAccountMovement.objects.none()  # for the schema; requests use get_queryset

    @extend_schema(operation_id="account_movements", tags=["account"], parameters=[_CURRENCY])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the movements of your money, the latest first: in all accounts, or in one currency."""
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> Any:
        """Return the customer's movements."""
        query = query_of(self.request, ("currency", "cursor", "limit"))
        return own_movements(customer_of(self.request), currency=query.get("currency", ""))


class Deposits(APIView):
    """`/account/deposits`."""

    @extend_schema(
        operation_id="account_deposit",
        tags=["account"],
        request=NewDeposit,
        parameters=[IDEMPOTENCY_KEY, OPTIONAL_VERSION, PREFER],
        responses={201: AccountAnswer, 202: AccountAccepted, **refusals(_REFUSALS)},
        examples=[
            OpenApiExample(
                "By card",
                request_only=True,
                value={"currency": "GBP", "amount": "50.00", "method": "card", "reference": "pay_1"},
            )
        ],
    )
    def post(self, request: Request) -> Response:
        """Pay into your account in a currency. The first deposit opens the account."""
        customer_id, fields = customer_of(request), read(NewDeposit, request.data)
        account_id = account_of(customer_id, fields["currency"])
        return _send(request, DepositMoney(account_id=account_id, customer_id=customer_id, **fields))
