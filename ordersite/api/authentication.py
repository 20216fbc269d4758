"""Who may log in: an account of the demo shop only where the settings allow such accounts."""

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
    return user.is_active and (settings.DEMO_ACCOUNTS or not user.is_demo)


class AccountBackend(ModelBackend):
    """Passwords, for the admin and for obtaining a token."""

    def user_can_authenticate(self, user: Any) -> bool:
        return user is not None and may_log_in(user)

    def get_user(self, user_id: int) -> User | None:
        user = User.objects.filter(pk=user_id).first()
        return user if user and may_log_in(user) else None


class TokenAuthentication(KnoxAuthentication):
    """API tokens: `Authorization: Token …`. The database is asked each time: what ends a token ends it at once."""

    def authenticate_credentials(self, token: bytes) -> tuple[User, AuthToken]:
        known = token_owner(token.decode(errors="replace"))
        if known is None:
            raise AuthenticationFailed(translate("Invalid token."))
        user, auth_token = known
        if not may_log_in(user):
            raise AuthenticationFailed(translate("this account may not log in here"))
        return user, auth_token


def token_owner(token: str) -> tuple[User, AuthToken] | None:
    """Whose token this is, in one round trip; None where it is nobody's, or not any more.

    By its digest, which is its key. A statement of our own, prepared: each request asks this, and to have the ORM
    compile two queries for it took longer than all else that authentication is.
    """
    connection.close_if_health_check_failed()  # as the ORM does before the first statement of a request: this is it
    rows = sql.fetch_all(_owner_sql(), (hash_token(token),))
    if not rows:
        return None
    (row,) = rows
    of_token, of_user = _names(AuthToken), _names(User)
    auth_token = AuthToken.from_db(DEFAULT_DB_ALIAS, of_token, row[: len(of_token)])
    user = User.from_db(DEFAULT_DB_ALIAS, of_user, row[len(of_token) :])
    auth_token.user = user
    if auth_token.expiry is not None and auth_token.expiry < timezone.now():
        auth_token.delete()
        return None
    return user, auth_token


@cache
def _owner_sql() -> str:
    columns = [f"token.{each.column}" for each in AuthToken._meta.concrete_fields]
    columns += [f"owner.{each.column}" for each in User._meta.concrete_fields]
    return (
        f"SELECT {', '.join(columns)} FROM {AuthToken._meta.db_table} token"
        f" JOIN {User._meta.db_table} owner ON owner.id = token.user_id WHERE token.digest = %s"
    )


@cache
def _names(model: Any) -> list[str]:
    return [each.attname for each in model._meta.concrete_fields]


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # found by drf-spectacular
    target_class = "ordersite.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Token …`, obtained from `/api/v1/auth/login`.",
        }
