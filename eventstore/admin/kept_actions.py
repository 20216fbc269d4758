"""List actions that ask on a page of their own. If the login ends meanwhile, the page is shown again after the log-in.

The site keeps what was typed (`request.kept_data`, in `ordersite.admin.forms.kept_forms`). Nothing is done without the
person.
"""

from typing import Any

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest, QueryDict

from eventstore.admin.large_lists import can_be_key
from eventstore.ids import new_id


def typed_in(request: HttpRequest) -> QueryDict:
    """Return what was typed into the page of an action: now, or before the login ended. Nothing at first."""
    kept: QueryDict | None = getattr(request, "kept_data", lambda: None)()
    return kept or request.POST


def hidden_fields(request: HttpRequest) -> dict[str, str]:
    """Return the context of `eventstore/kept_form.html`, with which a form is kept."""
    return {"form_id": typed_in(request).get("form_id") or str(new_id())}


class KeptActions:
    """A mixin for an admin class. `asking` are the names of the actions that ask on a page of their own."""

    asking: tuple[str, ...] = ()

    def changelist_view(self: Any, request: HttpRequest, extra_context: Any = None) -> Any:
        """Show the page of an action again, with the rows that are still there, or the list."""
        typed = typed_in(request)
        name = str(typed.get("action", "")) if request.method == "GET" else ""
        if name in self.asking and name in self.get_actions(request):
            keys = [key for key in typed.getlist(ACTION_CHECKBOX_NAME) if can_be_key(self.model, key)]
            chosen = self.get_queryset(request).filter(pk__in=keys)
            if chosen:
                return getattr(self, name)(request, chosen)
        return super().changelist_view(request, extra_context)  # type: ignore[misc]  # of the admin class
