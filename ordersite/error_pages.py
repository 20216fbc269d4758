"""HTML error pages for people: what happened, what to do next, and the request's id.

Staff who are logged in get the page inside the admin. Everybody else, and everybody after an unexpected error, gets a
page that needs no session, no database and no static file. Below /api/ errors are problems: ordersite/api/problems.py.
"""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.cache import add_never_cache_headers, patch_vary_headers

from orders.http.i18n import translate
from orders.http.request import is_api, request_id
from ordersite.middleware.language import supported_language

CSRF = "csrf"
"""The kind of a refused form. Its status is 403."""
READ_ONLY = "read_only"
"""The kind of an error of a site whose database may only be read now. Its status is 503."""

TITLES: dict[int | str, str] = {
    400: "The request cannot be read",
    403: "You may not do this",
    404: "There is nothing here",
    405: "This address does not take such a request",
    413: "Too much was sent at once",
    414: "The address is too long",
    415: "The request is not UTF-8",
    429: "Too many requests",
    431: "The browser sent too much with the request",
    500: "Something went wrong on our side",
    503: "The site cannot answer now",
    CSRF: "The form was not accepted",
    READ_ONLY: "Nothing can be changed now",
}
HAPPENED: dict[int | str, str] = {
    400: "The address or the form that your browser sent is malformed. Nothing was changed.",
    403: "Your account does not have the permission that this page needs. Nothing was changed.",
    404: "The address may be mistyped, or what it named does not exist any more.",
    405: "The page exists, but not for this kind of request: a link may lead where only a form may.",
    413: "What you sent is larger than the site accepts. Nothing was changed.",
    414: "The address holds more than the site accepts, perhaps a very long list of filters.",
    415: "The browser sent a form in another encoding. Nothing was changed.",
    429: "There were more requests from your address than the site accepts in a short time.",
    431: "The cookies or other headers of the request are larger than the site accepts.",
    500: "The error is recorded. What you sent may or may not have been done.",
    503: "A part that the site needs, such as its database, does not answer now. What you sent may not have been done.",
    READ_ONLY: "The site's database can only be read at the moment, perhaps for maintenance. Nothing was changed.",
    CSRF: "It did not come from a page that the site gave to your session. Nothing was changed.",
}
ADVICE: dict[int | str, str] = {
    400: "Go back, open the page again, and repeat what you did.",
    403: "Ask an administrator for the permission, or log in with another account.",
    404: "Check the address, or look for it from the start page.",
    405: "Go back, and use the buttons of the page that you came from.",
    413: "Send less at once.",
    414: "Choose fewer filters, or search for fewer words.",
    415: "Open the page again, and repeat what you did.",
    429: "Wait a minute, then try again.",
    431: "Delete the site's cookies in your browser, then log in again.",
    500: "Look whether it was done before you repeat it. If it happens again, report the request's id.",
    503: "Wait a minute, then try again. If it does not help, report the request's id.",
    READ_ONLY: "Go back to keep what you typed, and send it again in a few minutes. Reading still works.",
    CSRF: (
        "Open the page again and send the form once more. This happens after you have logged in or out in another tab,"
        " and if the browser does not keep the site's cookies."
    ),
}
PLAIN_FROM = 500  # from this status on, nothing that may fail again is asked: no session and no permissions


def error_page(request: HttpRequest, status: int, *, kind: str | None = None) -> HttpResponse:
    """Return the page of an error, in the first language that the browser accepts.

    `kind` chooses other texts than those of the status.
    """
    language = supported_language(request.headers.get("Accept-Language", ""))
    with translation.override(language):
        response = HttpResponse(_render(request, status, kind), status=status)
    response["Content-Language"] = language
    patch_vary_headers(response, ("Accept-Language", "Cookie"))
    add_never_cache_headers(response)
    return response


class FillEmptyErrors:
    """Middleware that gives a page to an error without a body, such as Django's own 405."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        response = self.get_response(request)
        if response.status_code < 400 or is_api(request) or response.streaming or response.content:
            return response
        page = error_page(request, response.status_code)
        response.content = page.content
        for name, value in page.items():
            response[name] = value
        return response


def _render(request: HttpRequest, status: int, kind: str | None) -> str:
    key = kind or (status if status in TITLES else 400 if status < 500 else 500)
    context: dict[str, Any] = {
        "status": status,
        "title": translate(TITLES[key]),
        "happened": translate(HAPPENED[key]),
        "advice": translate(ADVICE[key]),
        "request_id": request_id(request),
        "request_id_label": translate("Request id"),
        "start_label": translate("Start page"),
        "again_label": translate("Open the page again"),
        "start": reverse("admin:index"),
        "again": request.path if kind == CSRF else "",
    }
    user = getattr(request, "user", None) if status < PLAIN_FROM else None
    if user is None or not (user.is_active and user.is_staff):
        nonce = str(getattr(request, "csp_nonce", ""))
        return render_to_string("ordersite/error.html", context | {"nonce": nonce})
    return render_to_string("ordersite/admin_error.html", admin.site.each_context(request) | context, request)
