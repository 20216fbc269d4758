"""Authentication by password and by API token. Demo accounts may log in only if DEMO_ACCOUNTS is set.

A service account, a program of the shop, has tokens and no password.
"""

from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.db import DEFAULT_DB_ALIAS, connection
from django.http import HttpRequest
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from knox.auth import TokenAuthentication as KnoxAuthentication
from knox.crypto import hash_token
from knox.models import AuthToken
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from eventstore import sql
from orders.http.i18n import translate
from ordersite.customers.registration import claiming_by_address
from ordersite.models import User
from ordersite.service_accounts import note_use


def may_log_in(user: User) -> bool:
    """Return whether the account is active, and no demo account where these are not allowed."""
    return user.is_active and (settings.DEMO_ACCOUNTS or not user.is_demo)


class AccountBackend(ModelBackend):
    """Check passwords, for the admin and for new tokens."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **more: Any
    ) -> User | None:
        """Return the user whom name and password fit. An address also logs in who named it and has another name."""
        user = super().authenticate(request, username=username, password=password, **more)
        if user is not None or not username or "@" not in username or password is None:
            return user
        claims = claiming_by_address(username)
        fitting = (each for each in claims if each.check_password(password) and self.user_can_authenticate(each))
        return next(fitting, None)

    def user_can_authenticate(self, user: Any) -> bool:
        """Return whether a user that the password fits may log in."""
        return user is not None and user.service_id is None and may_log_in(user)

    def get_user(self, user_id: int) -> User | None:
        """Return the user of a session, or None if the user may no longer log in."""
        user = User.objects.filter(pk=user_id).first()
        return user if user and self.user_can_authenticate(user) else None


class TokenAuthentication(KnoxAuthentication):
    """Check API tokens: `Authorization: Bearer …`.

    Each request reads the database, so a revoked token fails at once.
    """

    def authenticate(self, request: Request) -> tuple[User, AuthToken] | None:
        """Return the owner of the token, and the token; None without the header. Raises AuthenticationFailed."""
        header = request.META.get("HTTP_AUTHORIZATION", "")
        if not header.strip():
            return None
        token = token_in(header)
        if token is None:
            text = translate("Send your token as 'Authorization: Bearer …', with one space and nothing else.")
            raise AuthenticationFailed(text, code="authorization_malformed")
        return self.authenticate_credentials(token.encode(errors="replace"))

    def authenticate_header(self, request: Request) -> str:
        """Name the scheme for `WWW-Authenticate`."""
        return "Bearer"

    def authenticate_credentials(self, token: bytes) -> tuple[User, AuthToken]:
        """Return the owner of a token, and the token. Raises AuthenticationFailed."""
        owner = token_owner(token.decode(errors="replace"))
        if owner is None:
            raise AuthenticationFailed(translate("Invalid token."))
        user, auth_token = owner
        if not may_log_in(user):
            raise AuthenticationFailed(translate("this account may not log in"))
        if user.service_id is not None:
            note_use(auth_token.digest)
        return user, auth_token


def token_in(header: str) -> str | None:
    """Return the token in an Authorization header, or None if it has another form.

    The scheme is `Bearer`, or `Token` as in the first release, in upper or lower case.
    """
    scheme, _, token = header.strip().partition(" ")
    is_token = scheme.lower() in ("bearer", "token") and token.strip() and " " not in token.strip()
    return token.strip() if is_token else None


def token_owner(token: str) -> tuple[User, AuthToken] | None:
    """Return the owner of a token, and the token; None if it does not exist or has expired.

    Fast path: one prepared statement, by the token's digest, instead of two ORM queries. Compiling these took longer
    than the rest of authentication; measured in docs/decisions/33-token-owner.md.
    """
    connection.close_if_health_check_failed()  # as the ORM does; this is the first statement
    rows = sql.fetch_all(_owner_sql(), (hash_token(token),))
    if not rows:
        return None
    (row,) = rows
    token_fields, user_fields = _field_names(AuthToken), _field_names(User)
    auth_token = AuthToken.from_db(DEFAULT_DB_ALIAS, token_fields, row[: len(token_fields)])
    user = User.from_db(DEFAULT_DB_ALIAS, user_fields, row[len(token_fields) :])
    auth_token.user = user
    if auth_token.expiry is not None and auth_token.expiry < timezone.now():
        auth_token.delete()
        return None
    return user, auth_token


@cache
def _owner_sql() -> str:
    columns = [f"token.{field.column}" for field in AuthToken._meta.concrete_fields]
    columns += [f"owner.{field.column}" for field in User._meta.concrete_fields]
    return (
        f"SELECT {', '.join(columns)} FROM {AuthToken._meta.db_table} token"
        f" JOIN {User._meta.db_table} owner ON owner.id = token.user_id WHERE token.digest = %s"
    )


@cache
def _field_names(model: Any) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Describe token authentication. drf-spectacular registers each subclass of its extension."""

    target_class = "ordersite.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Describe the Authorization header in the schema."""
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A token from `POST /api/v1/auth/login`. `Authorization: Token …` works like `Bearer …`.",
        }
