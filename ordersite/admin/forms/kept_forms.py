"""Keep what was typed into a form that arrives after its login has ended, or with an outdated CSRF token.

The form is not sent. It is stored in the session on the server, and shown again after the log-in, to the person who
opened it and to nobody else. Each form names that person in a signed field, so that only forms of this site are stored.
"""

from collections.abc import Callable
from functools import partial
from time import time
from typing import Any

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.http import urlencode

from eventstore.ids import new_id
from ordersite.error_pages import CSRF, error_page

SESSION = "kept_forms"
PARAMETER = "kept"
OWNER = "form_owner"
MOST = 5  # forms kept in one session; the oldest makes room
SECONDS = 24 * 60 * 60  # a form is kept for a day
OPEN_SECONDS = 14 * SECONDS  # after which an open form is no longer believed to be its owner's
NOT_SENT = "This was not sent, because your login had ended. What you typed is still here: look at it, then send it."

_signer = TimestampSigner(salt="ordersite.admin.forms.kept_forms")


def form_owner(request: HttpRequest) -> dict[str, Callable[[], str]]:
    """Context processor: `form_owner` names the logged-in person, for a hidden field of that name."""

    def signed() -> str:
        user = getattr(request, "user", None)
        return _signer.sign(str(user.pk)) if user and user.is_authenticated else ""

    return {OWNER: signed}


def _owner_of(request: HttpRequest) -> str | None:
    """Return the key of the person who opened the form in the request, or None for any other request."""
    if request.method != "POST" or OWNER not in request.POST:
        return None
    try:
        return _signer.unsign(request.POST[OWNER], max_age=OPEN_SECONDS)
    except BadSignature:
        return None


class KeptForms:
    """Keeps the forms of people whose login has ended. Must come after the authentication middleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.kept_data = partial(kept_data, request)  # type: ignore[attr-defined]  # for pages below this package
        request.keep_form = partial(keep_until_open, request)  # type: ignore[attr-defined]  # for the second factor
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """Keep the form of the request, unless the person who opened it is logged in."""
        owner = _owner_of(request)
        if owner is None:
            return None
        if str(request.user.pk) != owner:
            return _keep(request, owner)
        _forget(request, lambda form: form["data"].get("form_id") == request.POST.getlist("form_id"))
        return None


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Keep the form of a person who has logged in again since it was opened; explain any other failure.

    `reason` is for the log, which has it already.
    """
    owner = _owner_of(request)
    return error_page(request, 403, kind=CSRF) if owner is None else _keep(request, owner)


def _keep(request: HttpRequest, owner: str) -> HttpResponse:
    """Store the form and lead its owner back to it. A form of another person is neither stored nor sent."""
    if request.user.is_authenticated and str(request.user.pk) != owner:
        messages.error(request, "Another person had opened that form, so nothing was sent. Open it yourself.")
        return HttpResponseRedirect(reverse("admin:index"))
    address = _store(request, owner)
    if request.user.is_authenticated:
        return HttpResponseRedirect(address)
    return redirect_to_login(address, reverse("admin:login"))


def keep_until_open(request: HttpRequest) -> str | None:
    """Keep a form of a person who has not given the second factor yet. Return where it is then; None for no form."""
    owner = _owner_of(request)
    return _store(request, owner) if owner == str(request.user.pk) else None


def _store(request: HttpRequest, owner: str) -> str:
    """Store the form in the session. Return the address that shows it again."""
    key = str(new_id())
    left_out = (OWNER, "csrfmiddlewaretoken")
    data = {name: values for name, values in request.POST.lists() if name not in left_out}
    form = {"owner": owner, "path": request.path, "data": data, "at": int(time())}
    earlier = list(request.session.get(SESSION, {}).items())
    request.session[SESSION] = dict([*earlier, (key, form)][-MOST:])
    return f"{request.path}?{urlencode({PARAMETER: key})}"


def kept_data(request: HttpRequest) -> QueryDict | None:
    """Return what the person of the request had typed into this form before the login ended, or None."""
    if PARAMETER not in request.GET or request.method == "POST":
        return None
    if not hasattr(request, "kept_form"):  # asked for more than once, told once
        request.kept_form = _find(request)  # type: ignore[attr-defined]
    kept: QueryDict | None = request.kept_form  # type: ignore[attr-defined]
    return kept


def _find(request: HttpRequest) -> QueryDict | None:
    oldest, person = time() - SECONDS, str(request.user.pk)
    _forget(request, lambda form: form["owner"] != person or form["at"] < oldest)
    form = request.session.get(SESSION, {}).get(request.GET[PARAMETER])
    if form is None or form["path"] != request.path:
        messages.error(request, "What was typed into that form is no longer kept for you. Nothing was sent.")
        return None
    messages.warning(request, NOT_SENT)
    data = QueryDict(mutable=True)
    for name, values in form["data"].items():
        data.setlist(name, values)
    return data


def _forget(request: HttpRequest, condition: Callable[[dict[str, Any]], bool]) -> None:
    forms = request.session.get(SESSION)
    if forms and any(map(condition, forms.values())):
        request.session[SESSION] = {key: form for key, form in forms.items() if not condition(form)}
