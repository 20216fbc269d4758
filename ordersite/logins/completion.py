"""When a log-in is complete: with the password, or with the second factor where the account has or needs one.

What follows from a log-in is here, so that nothing of it happens after half of one: the device becomes a known one,
the list of log-ins says "Logged in", and `last_login` is set.
"""

from typing import Any

import django_otp
from django.contrib.auth.models import update_last_login
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest

from orders.http.client_address import address_of
from ordersite.logins import second_factor
from ordersite.logins.records import Kind, note
from ordersite.middleware import known_devices
from ordersite.models import User


def connect() -> None:
    """Connect the receivers. Call it once, when the application starts."""
    user_logged_in.disconnect(dispatch_uid="update_last_login")  # Django's own takes the password for the log-in
    user_logged_in.connect(after_password)


def after_password(sender: Any, request: HttpRequest, user: Any, **signal: Any) -> None:
    """Complete the log-in, unless a second factor is to come. Receiver of `user_logged_in`."""
    if second_factor.is_needed(user):
        note(request, Kind.PASSWORD, user.get_username(), user)
    else:
        complete(request, user)


def after_second_factor(request: HttpRequest, device: Any) -> None:
    """Let a session in whose person has just given this second factor, and complete the log-in.

    The session gets a new key: whoever knew the one from before the second factor knows nothing now.
    """
    django_otp.login(request, device)
    request.session.cycle_key()
    complete(request, request.user)


def complete(request: HttpRequest, user: Any, typed: str = "") -> None:
    """Do what follows from a log-in. `typed` is the name that was typed, if it may be another than the account's.

    A device is known by that name, because the next attempt from it is counted by that name.
    """
    note(request, Kind.LOGGED_IN, user.get_username(), user)
    update_last_login(User, user)
    known_devices.remember(request, typed or user.get_username(), address_of(request))
