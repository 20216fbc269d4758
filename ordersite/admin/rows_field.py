"""A form field for several values of one kind, such as units of lines: a table with a small form in each row."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils.safestring import SafeString


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row: the id of the line that it is about, or any number; what stands in it, begins it and limits it."""

    key: int
    cells: tuple[Any, ...] = ()
    initial: Mapping[str, Any] = field(default_factory=dict)
    most: Mapping[str, Any] = field(default_factory=dict)


class RowsWidget(forms.Widget):
    template_name = "ordersite/rows.html"

    def __init__(self, *, form: type[forms.Form], rows: tuple[Row, ...], columns: tuple[str, ...]) -> None:
        super().__init__()
        self.form, self.rows, self.columns = form, rows, columns

    def in_rows(self, name: str, data: Any = None) -> list[forms.Form]:
        return [self._form(row, name, data) for row in self.rows]

    def _form(self, row: Row, name: str, data: Any) -> forms.Form:
        form = self.form(data, prefix=f"{name}-{row.key}", initial=dict(row.initial), use_required_attribute=False)
        what = str(row.cells[0]) if row.cells else f"row {row.key + 1}"
        for each, shown in form.fields.items():
            shown.widget.attrs["aria-label"] = f"{form[each].label}: {what}"
            if each in row.most:
                shown.widget.attrs["max"] = row.most[each]
        return form

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[forms.Form]:
        return self.in_rows(name, data)

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        shown = value or self.in_rows(name)
        context = {
            "columns": self.columns,
            "fields": [field.label for field in shown[0]] if shown else [],
            "rows": list(zip(self.rows, shown, strict=True)),
        }
        return render_to_string(self.template_name, context)


class RowsField(forms.Field):
    """Its value is a tuple of `value`s: of the rows that were filled in or, where `as_it_is`, are not empty."""

    widget: RowsWidget
    is_table = True
    """Asked by templates: no other field is one."""
    default_error_messages = {"required": "Name at least one.", "rows": "Some rows are not right yet."}

    def __init__(
        self,
        *,
        value: type,
        form: type[forms.Form],
        rows: tuple[Row, ...],
        columns: tuple[str, ...],
        as_it_is: bool,
        **common: Any,
    ) -> None:
        super().__init__(widget=RowsWidget(form=form, rows=rows, columns=columns), **common)
        self.value, self.as_it_is = value, as_it_is

    def to_python(self, value: list[forms.Form] | None) -> tuple[Any, ...]:
        rows = self.widget.rows
        filled = [(row, form) for row, form in zip(rows, value or (), strict=False) if self._counts(form)]
        if not all([form.is_valid() for _, form in filled]):  # noqa: C419 - each row shows what is wrong with it
            raise ValidationError(self.error_messages["rows"], code="rows")
        return tuple(self._made(row, form) for row, form in filled)

    def _counts(self, form: forms.Form) -> bool:
        given = [form[name].data for name in form.fields]
        if self.as_it_is:
            return any(each not in ("", "0", None) for each in given)
        return form.has_changed() and any(each is not None for each in given)

    def _made(self, row: Row, form: forms.Form) -> Any:
        about = {"line_id": row.key} if "line_id" not in form.fields and row.cells else {}
        return self.value(**about, **form.cleaned_data)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(data) and any(form.has_changed() for form in data)
