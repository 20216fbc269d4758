"""The second factor of people who work in the shop: an app that shows codes (TOTP), passkeys, and recovery codes.

A person who has one must use it at each log-in. With REQUIRE_SECOND_FACTOR, a member of staff without one sees only the
pages to set one up. The pages are in `second_factor_pages` and `passkeys`; checking codes and keys is the work of
django-otp and django-otp-webauthn. A change of what an account has ends its other sessions: the functions that change
something take the request whose session goes on.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils.http import urlencode
from django_otp import DEVICE_ID_SESSION_KEY, devices_for_user, login
from django_otp.models import Device
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice
from django_otp_webauthn.models import WebAuthnCredential

from orders.http.i18n import translate
from ordersite.access.powers import permissions_of
from ordersite.access.recording import record_credentials
from ordersite.logins.fresh_password import is_fresh
from ordersite.logins.records import clean
from ordersite.logins.sessions import end_others

RECOVERY_CODES = 10
MOST_FACTORS = 20  # apps and passkeys of one account
OPEN = ("second-factor", "logout", "login", "jsi18n")
"""How the names of addresses begin that need no second factor: the way to give one, and the way out."""
PASSKEYS = "otp_webauthn"
HAS_ONE = "has_second_factor"  # in the session: whether the person had one at the log-in


def note_at_login(sender: Any, request: HttpRequest, user: Any, **signal: Any) -> None:
    """Note whether the person has a second factor. Receiver of `user_logged_in`."""
    request.session[HAS_ONE] = has_factor(user)


user_logged_in.connect(note_at_login)


class SecondFactor:
    """Middleware that leads people of staff to the page of their second factor. Must come after OTPMiddleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """Lead to the page, or go on."""
        person: Any = request.user
        match = request.resolver_match
        if match is None or not request.path_info.startswith("/admin/") or not person.is_authenticated:
            return None
        if match.app_names[-1:] == [PASSKEYS]:
            return _guard_passkeys(request, match.url_name or "")
        if (match.url_name or "").startswith(OPEN):
            return None
        if not (request.session.get(HAS_ONE, True) or settings.REQUIRE_SECOND_FACTOR):
            return None  # fast path: found out at the log-in, so that pages need not ask
        if person.is_verified() or not is_needed(person):
            return None
        page = "second-factor-check" if has_factor(person) else "second-factor"
        is_page = request.method == "GET"
        kept = None if is_page else request.keep_form()  # type: ignore[attr-defined]  # set by `KeptForms`
        next_page = request.get_full_path() if is_page else kept or reverse("admin:index")
        return HttpResponseRedirect(f"{reverse(page)}?{urlencode({'next': next_page})}")


def _guard_passkeys(request: HttpRequest, name: str) -> HttpResponse | None:
    """Refuse a new passkey from a session that nobody has given a password to for a while."""
    if name.startswith("credential-registration") and not is_fresh(request):
        text = translate("Your password is needed again. Open this page again, then add the passkey.")
        return JsonResponse({"detail": text, "code": "password_needed"}, status=403)
    return None


def works_in_the_shop(user: Any) -> bool:
    """Return whether the account is that of a person who may do something in the shop."""
    return user.service_id is None and bool(user.is_staff or user.is_superuser or permissions_of(user))


def is_needed(user: Any) -> bool:
    """Return whether the account has to give a second factor."""
    return has_factor(user) or (settings.REQUIRE_SECOND_FACTOR and works_in_the_shop(user))


def is_pending(request: HttpRequest) -> bool:
    """Return whether the log-in of this session is not complete: the second factor is to come."""
    person: Any = request.user
    return is_needed(person) and not person.is_verified()


def factors_of(user: Any) -> list[Device]:
    """Return the apps and passkeys of an account. Recovery codes alone are no second factor."""
    return [device for device in devices_for_user(user) if not isinstance(device, StaticDevice)]


def has_factor(user: Any) -> bool:
    """Return whether the account has an app or a passkey. Asked for each page, so in as few statements as possible."""
    mine = {"user_id": user.pk, "confirmed": True}
    return any(model.objects.filter(**mine).exists() for model in (TOTPDevice, WebAuthnCredential))


def accept_code(user: Any, code: str) -> Device | None:
    """Return the device whose code this is: an app's, or a recovery code, which is used up. None for a wrong one."""
    code = clean(code).replace(" ", "").lower()
    with transaction.atomic():
        for device in devices_for_user(user, for_verify=True):
            if isinstance(device, TOTPDevice | StaticDevice) and _fits(device, code) and device.verify_token(code):
                if isinstance(device, StaticDevice):
                    record_credentials(user, "recovery code used")
                return device
    return None


def _fits(device: Device, code: str) -> bool:
    """Return whether the code is one of this kind: a wrong try at one kind is not counted against the other."""
    return code.isdecimal() == isinstance(device, TOTPDevice)


def new_app(user: Any) -> TOTPDevice:
    """Return the app that the account is about to set up. It counts only once its first code was right."""
    app, _ = TOTPDevice.objects.get_or_create(user=user, confirmed=False, defaults={"name": "App"})
    return app


def confirm_app(app: TOTPDevice, code: str, request: HttpRequest | None = None) -> bool:
    """Return whether the code is that of the new app, which then is a second factor of its owner."""
    with transaction.atomic():
        if not app.verify_token(code.replace(" ", "")):
            return False
        app.confirmed = True
        app.save()
        record_credentials(app.user, "app added")
        end_others(app.user, request)
    return True


def new_recovery_codes(user: Any, request: HttpRequest | None = None) -> list[str]:
    """Return new recovery codes of the account, which replace the old ones. They cannot be shown again."""
    with transaction.atomic():
        # The device stays, and with it the session of somebody who came in with one of the old codes.
        device, _ = StaticDevice.objects.get_or_create(user=user, name="Recovery codes")
        StaticToken.objects.filter(device__user=user).delete()
        codes = [f"{StaticToken.random_token()}{StaticToken.random_token()}"[:16] for _ in range(RECOVERY_CODES)]
        StaticToken.objects.bulk_create(StaticToken(device=device, token=code) for code in codes)
        record_credentials(user, "recovery codes made")
        end_others(user, request)
    return codes


def remove(device: Any, request: HttpRequest | None = None) -> None:
    """Remove an app or a passkey; with the last one, the recovery codes too."""
    with transaction.atomic():
        user, key = device.user, device.persistent_id
        device.delete()
        record_credentials(user, f"{kind_of(device)} removed")
        left = factors_of(user)
        if not left:
            StaticDevice.objects.filter(user=user).delete()
        if request is not None and left and request.session.get(DEVICE_ID_SESSION_KEY) == key:
            login(request, left[0])  # the person has given a second factor in this session
        end_others(user, request)


def reset(user: Any, request: HttpRequest | None = None) -> int:
    """Remove all apps, passkeys and recovery codes of an account that lost them. Return how many there were."""
    with transaction.atomic():
        devices = list(devices_for_user(user, confirmed=None))
        for device in devices:
            device.delete()
        if devices:
            record_credentials(user, "second factor reset")
            end_others(user, request)
    return len(devices)


def kind_of(device: Any) -> str:
    """Return what kind of second factor it is."""
    return "app" if isinstance(device, TOTPDevice) else "passkey"
