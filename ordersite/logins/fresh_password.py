"""What cannot be undone needs the password again, unless it was given a few minutes ago.

The form waits meanwhile: the page that asks for the password carries everything that was typed, and sends it on. So an
unattended or stolen session erases nobody, drops nothing and gives no rights.
"""

from collections.abc import Callable
from time import time
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.auth import authenticate
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from ordersite.logins.page_texts import fresh_password_texts, in_browsers_language
from ordersite.logins.sessions import PASSWORD
from ordersite.middleware.rate_limits import count_login_attempt, seconds_to_wait

FIELD = "fresh_password"
NAMES = frozenset(
    {
        *("auth_user_password_change", "ordersite_user_add", "ordersite_user_erase", "ordersite_user_reset_factor"),
        *("auth_group_add", "auth_group_change", "knox_authtoken_add"),
        *("ordersite_serviceaccount_add", "ordersite_serviceaccount_change", "ordersite_serviceaccount_new_token"),
        *("second-factor-app", "second-factor-codes", "second-factor-passkey", "second-factor-remove"),
    }
)
"""The names of addresses whose forms change who may do what, or destroy something."""


class FreshPassword:
    """Middleware that asks for the password before such a form is sent on. Must come after `KeptForms`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """Show the page that asks for the password, or go on."""
        # The person is asked for last: that reads the session, after which no answer of the API could be cached.
        if not cannot_be_undone(request) or not request.user.is_authenticated or is_fresh(request):
            return None
        return None if FIELD in request.POST and _check(request) else _ask(request)


def cannot_be_undone(request: HttpRequest) -> bool:
    """Return whether the request is a form that destroys something or changes who may do what.

    A list action that is confirmed counts: actions are confirmed because they cannot be undone.
    """
    match = request.resolver_match
    if request.method != "POST" or match is None or not request.path_info.startswith("/admin/"):
        return False
    name = match.url_name or ""
    is_deletion = name.endswith("_delete") or (
        request.POST.get("action") == "delete_selected" and "post" in request.POST
    )
    changes_access = name == "ordersite_user_change" and bool(request.POST.get("reason", "").strip())
    leaves_out = request.POST.get("action") == "leave_out" and "reason" in request.POST
    return is_deletion or changes_access or leaves_out or "confirmed" in request.POST or name in NAMES


def is_fresh(request: HttpRequest) -> bool:
    """Return whether the person gave the password a moment ago."""
    given: int = request.session.get(PASSWORD, 0)
    return bool(time() - given < settings.FRESH_PASSWORD_MINUTES * 60)


def _check(request: HttpRequest) -> bool:
    """Return whether the password is right, and note it."""
    person: Any = request.user
    if seconds_to_wait(count_login_attempt(request, person.get_username())):
        return False
    user = authenticate(request, username=person.get_username(), password=request.POST[FIELD])
    if user is None or user.pk != person.pk:
        return False
    request.session[PASSWORD] = int(time())
    return True


@in_browsers_language
def _ask(request: HttpRequest) -> HttpResponse:
    left_out = (FIELD, "csrfmiddlewaretoken")
    fields = [(name, value) for name, values in request.POST.lists() if name not in left_out for value in values]
    texts = fresh_password_texts(settings.FRESH_PASSWORD_MINUTES)
    context = {
        **admin.site.each_context(request),
        "title": texts["title"],
        "texts": texts,
        "fields": fields,
        "field": FIELD,
        "is_wrong": FIELD in request.POST,
        "back": back_from(request),
    }
    response = TemplateResponse(request, "ordersite/fresh_password.html", context, status=403)
    response["Cache-Control"] = "no-store"
    return response


def back_from(request: HttpRequest) -> str:
    """Return the page to go back to without doing it. Some addresses take forms only, and have no page of their own."""
    name = request.resolver_match.url_name if request.resolver_match else ""
    is_of_factor = (name or "").startswith("second-factor-")
    return reverse("second-factor") if is_of_factor else request.get_full_path()
