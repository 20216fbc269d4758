"""What forms of commands in the admin have in common: sent twice they are one command, and a refusal stands beside."""

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
    """Whether a form of ours was sent, and is not only to be shown."""
    return request.method == "POST" and is_uuid(request.POST.get("form_id", ""))


def context_of(request: HttpRequest, content: str) -> Context:
    """Who sends the form. The same form with the same content, sent twice, is one command."""
    seen = request.POST.get("seen", "")
    return Context(
        actor=f"staff:{request.user.get_username()}",
        command_id=uuid5(UUID(request.POST["form_id"]), content),
        correlation_id=correlation_of(request),
        expected_version=int(seen) if seen.isdecimal() else None,
    )


def why(refusal: Any) -> str:
    if isinstance(refusal, ConcurrencyError):
        return "it has changed since you saw it, so nothing was done: look at it as it is now, and decide again"
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
    """The form of a command to something else than an order; on POST sends it, and leads `back`.

    `complete` adds to what the form says what is `supplied`; `page` is the context of the admin's page.
    """
    made = form_for(command, *supplied)
    form = made(request.POST if is_sent(request) else None)
    if is_sent(request) and form.is_valid():
        fields = complete(form.cleaned_data)
        try:
            send(command(**fields), context_of(request, f"{command.__name__} {sorted(map(str, fields.items()))}"))
        except REFUSALS as refusal:
            form.add_error(None, why(refusal))
        else:
            messages.success(request, f"{page['title']}: done")
            return HttpResponseRedirect(back)
    form_id = request.POST.get("form_id") or new_id()
    context = {**page, "form": form, "form_id": form_id, "url": request.path, "back": back}
    return TemplateResponse(request, "ordersite/form.html", context)


def is_uuid(value: str) -> bool:
    try:
        UUID(value)
    except ValueError:
        return False
    return True
