"""Forms that save a row of a table, such as an account or a group, and carry what their reader saw of it.

A form whose row has changed since is not saved. It says what changed, and can be sent again after a look at it. Forms
that send commands carry a version of the log instead: see `form_views`.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django import forms
from django.contrib.admin.models import LogEntry
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from eventstore.limits.json_text import read_json

SEEN = "seen"  # the hidden field
STALE = "It has changed since you opened this form, so nothing was saved. What you typed is still here."

Values = Mapping[str, str | list[str]]


@dataclass(frozen=True, kw_only=True)
class FieldChange:
    """A field whose saved value is another than the reader of the form saw. `what` is a sentence."""

    field: str
    what: str


class SavedRow:
    """A mixin for a form about a row that exists. A form that does not say what its reader saw counts as stale."""

    data: Mapping[str, Any]
    fields: dict[str, forms.Field]

    @property
    def row(self) -> Model:
        """Return the row that the form saves."""
        return self.instance  # type: ignore[attr-defined,no-any-return]  # of the model form

    def values_of(self, row: Model) -> Values:
        """Return the saved value of each field that the form may change."""
        editable = [name for name, field in self.fields.items() if not field.disabled]
        return {name: _as_text(value) for name, value in forms.model_to_dict(row, editable).items()}

    def clean(self) -> Any:
        """Raises ValidationError if the row is not as the reader saw it. It stays locked until it is saved."""
        cleaned = super().clean()  # type: ignore[misc]  # of the form
        if self._current != self._seen_values:
            raise ValidationError(STALE, code="stale")
        return cleaned

    @property
    def seen(self) -> str:
        """Return the value of the hidden field: the moment, and the values that the page shows as saved."""
        return json.dumps({"at": timezone.now().isoformat(), "values": self._current})

    @property
    def entries_since(self) -> list[LogEntry]:
        """Return what the admin's log says about the row since the form was opened, oldest first."""
        moment = self._sent.get("at")
        if not isinstance(moment, datetime):
            return []
        entries = LogEntry.objects.filter(object_id=str(self.row.pk), action_time__gte=moment)
        of_table = entries.filter(
            content_type__app_label=self.row._meta.app_label, content_type__model=self.row._meta.model_name
        )
        return list(of_table.select_related("user").order_by("action_time"))

    @property
    def changes(self) -> Iterator[FieldChange]:
        """Yield each field that has changed since the form was opened."""
        for name, now in self._current.items():
            before = self._seen_values.get(name)
            if before is not None and before != now:
                label = str(self.fields[name].label or name) if name in self.fields else name.capitalize()
                yield FieldChange(field=label, what=self._in_words(name, before, now))

    @cached_property
    def _current(self) -> Values:
        """The values that are saved now; when the form is sent, of the locked row; none if it was deleted."""
        if not self.data:
            return self.values_of(self.row)
        locked = type(self.row)._base_manager.select_for_update().filter(pk=self.row.pk).first()
        return self.values_of(locked) if locked else {}

    @cached_property
    def _sent(self) -> dict[str, Any]:
        return _read(self.data.get(SEEN, ""))

    @property
    def _seen_values(self) -> Values:
        values: Values = self._sent.get("values", {})
        return values

    def _in_words(self, name: str, before: str | list[str], now: str | list[str]) -> str:
        if isinstance(now, str) and isinstance(before, str):
            return f"was “{before}”, is now “{now}”"
        queryset = getattr(self.fields[name], "queryset", None)
        names = {str(each.pk): str(each) for each in queryset.all()} if queryset is not None else {}
        parts = (("added", set(now) - set(before)), ("removed", set(before) - set(now)))
        return "; ".join(
            f"{verb}: {', '.join(sorted(names.get(key, key) for key in keys))}" for verb, keys in parts if keys
        )


class SavedPassword(SavedRow):
    """The same for a form that sets the password of `user`. What its reader saw is a digest, never the stored hash."""

    @property
    def row(self) -> Model:
        """Return the account."""
        return self.user  # type: ignore[attr-defined,no-any-return]  # of the password form

    def values_of(self, row: Any) -> Values:
        """Return a digest of the stored password."""
        return {"password": salted_hmac("ordersite.admin.forms.saved_rows", row.password).hexdigest()}

    def _in_words(self, name: str, before: Any, now: Any) -> str:
        return "was set again"


class SavedRows:
    """A mixin for an admin class whose form changes rows."""

    change_form_before_template = "ordersite/seen_row.html"

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Return the class of the form. The form of an existing row carries what its reader saw."""
        form = super().get_form(request, obj, change=change, **kwargs)  # type: ignore[misc]  # of the admin class
        return form if obj is None or issubclass(form, SavedRow) else type(form.__name__, (SavedRow, form), {})


def _as_text(value: Any) -> str | list[str]:
    """Return a field's value as text that a page can carry; the rows of a relation by their keys, in order."""
    if isinstance(value, list):
        return sorted(str(each.pk) for each in value)
    return "" if value is None else str(value)


def _read(text: str) -> dict[str, Any]:
    """Return what the hidden field says, or nothing if it cannot be read."""
    try:
        sent = read_json(text)
        moment, values = datetime.fromisoformat(sent["at"]), dict(sent["values"])
    except (ValueError, TypeError, KeyError):
        return {}
    is_readable = all(isinstance(value, str) or _is_list_of_text(value) for value in values.values())
    return {"at": moment, "values": values} if is_readable and timezone.is_aware(moment) else {}


def _is_list_of_text(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)
