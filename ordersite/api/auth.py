"""Register, verify an address, log in and out."""

from typing import Any

from django.contrib.auth import authenticate
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError as DjangoValidationError
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
from orders.http.i18n import translate
from orders.http.request import correlation_of
from ordersite.api.serializers import Exact, read
from ordersite.customers import emails, registration
from ordersite.middleware.rate_limits import LoginThrottle
from ordersite.models import User


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
            raise AuthenticationFailed(translate("Wrong name or password."), code="wrong_credentials")
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


class Registration(Exact):
    username = serializers.CharField(
        required=False,
        max_length=150,
        validators=[UnicodeUsernameValidator()],
        help_text="The name to log in by. If not given: the address.",
    )
    password = serializers.CharField(max_length=200, trim_whitespace=False, write_only=True)
    name = serializers.CharField(max_length=200, help_text="Your whole name.")
    email = serializers.EmailField(max_length=150, help_text="Where to reach you: a mail asks whether it is yours.")


class Registered(serializers.Serializer[Any]):
    username = serializers.CharField(help_text="The name to log in by.")
    customer_id = serializers.UUIDField()


class Proof(Exact):
    token = serializers.CharField(max_length=2000, help_text="As the mail has it.")


class Proven(serializers.Serializer[Any]):
    email = serializers.CharField()
    email_verified = serializers.BooleanField()


class Open(APIView):
    """For whoever is not logged in; counted like attempts to log in."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (LoginThrottle,)


class Register(Open):
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
        """Become a customer. Then log in.

        Sent again it is refused, because the name is taken: there is nothing to repeat.
        """
        given = read(Registration, request.data)
        first, _, last = given["name"].strip().partition(" ")
        user = User(
            username=given.get("username") or given["email"],
            email=given["email"],
            first_name=first[:150],
            last_name=last[:150],
        )
        _set_password(user, given["password"])
        try:
            registration.register(user, correlation_id=correlation_of(request))
        except registration.NameTaken as error:
            taken = translate("This cannot be used here. If it is yours, log in instead.")
            raise ValidationError({error.field: [taken]}, code="unavailable") from error
        told = Registered({"username": user.username, "customer_id": user.customer_id})
        return Response(told.data, status=status.HTTP_201_CREATED, headers={"Location": reverse("me")})


def _set_password(user: User, password: str) -> None:
    """Raises ValidationError for one that is easily guessed."""
    try:
        validate_password(password, user)
    except DjangoValidationError as error:
        raise ValidationError({"password": error.messages}, code="password_weak") from error
    user.set_password(password)


class VerifyEmail(Open):
    @extend_schema(operation_id="email_verify", tags=["tokens"], auth=[], request=Proof, responses={200: Proven})
    def post(self, request: Request) -> Response:
        """Prove that an address is yours, by the token that was sent there. May be sent again."""
        token = read(Proof, request.data)["token"]
        try:
            customer_id, email = emails.read_token(token)
            context = Context(actor=f"customer:{customer_id}", correlation_id=correlation_of(request))
            registration.verify_email(customer_id, email, context)
        except (emails.BadToken, CommandRefused) as error:
            why = translate("This token is not valid, or not any more.")
            raise ValidationError({"token": [why]}, code="token_invalid") from error
        return Response(Proven({"email": email, "email_verified": True}).data)


class LogoutAll(APIView):
    @extend_schema(operation_id="logout_all", tags=["tokens"], request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """Revoke every token of yours, this one and those of all other devices."""
        AuthToken.objects.filter(user=request.user).delete()
        return Response(status=status.HTTP_204_NO_CONTENT)
