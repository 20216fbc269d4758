"""A form field for a tuple of values, such as units of lines: a table with a small form in each row.

Not a Django formset, because a formset is a second form beside the main form, numbered from 0, with a management form.
Here the table is one field of a form that is made from a dataclass: it has one label and one list of errors, its rows
are named after line ids, its row forms differ in initial values and limits, and an unchanged row may or may not count.
A subclass of BaseFormSet would have to override each of these, and would still need this field around it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils.safestring import SafeString


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of the table.

    `key` is the id of a line, or any number. `cells` are texts before the row's form. `initial` and `most` are the
    initial values and upper limits of its fields.
    """

    key: int
    cells: tuple[Any, ...] = ()
    initial: Mapping[str, Any] = field(default_factory=dict)
    most: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Shown:
    """Which part of a long table a form shows: its rows `first` to `last`, by key, of keys up to `total`.

    `others` has the texts of the other parts that have rows, and their addresses.
    """

    first: int
    last: int
    total: int
    others: tuple[tuple[str, str], ...]


class RowsWidget(forms.Widget):
    """Shows the rows as a table. The value of the field is the list of row forms."""

    template_name = "ordersite/rows.html"

    def __init__(
        self,
        *,
        form: type[forms.Form],
        rows: tuple[Row, ...],
        columns: tuple[str, ...],
        unchanged_counts: bool,
        shown: Shown | None = None,
    ) -> None:
        super().__init__()
        self.form, self.rows, self.columns, self.unchanged_counts = form, rows, columns, unchanged_counts
        self.shown = shown

    def counts(self, form: forms.Form) -> bool:
        """Return whether the sent row is a part of the value. Only then is it checked and shows errors."""
        sent = {name: form[name].data for name in form.fields if form[name].data is not None}
        if self.unchanged_counts:
            return any(each not in ("", "0") for each in sent.values())
        return any(name in sent for name in form.changed_data)

    def row_forms(self, name: str, data: Any = None) -> list[forms.Form]:
        """Return the form of each row, bound to `data` if there is any."""
        return [self._form(row, name, data) for row in self.rows]

    def _form(self, row: Row, name: str, data: Any) -> forms.Form:
        form = self.form(data, prefix=f"{name}-{row.key}", initial=dict(row.initial), use_required_attribute=False)
        row_name = str(row.cells[0]) if row.cells else f"row {row.key + 1}"
        for field_name, form_field in form.fields.items():
            form_field.widget.attrs["aria-label"] = f"{form[field_name].label}: {row_name}"
            if field_name in row.most:
                form_field.widget.attrs["max"] = row.most[field_name]
        return form

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[forms.Form]:
        """Return the row forms, bound to the request's data."""
        return self.row_forms(name, data)

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """Return the table as HTML."""
        row_forms = value or self.row_forms(name)
        context = {
            "columns": self.columns,
            "shown": self.shown,
            "fields": [field.label for field in row_forms[0]] if row_forms else [],
            "rows": [
                (row, form, form.is_bound and self.counts(form)) for row, form in zip(self.rows, row_forms, strict=True)
            ],
        }
        return render_to_string(self.template_name, context)


class RowsField(forms.Field):
    """A field whose value is a tuple of `value` objects, one for each row that counts.

    A row counts if it was changed or, with `unchanged_counts`, if it is not empty.
    """

    widget: RowsWidget
    is_table = True
    """Read by the templates; no other field has it."""
    default_error_messages = {"required": "Fill in at least one row.", "rows": "Some rows have errors."}

    def __init__(
        self,
        *,
        value: type,
        form: type[forms.Form],
        rows: tuple[Row, ...],
        columns: tuple[str, ...],
        unchanged_counts: bool,
        shown: Shown | None = None,
        **common: Any,
    ) -> None:
        widget = RowsWidget(form=form, rows=rows, columns=columns, unchanged_counts=unchanged_counts, shown=shown)
        super().__init__(widget=widget, **common)
        self.value = value

    def to_python(self, value: list[forms.Form] | None) -> tuple[Any, ...]:
        """Return the values of the rows that count. Raises ValidationError if one of them has an error."""
        rows = self.widget.rows
        filled = [(row, form) for row, form in zip(rows, value or (), strict=False) if self.widget.counts(form)]
        if not all([form.is_valid() for _, form in filled]):  # noqa: C419 - validate all, so that each row shows its errors
            raise ValidationError(self.error_messages["rows"], code="rows")
        return tuple(self._value(row, form) for row, form in filled)

    def _value(self, row: Row, form: forms.Form) -> Any:
        line = {"line_id": row.key} if "line_id" not in form.fields and row.cells else {}
        return self.value(**line, **form.cleaned_data)

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether any row was changed."""
        return bool(data) and any(form.has_changed() for form in data)
