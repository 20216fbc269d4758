"""Register a customer, verify an e-mail address, log in and log out."""

from typing import Any

from django.contrib.auth import authenticate
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError as DjangoValidationError
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from knox.models import AuthToken
from rest_framework import serializers, status
from rest_framework.exceptions import AuthenticationFailed, ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from eventstore.dispatch import Context
from eventstore.errors import CommandRefused
from orders.http.bodies import OPEN_BODY, StrictSerializer
from orders.http.i18n import translate
from orders.http.request import correlation_of
from ordersite.api.serializers import read
from ordersite.customers import emails, registration
from ordersite.logins import completion, second_factor
from ordersite.logins.records import note
from ordersite.middleware.rate_limits import LoginThrottle
from ordersite.models import User


class PublicView(APIView):
    """A view that needs no token. Requests are limited like attempts to log in."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (LoginThrottle,)
    largest_body = OPEN_BODY


# --- register ---------------------------------------------------------------------------------------------------------


class Registration(StrictSerializer):
    """A new customer."""

    username = serializers.CharField(
        required=False,
        max_length=150,
        validators=[UnicodeUsernameValidator()],
        help_text="The name to log in with. If you send none, it is the e-mail address.",
    )
    password = serializers.CharField(max_length=200, trim_whitespace=False, write_only=True)
    name = serializers.CharField(max_length=200, help_text="Your full name.")
    email = serializers.EmailField(max_length=150, help_text="Your e-mail address. A mail asks you to verify it.")


class Registered(serializers.Serializer[Any]):
    """The answer to a registration."""

    username = serializers.CharField(help_text="The name to log in with.")
    customer_id = serializers.UUIDField()


class Register(PublicView):
    """`/auth/register`."""

    @extend_schema(
        operation_id="register",
        tags=["tokens"],
        auth=[],
        request=Registration,
        responses={201: Registered},
        examples=[
            OpenApiExample(
                "By address",
                request_only=True,
                value={"email": "ada@example.com", "name": "Ada Whitfield", "password": "seven-brass-lanterns"},
            )
        ],
    )
    def post(self, request: Request) -> Response:
        """Register as a customer. Then log in.

        A repeated registration is refused, because the name is taken by the first one.
        """
        fields = read(Registration, request.data)
        first, _, last = fields["name"].strip().partition(" ")
        user = User(
            username=fields.get("username") or fields["email"],
            email=fields["email"],
            first_name=first[:150],
            last_name=last[:150],
        )
        _set_password(user, fields["password"])
        try:
            registration.register(user, correlation_id=correlation_of(request), password=fields["password"])
        except registration.NameTaken as error:
            text = translate("This cannot be used. If it is yours, log in instead.")
            raise ValidationError({error.field: [text]}, code="unavailable") from error
        # The address logs in, whatever name the login has: the answer does not say whether others claim it too.
        name = fields.get("username") or fields["email"]
        body = Registered({"username": name, "customer_id": user.customer_id}).data
        return Response(body, status=status.HTTP_201_CREATED, headers={"Location": reverse("me")})


def _set_password(user: User, password: str) -> None:
    """Set the password. Raises ValidationError if it is easy to guess."""
    try:
        validate_password(password, user)
    except DjangoValidationError as error:
        raise ValidationError({"password": error.messages}, code="password_weak") from error
    user.set_password(password)


# --- verify an address ------------------------------------------------------------------------------------------------


class Proof(StrictSerializer):
    """A token from a verification mail."""

    token = serializers.CharField(max_length=2000, help_text="The token from the mail.")


class Proven(serializers.Serializer[Any]):
    """A verified address."""

    email = serializers.CharField()
    email_verified = serializers.BooleanField()


class VerifyEmail(PublicView):
    """`/auth/verify-email`."""

    @extend_schema(operation_id="email_verify", tags=["tokens"], auth=[], request=Proof, responses={200: Proven})
    def post(self, request: Request) -> Response:
        """Verify your e-mail address with the token that was mailed to it. May be repeated."""
        token = read(Proof, request.data)["token"]
        try:
            customer_id, email = emails.read_token(token)
            context = Context(actor=f"customer:{customer_id}", correlation_id=correlation_of(request))
            registration.verify_email(customer_id, email, context)
        except (emails.BadToken, CommandRefused) as error:
            text = translate("This token is invalid or out of date.")
            raise ValidationError({"token": [text]}, code="token_invalid") from error
        return Response(Proven({"email": email, "email_verified": True}).data)


# --- log in and out ---------------------------------------------------------------------------------------------------


class Credentials(StrictSerializer):
    """A username and a password."""

    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=200, trim_whitespace=False)
    second_factor = serializers.CharField(
        required=False,
        max_length=40,
        help_text="For people who work in the shop: the code of their second factor, or a recovery code.",
    )


class Token(serializers.Serializer[Any]):
    """A new API token."""

    token = serializers.CharField(help_text="Send it as `Authorization: Bearer …`. It is shown only here.")
    expiry = serializers.DateTimeField()


class Login(PublicView):
    """`/auth/login`."""

    guesses_password = True  # so LoginThrottle counts the name too

    @extend_schema(operation_id="login", tags=["tokens"], auth=[], request=Credentials, responses={200: Token})
    def post(self, request: Request) -> Response:
        """Obtain a token."""
        credentials = read(Credentials, request.data)
        code = credentials.pop("second_factor", None)
        user = authenticate(request._request, **credentials)
        if user is None:
            raise AuthenticationFailed(translate("Wrong name or password."), code="wrong_credentials")
        _check_second_factor(request._request, user, code)
        AuthToken.objects.filter(user=user, expiry__lt=timezone.now()).delete()
        instance, token = AuthToken.objects.create(user)
        completion.complete(request._request, user, typed=credentials["username"])
        return Response(Token({"token": token, "expiry": instance.expiry}).data)

    def get_authenticate_header(self, request: Request) -> str:
        """Name the scheme for `WWW-Authenticate`: without it, DRF would answer 403 to a wrong password."""
        return "Bearer"


def _check_second_factor(request: HttpRequest, user: Any, code: str | None) -> None:
    """Check the second factor of an account that has or needs one: it must not be possible to go around the admin.

    Raises AuthenticationFailed.
    """
    if not second_factor.is_needed(user):
        return
    if code is None or not second_factor.has_factor(user):
        note(request, "password", user.get_username(), user)
    if not second_factor.has_factor(user):
        text = translate("This account needs a second factor. Log in to the admin and set one up first.")
        raise AuthenticationFailed(text, code="second_factor_missing")
    if code is None:
        text = translate("Send `second_factor` too: the code that your app shows, or a recovery code.")
        raise AuthenticationFailed(text, code="second_factor_needed")
    if second_factor.accept_code(user, code) is None:
        note(request, "password", user.get_username(), user)
        note(request, "code_refused", user.get_username(), user)
        raise AuthenticationFailed(
            translate("This code is not right. Wait for the next one."), code="second_factor_wrong"
        )


class Logout(APIView):
    """`/auth/logout`."""

    @extend_schema(operation_id="logout", tags=["tokens"], request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """Revoke the token of this request."""
        request.auth.delete()
        return Response(status=status.HTTP_204_NO_CONTENT)


class LogoutAll(APIView):
    """`/auth/logoutall`."""

    @extend_schema(operation_id="logout_all", tags=["tokens"], request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """Revoke all your tokens, on this device and on all others."""
        AuthToken.objects.filter(user=request.user).delete()
        return Response(status=status.HTTP_204_NO_CONTENT)
