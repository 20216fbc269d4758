"""What customers ask of the shop about themselves: who they are here, what is kept of them, and to be forgotten."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from eventstore.dispatch import Context
from orders.http.command_view import headers_of
from orders.http.i18n import translate
from orders.http.request import correlation_of, customer_of, query_of
from ordersite.api.serializers import KEY_IF_ANY, VERSION_IF_ANY, Exact, context_of, read, refusals, user_of
from ordersite.customers import erasure, lookup, registration
from ordersite.customers.export import ExportSerializer, export_customer
from ordersite.middleware.rate_limits import LoginThrottle

_CONTENDED = "Too many change this at once; see `Retry-After`."


class MeSerializer(serializers.Serializer[Any]):
    customer_id = serializers.UUIDField()
    username = serializers.CharField(help_text="The name to log in by.")
    name = serializers.CharField()
    email = serializers.CharField()
    email_verified = serializers.BooleanField()


class NewEmail(Exact):
    email = serializers.EmailField(max_length=150, help_text="The new address: a mail asks whether it is yours.")


class EmailAnswer(serializers.Serializer[Any]):
    customer_id = serializers.UUIDField()
    version = serializers.IntegerField(help_text="Of what is kept of you, after this change.")
    email = serializers.CharField()
    email_verified = serializers.BooleanField()


class Confirmation(Exact):
    password = serializers.CharField(
        max_length=200, trim_whitespace=False, write_only=True, help_text="Yours, because there is no way back."
    )


class ErasureAnswer(serializers.Serializer[Any]):
    customer_id = serializers.UUIDField(help_text="Nothing is known of whom it named.")


class Me(APIView):
    @extend_schema(operation_id="me_get", tags=["me"], responses={200: MeSerializer})
    def get(self, request: Request) -> Response:
        """Get who you are here."""
        customer_id, user = customer_of(request), user_of(request)
        query_of(request)
        known = lookup.customer_of_the_log(customer_id)
        me = {
            "customer_id": customer_id,
            "username": user.get_username(),
            "name": user.get_full_name(),
            "email": user.email,
            "email_verified": known.verified and known.email == user.email,
        }
        return Response(MeSerializer(me).data)


class MyEmail(APIView):
    throttle_classes = (LoginThrottle,)  # each change sends mail to an address that may be anybody's

    @extend_schema(
        operation_id="me_email",
        tags=["me"],
        request=NewEmail,
        parameters=[KEY_IF_ANY, VERSION_IF_ANY],
        responses={
            200: EmailAnswer,
            **refusals(
                {
                    409: "It is the address you have, or cannot be used here; `code` says which.",
                    412: "Something was changed since the version you named.",
                    422: "This Idempotency-Key was used for another request.",
                    503: _CONTENDED,
                }
            ),
        },
        examples=[OpenApiExample("Another address", request_only=True, value={"email": "ada@example.org"})],
    )
    def patch(self, request: Request) -> Response:
        """Change your address. The old one is told, and the new one asked whether it is yours."""
        customer_id = customer_of(request)
        email = read(NewEmail, request.data)["email"]
        answer = registration.change_email(user_of(request), email, context_of(request, key_needed=False))
        known = lookup.customer_of_the_log(customer_id)
        told = {
            "customer_id": customer_id,
            "version": answer.version,
            "email": email,
            "email_verified": known.verified and known.email == email,
        }
        return Response(EmailAnswer(told).data, headers=headers_of(answer))


class MyExport(APIView):
    @extend_schema(operation_id="me_export", tags=["me"], responses={200: ExportSerializer})
    def get(self, request: Request) -> Response:
        """Get everything that is kept of you: your account, your orders and your money, event by event."""
        query_of(request)
        headers = {"Content-Disposition": 'attachment; filename="everything.json"', "Cache-Control": "no-store"}
        return Response(export_customer(user_of(request)), headers=headers)


class MyErasure(APIView):
    throttle_classes = (LoginThrottle,)

    @extend_schema(
        operation_id="me_erasure",
        tags=["me"],
        request=Confirmation,
        responses={
            202: ErasureAnswer,
            **refusals(
                {
                    403: "The password is wrong, or this account is not a customer's.",
                    409: "Orders are open (`orders_open`), or there is money in an account (`account_not_empty`).",
                    503: _CONTENDED,
                }
            ),
        },
        examples=[OpenApiExample("With your password", request_only=True, value={"password": "seven-brass-lanterns"})],
    )
    def post(self, request: Request) -> Response:
        """Have everything forgotten that says who you are. There is no way back.

        Amounts and articles of your orders stay in the books; your name, addresses and log-in are gone at once from the
        log, and a moment later from every view.
        """
        customer_id = customer_of(request)
        user = user_of(request)
        if not user.check_password(read(Confirmation, request.data)["password"]):
            raise PermissionDenied(translate("Wrong password."), code="wrong_password")
        context = Context(actor=f"customer:{customer_id}", correlation_id=correlation_of(request))
        erasure.erase(user, context)
        return Response(ErasureAnswer({"customer_id": customer_id}).data, status=status.HTTP_202_ACCEPTED)
