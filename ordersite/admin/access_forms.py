"""The parts of the admin that keep to the limits on giving access, and ask why when somebody gives or takes it.

The limits are in `ordersite.access.powers`. They are checked where a form is shown, and again where it is saved.
"""

from typing import Any

from django import forms
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminTextInputWidget

from ordersite.access import powers
from ordersite.access.recording import asked_by

DELETED = "Deleted in the admin"


class AsksWhy(forms.ModelForm):  # type: ignore[type-arg]  # generic only in the stubs
    """A form that asks for the reason if it changes access. `access_fields` are the fields that do."""

    access_fields: tuple[str, ...] = ()

    reason = forms.CharField(
        label="Why",
        required=False,
        max_length=500,
        widget=UnfoldAdminTextInputWidget,
        help_text="Needed when you change what somebody may do. It stands in the event log, with your name.",
    )

    def clean(self) -> Any:
        """Raises ValidationError if access changes without a reason."""
        cleaned = super().clean()
        changed = [name for name in self.access_fields if name in self.changed_data]
        if changed and not (self.cleaned_data.get("reason") or "").strip():
            self.add_error("reason", "Say why you change what this account or group may do. Then save it again.")
        return cleaned


class RecordsWhy:
    """A mixin for an admin class whose form is `AsksWhy`: the changes are recorded with the person and the reason."""

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the fields; without the reason on a page that can only be read."""
        fieldsets = super().get_fieldsets(request, obj)  # type: ignore[misc]  # of the admin class
        if obj is None or self.has_change_permission(request, obj):  # type: ignore[attr-defined]  # of the admin class
            return fieldsets
        shown = [(title, [name for name in part["fields"] if name != "reason"], part) for title, part in fieldsets]
        return [(title, {**part, "fields": names}) for title, names, part in shown if names]

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        with asked_by(request, request.POST.get("reason", "").strip()):
            return super().changeform_view(request, *args, **kwargs)  # type: ignore[misc]  # of the admin class

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        with asked_by(request, DELETED):
            super().delete_model(request, obj)  # type: ignore[misc]  # of the admin class

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        with asked_by(request, DELETED):
            super().delete_queryset(request, queryset)  # type: ignore[misc]  # of the admin class


class OnlyManageable:
    """A mixin for the pages of accounts: a person changes and deletes only accounts that may do no more than they."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        may: bool = super().has_change_permission(request, obj)  # type: ignore[misc]  # of the admin class
        return may and (obj is None or self._may_manage(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        may: bool = super().has_delete_permission(request, obj)  # type: ignore[misc]  # of the admin class
        return may and (obj is None or self._may_manage(request, obj))

    def _may_manage(self, request: HttpRequest, obj: Any) -> bool:
        account = self.get_object(request, obj) if isinstance(obj, str) else obj  # type: ignore[attr-defined]
        return account is None or powers.may_manage(request.user, account)  # unfold asks with the key of the row


class OnlySuperusersChange:
    """A mixin for pages that say what others may do: only superusers add, change and delete."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)


def is_superuser(request: HttpRequest) -> bool:
    """Return whether the person is a superuser who may log in."""
    user: Any = request.user
    return bool(user.is_active and user.is_superuser)
