"""Authentication by password and by API token. Demo accounts may log in only if DEMO_ACCOUNTS is set."""

from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.db import DEFAULT_DB_ALIAS, connection
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from knox.auth import TokenAuthentication as KnoxAuthentication
from knox.crypto import hash_token
from knox.models import AuthToken
from rest_framework.exceptions import AuthenticationFailed

from eventstore import sql
from orders.http.i18n import translate
from ordersite.models import User


def may_log_in(user: User) -> bool:
    """Return whether the account is active, and no demo account where these are not allowed."""
    return user.is_active and (settings.DEMO_ACCOUNTS or not user.is_demo)


class AccountBackend(ModelBackend):
    """Check passwords, for the admin and for new tokens."""

    def user_can_authenticate(self, user: Any) -> bool:
        """Return whether a user that the password fits may log in."""
        return user is not None and may_log_in(user)

    def get_user(self, user_id: int) -> User | None:
        """Return the user of a session, or None if the user may no longer log in."""
        user = User.objects.filter(pk=user_id).first()
        return user if user and may_log_in(user) else None


class TokenAuthentication(KnoxAuthentication):
    """Check API tokens: `Authorization: Token …`. Each request reads the database, so a revoked token fails at once."""

    def authenticate_credentials(self, token: bytes) -> tuple[User, AuthToken]:
        """Return the owner of a token, and the token. Raises AuthenticationFailed."""
        owner = token_owner(token.decode(errors="replace"))
        if owner is None:
            raise AuthenticationFailed(translate("Invalid token."))
        user, auth_token = owner
        if not may_log_in(user):
            raise AuthenticationFailed(translate("this account may not log in"))
        return user, auth_token


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
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Token …`, obtained from `/api/v1/auth/login`.",
        }
