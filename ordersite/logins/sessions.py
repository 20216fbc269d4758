"""A session in the admin ends when nobody has used it for a while, and at the latest after a working day.

Forms that were open then are kept: see `ordersite.admin.forms.kept_forms`. The moment of the last request is in a
signed cookie and not in the session, because a page must not need to write: the database may be readable only.
"""

from collections.abc import Callable
from time import time
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout, update_session_auth_hash
from django.contrib.auth.signals import user_logged_in
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from knox.models import AuthToken

from ordersite.models import User

BEGAN = "began_at"  # of the log-in, in Unix seconds
PASSWORD = "password_at"  # noqa: S105 - the moment of the last password that was right
COOKIE = "session_used"
_SALT = "ordersite.logins.sessions"
_EXACT_TO = 30  # seconds: more exact would send the cookie with each answer
ENDED = "Your login had ended, because it was not used for {minutes} minutes or is {hours} hours old. Log in again."


def begin(sender: Any, request: HttpRequest, user: Any, **signal: Any) -> None:
    """Note when somebody logged in. Receiver of `user_logged_in`."""
    request.session[BEGAN] = request.session[PASSWORD] = int(time())


user_logged_in.connect(begin)


def end_others(user: Any, request: HttpRequest | None = None) -> None:
    """End every session and API token of the account, because what it logs in with has changed.

    The session of `request` goes on, if it is one of this account. A new password does the same without a call: the
    hash in a session follows the password, and `ordersite.withdrawal` ends the tokens.
    """
    User.objects.filter(pk=user.pk).update(sessions_ended=F("sessions_ended") + 1)
    user.refresh_from_db(fields=["sessions_ended"])
    AuthToken.objects.filter(user_id=user.pk).delete()
    if request is not None and request.user.pk == user.pk:
        update_session_auth_hash(request, user)


class SessionLimits:
    """Middleware that ends sessions. Must come after the middleware of messages and before `KeptForms`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request, and remember in the browser that the session was used."""
        response = self.get_response(request)
        used, key_before = getattr(request, "session_used", (None, None))
        key = request.session.session_key
        # The key is another one after a new password: a cookie for the old one would prove nothing.
        if used is not None and key and (time() - used > _EXACT_TO or key != key_before):
            response.set_signed_cookie(
                COOKIE,
                f"{key}:{int(time())}",
                salt=_SALT,
                path=settings.SESSION_COOKIE_PATH,
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite="Lax",
            )
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        """Log the person out if the session is over. A form is then kept, and a page asks for a log-in."""
        is_of_admin = request.path_info.startswith("/admin/")  # elsewhere nothing asks for a session
        if not is_of_admin or settings.SESSION_COOKIE_NAME not in request.COOKIES or not request.user.is_authenticated:
            return
        began = request.session.get(BEGAN)
        used = max(_used_at(request), began or 0)
        if began is None or is_over(began, used, time()):
            logout(request)
            text = ENDED.format(minutes=settings.STAFF_IDLE_MINUTES, hours=settings.STAFF_SESSION_HOURS)
            messages.warning(request, text)
        else:
            request.session_used = used, request.session.session_key  # type: ignore[attr-defined]


def is_over(began: float, used: float, now: float) -> bool:
    """Return whether a session was not used for too long, or began too long ago; all in Unix seconds."""
    is_idle = now - used > settings.STAFF_IDLE_MINUTES * 60
    return bool(is_idle or now - began > settings.STAFF_SESSION_HOURS * 3600)


def _used_at(request: HttpRequest) -> int:
    """Return when this session was last used, as far as the browser can prove it; 0 if it cannot."""
    key, _, moment = (request.get_signed_cookie(COOKIE, default="", salt=_SALT) or "").partition(":")
    return int(moment) if moment.isdecimal() and key == request.session.session_key else 0
