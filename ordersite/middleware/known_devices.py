"""Known devices: where an account has logged in from before. Wrong passwords of others do not keep them out.

A browser is known by a signed cookie, a program that keeps no cookies by its address. Both hold digests only. The idea
is OWASP's "device cookies".
"""

import logging
from collections.abc import Callable
from hashlib import blake2b

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from redis.exceptions import RedisError
from rest_framework.request import Request

from eventstore.ids import new_id
from eventstore.wakeups import valkey

log = logging.getLogger(__name__)

COOKIE_DAYS = 180
ADDRESS_DAYS = 30
_SALT = "ordersite.known-device"
_DAY = 86_400


def remember(request: HttpRequest, account: str, address: str) -> None:
    """Remember where the account has just logged in from. `KnownDevices` sets the cookie.

    `account` is the exact name: another account whose name looks the same has other devices.
    """
    request.logged_in_as = account  # type: ignore[attr-defined]  # read by the middleware
    try:
        valkey.client().set(_address_key(account, address), "1", ex=ADDRESS_DAYS * _DAY)
    except RedisError as error:
        log.warning("the address of a log-in is not remembered, Valkey does not answer: %s", error)


def cookie_device(request: HttpRequest | Request, account: str) -> str | None:
    """Return the id of the device if the account has logged in from it before, by its cookie."""
    sent = request.COOKIES.get(_cookie_of(account), "")
    try:
        digest, device = signing.loads(sent, salt=_SALT, max_age=COOKIE_DAYS * _DAY)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return f"{digest} {device}" if digest == _digest(account) else None


def is_known_address(account: str, address: str) -> bool:
    """Return whether the account has logged in from this address within ADDRESS_DAYS. Without Valkey, it has not."""
    try:
        return bool(valkey.client().exists(_address_key(account, address)))
    except RedisError as error:
        log.warning("known addresses are not looked up, Valkey does not answer: %s", error)
        return False


class KnownDevices:
    """Set the cookie of a known device on the answer to a successful log-in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        response = self.get_response(request)
        account: str | None = getattr(request, "logged_in_as", None)
        if account is not None and cookie_device(request, account) is None:
            response.set_cookie(
                _cookie_of(account),
                signing.dumps([_digest(account), str(new_id())], salt=_SALT),
                max_age=COOKIE_DAYS * _DAY,
                path=settings.SESSION_COOKIE_PATH,
                secure=bool(settings.SESSION_COOKIE_SECURE),
                httponly=True,
                samesite="Lax",
            )
        return response


def _digest(account: str) -> str:
    """Hash the name: neither the cookie nor Valkey holds it."""
    return blake2b(account.encode(errors="replace"), digest_size=16).hexdigest()


def _cookie_of(account: str) -> str:
    return f"device_{_digest(account)[:12]}"


def _address_key(account: str, address: str) -> str:
    return f"ordersite:device:{_digest(f'{_digest(account)} {address}')}"
