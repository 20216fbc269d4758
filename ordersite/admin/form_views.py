"""What all command forms in the admin share.

A form that is sent twice is one command. A refusal is shown on the page of the form.
"""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID, uuid5

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext

from eventstore.dispatch import Answer, Context, dispatch
from eventstore.errors import CommandRefused, ConcurrencyError, IdempotencyConflict
from eventstore.ids import new_id
from orders.http.request import correlation_of
from ordersite.admin.command_form import form_for

REFUSALS = (CommandRefused, IdempotencyConflict, ConcurrencyError)


def is_sent(request: HttpRequest) -> bool:
    """Whether the request sends one of our forms; otherwise the form is only shown."""
    return request.method == "POST" and is_uuid(request.POST.get("form_id", ""))


def context_of(request: HttpRequest, content: str) -> Context:
    """Return the context of the command: who sends it, and an id.

    The same form with the same content gets the same id, so that it is one command when it is sent twice.
    """
    seen = request.POST.get("seen", "")
    return Context(
        actor=f"staff:{request.user.get_username()}",
        command_id=uuid5(UUID(request.POST["form_id"]), content),
        correlation_id=correlation_of(request),
        expected_version=int(seen) if seen.isdecimal() else None,
    )


def reason_of(refusal: Any) -> str:
    """Return the text of a refusal in the reader's language."""
    if isinstance(refusal, ConcurrencyError):
        return "it has changed since you opened this form, so nothing was done. Look at it again, then decide."
    return refusal.message_in(gettext) if isinstance(refusal, CommandRefused) else str(refusal)


def ask(
    request: HttpRequest,
    page: Mapping[str, Any],
    command: type,
    *supplied: str,
    complete: Callable[[dict[str, Any]], dict[str, Any]],
    back: str,
    send: Callable[[Any, Context], Answer | None] = dispatch,
) -> HttpResponse:
    """Show the form of a command that is not about an order; on POST, send it and redirect to `back`.

    The form does not ask for the fields in `supplied`; `complete` adds them. `page` is the context of the admin page.
    """
    form_class = form_for(command, *supplied)
    form = form_class(request.POST if is_sent(request) else None)
    if is_sent(request) and form.is_valid():
        fields = complete(form.cleaned_data)
        try:
            send(command(**fields), context_of(request, f"{command.__name__} {sorted(map(str, fields.items()))}"))
        except REFUSALS as refusal:
            form.add_error(None, reason_of(refusal))
        else:
            messages.success(request, f"{page['title']}: done")
            return HttpResponseRedirect(back)
    form_id = request.POST.get("form_id") or new_id()
    context = {**page, "form": form, "form_id": form_id, "url": request.path, "back": back}
    return TemplateResponse(request, "ordersite/form.html", context)


def is_uuid(value: str) -> bool:
    """Whether the text is a UUID."""
    try:
        UUID(value)
    except ValueError:
        return False
    return True
