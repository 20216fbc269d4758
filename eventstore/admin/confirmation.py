"""List actions that operate the site: each is confirmed on a page of its own, and recorded with the person.

    @action(description="Rebuild", permissions=["operate"])
    @confirmed("The rows are written again.")
    def rebuild(self, request, queryset): ...

The record is an entry of Django's admin log (`LogEntry`). Everything works without JavaScript.
"""

import logging
from collections.abc import Callable, Iterable
from functools import wraps
from hashlib import sha256
from typing import Any

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

log = logging.getLogger(__name__)

NAMED = 50  # rows that the page names; it counts the others

Action = Callable[[Any, HttpRequest, QuerySet[Any]], HttpResponse | None]


def recorded(function: Action) -> Action:
    """Record each run of a list action with the person, the chosen rows and the action's title."""

    @wraps(function)
    def run(self: Any, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        record(request, queryset, _title(self, function))
        return function(self, request, queryset)

    return run


def confirmed(consequence: str, *, named: Callable[[QuerySet[Any]], Iterable[str]] | None = None) -> Any:
    """Show what a list action will do, and do it only when it is confirmed; then record it as `recorded` does.

    `named` returns the names of what the action changes; by default the chosen rows. If other rows would be changed
    than the page has shown, the page is shown again.
    """

    def decorate(function: Action) -> Action:
        @wraps(function)
        def run(self: Any, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
            keys = sorted(str(key) for key in queryset.values_list("pk", flat=True))
            if not keys:
                messages.warning(request, "The rows that you chose are not in the list any more. Choose again.")
                return None
            shown = sha256("\n".join(keys).encode()).hexdigest()
            if request.POST.get("confirmed") == shown:
                return recorded(function)(self, request, queryset)
            if "confirmed" in request.POST:
                messages.warning(
                    request, "The rows have changed since you chose them, so nothing was done. Look again."
                )
            names = list(named(queryset)) if named else [str(row) for row in queryset[:NAMED]]
            context = {
                **self.admin_site.each_context(request),
                "title": _title(self, function),
                "opts": self.opts,
                "consequence": consequence,
                "names": names,
                "others": 0 if named else len(keys) - len(names),
                "fields": [*_chosen(request), ("confirmed", shown)],
                "back": request.get_full_path(),
            }
            return TemplateResponse(request, "eventstore/confirm.html", context)

        return run

    return decorate


def record(request: HttpRequest, rows: Iterable[Model], what: str) -> None:
    """Write an entry of the admin's log for each row, and a line of the log."""
    entries = list(rows)
    if not entries:
        return
    user: Any = request.user
    LogEntry.objects.log_actions(user.pk, entries, CHANGE, change_message=what)
    log.info("%s: %s by staff:%s", what, ", ".join(map(str, entries[:NAMED])), user.get_username())


def _title(page: Any, function: Action) -> str:
    """Return the description that the action shows in its list."""
    return str(getattr(page, function.__name__).short_description)


def _chosen(request: HttpRequest) -> list[tuple[str, str]]:
    """Return the fields of the list's form that choose the same rows again."""
    names = ("action", "index", "select_across", ACTION_CHECKBOX_NAME)
    return [(name, value) for name in names for value in request.POST.getlist(name)]
