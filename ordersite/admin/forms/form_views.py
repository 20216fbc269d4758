"""What all command forms in the admin share.

A form that is sent twice is one command. A form carries the version that its reader saw, and is refused with what
changed since. Whatever the reason of a refusal, the form is shown again with it and with all that was typed.
"""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID, uuid5

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.utils.translation import gettext

from eventstore.dispatch import Answer, Context
from eventstore.errors import UNREADABLE, CommandRefused, ConcurrencyError, IdempotencyConflict
from eventstore.ids import new_id
from eventstore.limits.numbers import MOST_VERSION, parse_whole
from orders.http.approvals import WaitsForApproval
from orders.http.approvals import send as send_by_hand
from orders.http.request import correlation_of
from ordersite.admin.forms.command_form import form_for
from ordersite.admin.forms.conflicts import Change, changes_since
from ordersite.admin.forms.kept_forms import kept_data

REFUSALS = (CommandRefused, IdempotencyConflict, ConcurrencyError, WaitsForApproval, *UNREADABLE)


def is_sent(request: HttpRequest) -> bool:
    """Whether the request sends one of our forms; otherwise the form is only shown."""
    return request.method == "POST" and is_uuid(request.POST.get("form_id", ""))


def typed_data(request: HttpRequest) -> QueryDict | None:
    """Return what was typed into the form: it is sent now, or was kept over a log-in. None for an empty form."""
    return request.POST if is_sent(request) else kept_data(request)


def form_id_of(typed: QueryDict | None) -> str:
    """Return the id of the form: a new one for an empty form."""
    form_id = str(typed.get("form_id", "")) if typed else ""
    return form_id if is_uuid(form_id) else str(new_id())


def actor_of(request: HttpRequest) -> str:
    """Return the person of the request as the log names actors."""
    return f"staff:{request.user.get_username()}"


def version_of(seen: str) -> int:
    """Return the version that a form says its reader saw; 0, which no aggregate has, if it says none."""
    try:
        return parse_whole(seen, most=MOST_VERSION)
    except ValueError:
        return 0


def context_of(request: HttpRequest, content: str, seen: int | None) -> Context:
    """Return the context of the command: who sends it, an id, and the version seen. None if there is none to see.

    The same form with the same content gets the same id, so that it is one command when the same person sends it twice.
    """
    actor = actor_of(request)
    return Context(
        actor=actor,
        command_id=uuid5(UUID(request.POST["form_id"]), f"{actor} {content}"),
        correlation_id=correlation_of(request),
        expected_version=seen,
    )


def reason_of(refusal: Exception) -> str:
    """Return the text of a refusal in the reader's language."""
    if isinstance(refusal, ConcurrencyError):
        return "it has changed since you opened this form, so nothing was done. Look at it again, then decide."
    if isinstance(refusal, WaitsForApproval):
        return f"{refusal.why.message_in(gettext)}. It is stored, and waits under Approvals: nothing more to do here."
    return refusal.message_in(gettext) if isinstance(refusal, CommandRefused) else str(refusal)


def changes_behind(refusal: Exception) -> list[Change]:
    """Return what changed since the form was opened, if that is why it was refused."""
    if not isinstance(refusal, ConcurrencyError) or refusal.aggregate_id is None:
        return []
    return changes_since(refusal.aggregate_id, refusal.expected or 0)


def ask(
    request: HttpRequest,
    page: Mapping[str, Any],
    command: type,
    *supplied: str,
    complete: Callable[[dict[str, Any]], dict[str, Any]],
    back: str,
    version: int | None = None,
    send: Callable[[Any, Context], Answer | None] = send_by_hand,
) -> HttpResponse:
    """Show the form of a command that is not about an order; on POST, send it and redirect to `back`.

    The form does not ask for the fields in `supplied`; `complete` adds them. `page` is the context of the admin page.
    `version` is the version that the page shows, or None if the command begins something.
    """
    typed, changes = typed_data(request), []
    seen = version if version is None or typed is None else version_of(typed.get("seen", ""))
    form = form_for(command, *supplied)(typed)
    if is_sent(request) and form.is_valid():
        fields = complete(form.cleaned_data)
        content = f"{command.__name__} {sorted(map(str, fields.items()))}"
        try:
            send(command(**fields), context_of(request, content, seen))
        except REFUSALS as refusal:
            form.add_error(None, reason_of(refusal))
            changes = changes_behind(refusal)
            seen = changes[-1].version if changes else seen
        else:
            messages.success(request, f"{page['title']}: done")
            return HttpResponseRedirect(back)
    context = {
        **page,
        "form": form,
        "form_id": form_id_of(typed),
        "seen": seen,
        "changes": changes,
        "url": request.path,
        "back": back,
    }
    return TemplateResponse(request, "ordersite/form.html", context)


def is_uuid(value: str) -> bool:
    """Whether the text is a UUID."""
    try:
        UUID(value)
    except ValueError:
        return False
    return True
