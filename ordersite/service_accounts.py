"""Service accounts: the shop's own programs, such as an ERP. Each has permissions and tokens of its own.

A service account is a user that is not a person: it has no password and cannot log in to the admin. The log names it as
`service:NAME`. docs/decisions/57-service-accounts.md says why it is a user.
"""

from collections.abc import Collection
from datetime import timedelta

from cachetools import TTLCache
from django.contrib.auth.models import Permission
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_noop
from knox.models import AuthToken

from eventstore.followers.process_managers import PROCESSES
from eventstore.ids import new_id
from orders.http.access import SERVICE_PERMISSIONS
from ordersite.access.recording import record
from ordersite.models import ServiceAccount, ServiceToken, User
from ordersite.names import SYSTEM_NAMES, is_reserved, plain_name
from projections.webhooks import endpoints

TOKEN_DAYS = 365  # for which a token is valid, unless told otherwise
MOST_TOKEN_DAYS = 3650
USE_SECONDS = 60  # within which one process records the use of a token once

_noted: TTLCache[str, bool] = TTLCache(maxsize=1000, ttl=USE_SECONDS)


class NameRefused(ValueError):
    """The name cannot be used for a service account. The text says why: choose another one."""


def create(name: str, may: Collection[str]) -> ServiceAccount:
    """Create a service account with these permissions, named as in `SERVICE_PERMISSIONS`. Raises NameRefused."""
    require_name(name)
    with transaction.atomic():
        account = ServiceAccount(username=name, service_id=new_id())
        account.set_unusable_password()
        account.save(force_insert=True)
        grant(account, may)
    return account


def require_name(name: str) -> None:
    """Check that a new service account can have this name. Raises NameRefused."""
    try:
        UnicodeUsernameValidator()(name)
    except ValidationError as error:
        raise NameRefused(" ".join(error.messages)) from error
    if len(name) > 150:
        raise NameRefused("a name has at most 150 characters")
    if is_reserved(name) or plain_name(name) in {*PROCESSES, *SYSTEM_NAMES}:
        raise NameRefused(
            f"the shop itself gives names such as {name!r}, and the log would mix them up: choose another"
        )
    if User.objects.filter(username__iexact=name).exists():
        raise NameRefused(f"there is an account called {name!r} already: choose another name")


def grant(account: ServiceAccount, may: Collection[str]) -> None:
    """Give the account exactly these permissions. Without `manage_webhooks`, its endpoints are disabled."""
    codenames = [SERVICE_PERMISSIONS[name].partition(".")[2] for name in may]
    with transaction.atomic():
        account.user_permissions.set(
            Permission.objects.filter(codename__in=codenames, content_type__app_label="projections")
        )
    _stop_webhooks_without_permission(account, may)


def _stop_webhooks_without_permission(account: ServiceAccount, may: Collection[str]) -> None:
    if account.service_id and "manage_webhooks" not in may:
        endpoints.disable_all(account.service_id, gettext_noop("The service account may not have endpoints any more."))


def granted(account: ServiceAccount) -> list[str]:
    """Return the names of the account's permissions."""
    held = {permission.codename for permission in account.user_permissions.all()}
    return [name for name, permission in SERVICE_PERMISSIONS.items() if permission.partition(".")[2] in held]


def create_token(account: ServiceAccount, *, days: int = TOKEN_DAYS) -> str:
    """Return a new token of the account, valid for so many days. It cannot be shown again."""
    with transaction.atomic():
        stored, token = AuthToken.objects.create(account, expiry=timedelta(days=days))
        record(account, granted=[f"token {stored.token_key}"])
        ServiceToken.objects.create(digest=stored.digest, start=stored.token_key, account=account, expiry=stored.expiry)
    return str(token)


def revoke(tokens: "QuerySet[ServiceToken]") -> int:
    """Revoke tokens: they fail at once. Return how many there were."""
    with transaction.atomic():
        rows = list(tokens.select_related("account"))
        digests = [token.digest for token in rows]
        for token in rows:
            record(token.account, withdrawn=[f"token {token.start}"])
        AuthToken.objects.filter(digest__in=digests).delete()
        return ServiceToken.objects.filter(digest__in=digests).delete()[0]


def with_validity(tokens: "QuerySet[ServiceToken]") -> "QuerySet[ServiceToken]":
    """Add to each token `is_valid`: whether it is neither revoked nor expired."""
    stored = AuthToken.objects.filter(digest=OuterRef("digest"), expiry__gt=Now())
    return tokens.annotate(is_valid=Exists(stored))


def note_use(digest: str) -> None:
    """Record that a token was used now.

    Fast path: each process records it once a minute, so that a request seldom has to write.
    """
    if digest in _noted:
        return
    _noted[digest] = True
    ServiceToken.objects.filter(digest=digest).update(last_used_at=timezone.now())
