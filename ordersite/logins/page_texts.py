"""The texts of the pages of the second factor and of the fresh password, in the language of the browser.

The rest of the admin is in English. These pages are what somebody sees who cannot get in, so they are understood first.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext_noop

from orders.http.i18n import translate, translate_plural
from ordersite.middleware.language import supported_language

View = Callable[..., HttpResponseBase]

OF_SCRIPTS = (
    gettext_noop("Verifying..."),
    gettext_noop("Finishing verification..."),
    gettext_noop("Verification successful!"),
    gettext_noop("Verification aborted."),
    gettext_noop("Verification canceled or not allowed."),
    gettext_noop("Verification failed. Could not retrieve parameters from the server."),
    gettext_noop("Verification failed. An unknown error occurred."),
    gettext_noop("Verification failed. An unknown server error occurred."),
    gettext_noop("An error occurred during verification."),
    gettext_noop("Registering..."),
    gettext_noop("Finishing registration..."),
    gettext_noop("Registration successful!"),
    gettext_noop("Registration aborted."),
    gettext_noop("Registration aborted or not allowed."),
    gettext_noop("Registration failed. Unable to fetch registration options from server."),
    gettext_noop("Registration failed. You most likely already have a Passkey registered for this site."),
    gettext_noop(
        "Registration failed. A technical problem occurred that prevents you from registering a Passkey for this site."
    ),
    gettext_noop("Registration failed. The server was unable to verify this passkey."),
    gettext_noop("Registration failed. An unknown error occurred."),
    gettext_noop("Registration failed. A server error occurred."),
    gettext_noop("An error occurred during registration."),
)
"""The texts of the scripts of django-otp-webauthn, which has them in no catalogue for Russian."""
OF_LIBRARIES = (
    gettext_noop("Welcome back to"),
    gettext_noop("Return to site"),
    gettext_noop("The Passkey you tried to use was not found. Perhaps it was removed?"),
    gettext_noop(
        "The Passkey you tried to use does not belong to the currently logged-in user. Try using a different Passkey or"
        " logout first to use this Passkey."
    ),
    gettext_noop("State is missing or invalid. Please begin the operation first before trying to complete it."),
)
"""Texts that unfold and django-otp-webauthn look up in the site's catalogue."""


def in_browsers_language(view: View) -> Callable[..., Any]:
    """Decorate a view: its page is in the first language that the browser accepts and the site has."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        language = supported_language(request.headers.get("Accept-Language", ""))
        with translation.override(language):
            response = view(request, *args, **kwargs)
            if callable(render := getattr(response, "render", None)):
                response = render()
        response["Content-Language"] = language
        patch_vary_headers(response, ("Accept-Language",))
        return response

    return answer


def texts_of(page: str, count: int = 0) -> dict[str, str]:
    """Return the texts of a page by name. `count` is the number of recovery codes that are left."""
    match page:
        case "overview":
            return _overview(count) | _passkeys()
        case "app":
            return _app()
        case "check":
            return _check() | _passkeys()
        case "codes":
            return _codes()
    raise ValueError(f"there is no page {page!r} with texts")


def _overview(count: int) -> dict[str, str]:
    left = translate_plural("{number} recovery code left.", "{number} recovery codes left.", number=count)
    return {
        "title": translate("Your second factor"),
        "why": translate("With a second factor, somebody who knows your password still cannot log in."),
        "set_up": translate("Set up an app on your phone, or a passkey of your device."),
        "required": translate("This site requires one of people who work here."),
        "since": translate("since"),
        "last_used": translate("last used"),
        "remove": translate("Remove"),
        "codes_left": left,
        "codes_for": translate("Each lets you in once, if you have lost the device."),
        "codes_none": translate("Without recovery codes, only a superuser can let you in if you lose the device."),
        "new_codes": translate("Make new recovery codes"),
        "add_app": translate("Set up an app"),
        "add_passkey": translate("Add a passkey"),
        "full": translate("You have as many apps and passkeys as an account may have. Remove one first."),
        "ends_others": translate("Each change here ends your other sessions and your API tokens. This session stays."),
    }


def _passkeys() -> dict[str, str]:
    return {
        "no_passkeys": translate("This browser cannot use passkeys here: they need HTTPS, or localhost."),
        "number": translate("Passkeys need an address with a name, and this one is a number."),
        "open_other": translate("Open this page at localhost"),
    }


def _app() -> dict[str, str]:
    return {
        "title": translate("Set up an app"),
        "scan": translate(
            "1. Scan the picture with an app for one-time codes (TOTP) on your phone, or type the key into it."
        ),
        "picture": translate("The key as a QR code"),
        "key": translate("The key:"),
        "type": translate("2. Type the code that the app shows"),
        "send": translate("Set it up"),
        "back": translate("Back"),
    }


def _check() -> dict[str, str]:
    return {
        "title": translate("Your second factor"),
        "app_or_code": translate("The code that your app shows, or a recovery code"),
        "code": translate("A recovery code"),
        "send": translate("Go on"),
        "passkey": translate("Use a passkey"),
        "or": translate("or"),
        "log_out": translate("Log out"),
        "lost": translate("Lost the device and the recovery codes? A superuser can reset your second factor."),
    }


def _codes() -> dict[str, str]:
    return {
        "title": translate("Your recovery codes"),
        "keep": translate(
            "Print them, or keep them in a password manager. Each lets you in once, in place of your app or passkey."
        ),
        "once": translate("They are shown only now."),
        "go_on": translate("I have kept them: go on"),
    }


def fresh_password_texts(minutes: int) -> dict[str, str]:
    """Return the texts of the page that asks for the password again. It is not asked again for `minutes`."""
    again = translate_plural(
        "You are then not asked again for {number} minute.",
        "You are then not asked again for {number} minutes.",
        number=minutes,
    )
    return {
        "title": translate("Your password, please"),
        "why": translate("This cannot be undone, or it changes what somebody may do."),
        "not_done": translate("It was not done yet: give your own password to go on."),
        "again": again,
        "wrong": translate("That is not your password, or there were too many attempts. Nothing was done. Try again."),
        "label": translate("Your password"),
        "send": translate("Go on"),
        "back": translate("Back without doing it"),
    }
