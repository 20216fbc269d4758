"""Becoming a customer, proving an address, leaving everywhere at once. Log-in and log-out are in `ordersite.api`."""

from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError as DjangoValidationError
from django.urls import reverse
from drf_spectacular.utils import OpenApiExample, extend_schema
from knox.models import AuthToken
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from eventstore.dispatch import Context
from eventstore.errors import CommandRefused
from orders.http import correlation_of
from orders.words import said
from ordersite import mails, people
from ordersite.bodies import Exact, read
from ordersite.models import User
from ordersite.rates import LoginThrottle


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
            people.register(user, correlation_id=correlation_of(request))
        except people.NameTaken as error:
            taken = said("This cannot be used here. If it is yours, log in instead.")
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
            customer_id, email = mails.proven_by(token)
            context = Context(actor=f"customer:{customer_id}", correlation_id=correlation_of(request))
            people.verify_email(customer_id, email, context)
        except (mails.BadToken, CommandRefused) as error:
            why = said("This token is not valid, or not any more.")
            raise ValidationError({"token": [why]}, code="token_invalid") from error
        return Response(Proven({"email": email, "email_verified": True}).data)


class LogoutAll(APIView):
    @extend_schema(operation_id="logout_all", tags=["tokens"], request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """Revoke every token of yours, this one and those of all other devices."""
        AuthToken.objects.filter(user=request.user).delete()
        return Response(status=status.HTTP_204_NO_CONTENT)
