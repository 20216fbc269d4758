"""Passkeys as a second factor: what django-otp-webauthn does, with this site's limits, records and answers.

The ceremonies are the library's. Its views take any JSON and any answer of a device, so bodies are bounded first, and
what the library cannot read is refused instead of being an error of the site.
"""

import ipaddress
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db import DataError, IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port, validate_host
from django.urls import path
from django.views import View
from django.views.i18n import JavaScriptCatalog
from django_otp_webauthn import views
from django_otp_webauthn.exceptions import MalformedRequest, OTPWebAuthnApiError, UnprocessableEntity
from django_otp_webauthn.helpers import WebAuthnHelper

from eventstore.limits.json_text import read_json
from orders.http.i18n import translate, translate_stored
from ordersite.access.recording import record_credentials
from ordersite.api.json_limits import require_bounded
from ordersite.logins import completion, second_factor
from ordersite.logins.page_texts import OF_SCRIPTS, in_browsers_language
from ordersite.logins.records import Kind, note
from ordersite.logins.sessions import end_others
from ordersite.middleware.rate_limits import count_login_attempt, seconds_to_wait

UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError, DataError)
"""What the library and its parsers raise for answers that no device gives."""


class Refused(OTPWebAuthnApiError):  # type: ignore[misc]  # the library has no types
    """The request is well-formed and refused. The answer says what to do."""

    status_code = 403
    default_code = "refused"


class TooMany(OTPWebAuthnApiError):  # type: ignore[misc]  # the library has no types
    """There were too many attempts. Wait, then try again."""

    status_code = 429
    default_code = "throttled"


def host_of(request: HttpRequest) -> str:
    """Return the host that passkeys are for: that of the address that the browser shows, without the port."""
    return split_domain_port(request.get_host())[0]


def can_be_used(request: HttpRequest) -> bool:
    """Return whether browsers take passkeys for this host: they take names, and no numbers."""
    try:
        ipaddress.ip_address(host_of(request).strip("[]"))
    except ValueError:
        return True
    return False


def other_address(request: HttpRequest) -> str:
    """Return the address of this page at `localhost` if the page is at a number of this machine, or nothing."""
    host, port = split_domain_port(request.get_host())
    is_here = not can_be_used(request) and ipaddress.ip_address(host.strip("[]")).is_loopback
    if not is_here or not validate_host("localhost", settings.ALLOWED_HOSTS):
        return ""
    return f"{request.scheme}://localhost{f':{port}' if port else ''}{request.path}"


class Passkeys(WebAuthnHelper):  # type: ignore[misc]  # the library has no types
    """The library's ceremonies for the host that the browser shows; Django has checked that it is one of the site."""

    def get_allowed_origins(self) -> list[str]:
        """Return the address of this site."""
        return [f"{self.request.scheme}://{self.request.get_host()}"]

    def register_complete(self, user: Any, state: dict[str, Any], data: dict[str, Any]) -> Any:
        """Save a new passkey, record it, and end the account's other sessions. Raises OTPWebAuthnApiError."""
        try:
            with transaction.atomic():
                device = super().register_complete(user=user, state=state, data=data)
                record_credentials(user, "passkey added")
                end_others(user, self.request)
        except IntegrityError as error:  # its id is unique among all accounts
            text = translate("This passkey is set up already. Use it, or add another one.")
            raise Refused(text, code="passkey_exists") from error
        except UNREADABLE as error:
            raise _unreadable() from error
        return device

    def authenticate_complete(self, user: Any, state: dict[str, Any], data: dict[str, Any]) -> Any:
        """Return the passkey that gave this answer. Raises OTPWebAuthnApiError."""
        try:
            with transaction.atomic():
                return super().authenticate_complete(user=user, state=state, data=data)
        except UNREADABLE as error:
            raise _unreadable() from error


def _unreadable() -> UnprocessableEntity:
    return UnprocessableEntity(translate("The device gave an answer that cannot be read. Try again."))


