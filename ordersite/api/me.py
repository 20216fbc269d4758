"""A customer's own data: profile, e-mail address, export and erasure."""

from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from eventstore.dispatch import Context
from orders.http.bodies import StrictSerializer
from orders.http.command_view import headers_of
from orders.http.i18n import translate
from orders.http.idempotency import OPTIONAL_KEY
from orders.http.request import correlation_of, customer_of, query_of
from ordersite.api.serializers import (
    OPTIONAL_VERSION,
    context_of,
    read,
    refusals,
    user_of,
)
from ordersite.customers import erasure, lookup, registration
from ordersite.customers.export import ExportSerializer, export_customer
from ordersite.middleware.rate_limits import LoginThrottle

_CONTENDED = "Too many requests change this at the same time, or the site cannot answer now; see `Retry-After`."


class MeSerializer(serializers.Serializer[Any]):
    """Your profile."""

    customer_id = serializers.UUIDField()
    username = serializers.CharField(help_text="The name to log in with.")
    name = serializers.CharField()
    email = serializers.CharField()
    email_verified = serializers.BooleanField()


class NewEmail(StrictSerializer):
    """A new e-mail address."""

    email = serializers.EmailField(max_length=150, help_text="The new address. A mail asks you to verify it.")


class EmailAnswer(serializers.Serializer[Any]):
    """Your e-mail address after a change."""

    customer_id = serializers.UUIDField()
    version = serializers.IntegerField(help_text="The version of your customer record after this change.")
    email = serializers.CharField()
    email_verified = serializers.BooleanField()


class Confirmation(StrictSerializer):
    """The password that confirms an erasure."""

    password = serializers.CharField(
        max_length=200,
        trim_whitespace=False,
        write_only=True,
        help_text="Your password, because an erasure cannot be undone.",
    )


class ErasureAnswer(serializers.Serializer[Any]):
    """An accepted erasure."""

    customer_id = serializers.UUIDField(help_text="Your former id. No personal data belongs to it any more.")


class Me(APIView):
    """`/me`."""

    @extend_schema(operation_id="me_get", tags=["me"], responses={200: MeSerializer})
    def get(self, request: Request) -> Response:
        """Get your profile."""
        customer_id, user = customer_of(request), user_of(request)
        query_of(request)
        customer = lookup.current_customer(customer_id)
        me = {
            "customer_id": customer_id,
            "username": user.get_username(),
            "name": user.get_full_name(),
            "email": user.email,
            "email_verified": customer.verified and customer.email == user.email,
        }
        return Response(MeSerializer(me).data)


class MyEmail(APIView):
    """`/me/email`."""

    throttle_classes = (LoginThrottle,)  # each change sends mail, perhaps to an address of another person

    @extend_schema(
        operation_id="me_email",
        tags=["me"],
        request=NewEmail,
        parameters=[OPTIONAL_KEY, OPTIONAL_VERSION],
        responses={
            200: EmailAnswer,
            **refusals(
                {
                    409: "This is already your address, or it cannot be used; `code` says which.",
                    412: "Your data has changed since the version you named.",
                    422: "This Idempotency-Key was used for another request.",
                    503: _CONTENDED,
                }
            ),
        },
        examples=[OpenApiExample("Another address", request_only=True, value={"email": "ada@example.org"})],
    )
    def patch(self, request: Request) -> Response:
        """Change your e-mail address. The old address gets a notice, the new one a mail to verify it."""
        customer_id = customer_of(request)
        email = read(NewEmail, request.data)["email"]
        answer = registration.change_email(user_of(request), email, context_of(request, key_needed=False))
        customer = lookup.current_customer(customer_id)
        body = {
            "customer_id": customer_id,
            "version": answer.version,
            "email": email,
            "email_verified": customer.verified and customer.email == email,
        }
        return Response(EmailAnswer(body).data, headers=headers_of(answer))


class MyExport(APIView):
    """`/me/export`."""

    @extend_schema(operation_id="me_export", tags=["me"], responses={200: ExportSerializer})
    def get(self, request: Request) -> StreamingHttpResponse:
        """Export everything that the shop holds about you: login, orders and money, event by event."""
        query_of(request)
        headers = {"Content-Disposition": 'attachment; filename="everything.json"', "Cache-Control": "no-store"}
        pieces = export_customer(user_of(request))
        return StreamingHttpResponse(pieces, content_type="application/json", headers=headers)


class MyErasure(APIView):
    """`/me/erasure`."""

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
                    409: "An order is open (`orders_open`), or an account holds money (`account_not_empty`).",
                    503: _CONTENDED,
                }
            ),
        },
        examples=[OpenApiExample("With your password", request_only=True, value={"password": "seven-brass-lanterns"})],
    )
    def post(self, request: Request) -> Response:
        """Erase your personal data. This cannot be undone.

        The amounts and articles of your orders stay in the books. Your name, addresses and login are erased from the
        log at once, and from all read models a moment later.
        """
        customer_id = customer_of(request)
        user = user_of(request)
        if not user.check_password(read(Confirmation, request.data)["password"]):
            raise PermissionDenied(translate("Wrong password."), code="wrong_password")
        context = Context(actor=f"customer:{customer_id}", correlation_id=correlation_of(request))
        erasure.erase(user, context)
        return Response(ErasureAnswer({"customer_id": customer_id}).data, status=status.HTTP_202_ACCEPTED)
