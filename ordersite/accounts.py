"""Who may log in: an account of the demo shop only where the settings allow such accounts."""

from typing import Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from knox.auth import TokenAuthentication as KnoxAuthentication
from rest_framework.exceptions import AuthenticationFailed

from orders.words import said
from ordersite.models import User


def is_welcome(user: User) -> bool:
    return user.is_active and (settings.DEMO_ACCOUNTS or not user.is_demo)


class AccountBackend(ModelBackend):
    """Passwords, for the admin and for obtaining a token."""

    def user_can_authenticate(self, user: Any) -> bool:
        return user is not None and is_welcome(user)

    def get_user(self, user_id: int) -> User | None:
        user = User.objects.filter(pk=user_id).first()
        return user if user and is_welcome(user) else None


class TokenAuthentication(KnoxAuthentication):
    """API tokens: `Authorization: Token …`."""

    def validate_user(self, auth_token: Any) -> tuple[User, Any]:
        if not is_welcome(auth_token.user):
            raise AuthenticationFailed(said("this account may not log in here"))
        return auth_token.user, auth_token


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # found by drf-spectacular
    target_class = "ordersite.accounts.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Token …`, obtained from `/api/v1/auth/login`.",
        }