class _Bounded:
    """A mixin for the library's views: a body is a small JSON object."""

    def _parse_request_data(self, request: HttpRequest) -> Any:
        if request.content_type != "application/json" or not request.body:
            return {}
        try:
            text = request.body.decode()
            require_bounded(text)
            body = read_json(text)
        except ValueError as error:
            raise MalformedRequest from error
        if not isinstance(body, dict):
            raise MalformedRequest
        return body


class BeginRegistration(_Bounded, views.BeginCredentialRegistrationView):  # type: ignore[misc]  # no types
    """Start adding a passkey."""

    def check_can_register(self) -> None:
        """Raises Refused if the account has enough of them, or if no browser could add one here."""
        _require_room(self.request)


class CompleteRegistration(_Bounded, views.CompleteCredentialRegistrationView):  # type: ignore[misc]  # no types
    """Add a passkey."""

    def check_can_register(self) -> None:
        """Raises Refused if the account has enough of them."""
        _require_room(self.request)

    def post(self, *args: Any, **kwargs: Any) -> HttpResponse:
        """Add it. Where a second factor is required, the log-in is complete then."""
        was_pending = second_factor.is_pending(self.request)
        answer: HttpResponse = super().post(*args, **kwargs)
        if was_pending:
            completion.after_second_factor(self.request, self.request.user.otp_device)
        messages.success(self.request, translate("Your passkey is set up. From now on you need it to log in."))
        return answer


class BeginAuthentication(_Bounded, views.BeginCredentialAuthenticationView):  # type: ignore[misc]  # no types
    """Start giving a passkey."""


class CompleteAuthentication(_Bounded, views.CompleteCredentialAuthenticationView):  # type: ignore[misc]  # no types
    """Give a passkey. Attempts are counted as those with codes are."""

    def check_can_authenticate(self) -> None:
        """Raises TooMany after too many attempts."""
        super().check_can_authenticate()
        if seconds_to_wait(count_login_attempt(self.request, self.request.user.get_username())):
            raise TooMany(translate("There were too many attempts. Wait a minute, then try again."))

    def complete_auth(self, device: Any) -> None:
        """Let the session in."""
        completion.after_second_factor(self.request, device)

    def handle_exception(self, exc: Exception) -> HttpResponse:
        """Note a refused passkey, and say why."""
        person: Any = self.request.user
        if isinstance(exc, OTPWebAuthnApiError) and person.is_authenticated:
            note(self.request, Kind.CODE_REFUSED, person.get_username(), person, detail=f"passkey: {exc.code}")
        answer: HttpResponse = super().handle_exception(exc)
        return answer


def _require_room(request: HttpRequest) -> None:
    if len(second_factor.factors_of(request.user)) >= second_factor.MOST_FACTORS:
        raise Refused(translate("You have as many apps and passkeys as an account may have. Remove one first."))


class ScriptTexts(JavaScriptCatalog):
    """The texts of the library's scripts, in the language of the browser."""

    packages = ["django_otp_webauthn"]

    def get_catalog(self) -> dict[str, list[str] | str]:
        """Return the translation of each text."""
        return {**super().get_catalog(), **{text: translate_stored(text) for text in OF_SCRIPTS}}


def _view(view: type[View]) -> Callable[..., HttpResponse]:
    return in_browsers_language(view.as_view())


patterns = [
    path("registration/begin/", _view(BeginRegistration), name="credential-registration-begin"),
    path("registration/complete/", _view(CompleteRegistration), name="credential-registration-complete"),
    path("authentication/begin/", _view(BeginAuthentication), name="credential-authentication-begin"),
    path("authentication/complete/", _view(CompleteAuthentication), name="credential-authentication-complete"),
    path("jsi18n/", _view(ScriptTexts), name="js-i18n-catalog"),
]
"""The addresses that the library's scripts call, with the names that they have in the library."""
