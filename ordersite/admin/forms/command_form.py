"""Make a form for any command from its dataclass, so that fields and limits are declared once, as for the API."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from decimal import Decimal
from enum import StrEnum
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints
from uuid import UUID

from django import forms
from django.core.validators import EMPTY_VALUES
from unfold import widgets

from ordersite.admin.forms.rows_field import Row, RowsField, Shown
from projections.order_row import status_label

LONG = 300  # characters; a longer text gets a textarea
BLANK_ROWS = 3


@dataclass(frozen=True, kw_only=True)
class FieldPrefill:
    """What a form field shows before it is filled in.

    `choices` are for a number that names a part of the order. `rows` are for a tuple of values: one row for each line
    that may be named, under the headings `columns`; if None, there are `blank` empty rows. With `unchanged_counts`, a
    row that is sent unchanged is part of the value. `shown` says which part of a long table the rows are.
    """

    initial: Any = None
    choices: tuple[tuple[int, str], ...] | None = None
    columns: tuple[str, ...] = ()
    rows: tuple[Row, ...] | None = None
    blank: int = BLANK_ROWS
    unchanged_counts: bool = False
    shown: Shown | None = None


class CommandForm(forms.Form):
    """A form whose cleaned data are the command's fields. Empty fields get the default of the dataclass."""

    defaults: Mapping[str, Any] = {}

    def clean(self) -> dict[str, Any]:
        """Fill in the defaults."""
        cleaned = self.cleaned_data
        return cleaned | {name: value for name, value in self.defaults.items() if cleaned.get(name) in EMPTY_VALUES}


def form_for(message: type, *supplied: str, prefill: Mapping[str, FieldPrefill] | None = None) -> type[CommandForm]:
    """Return a form class with the fields of a command (or of a value in one), without those in `supplied`.

    Raises TypeError for a type that no form field can show.
    """
    hints = get_type_hints(message)
    prefill = prefill or {}
    asked = [field for field in fields(message) if field.name not in supplied]
    attributes: dict[str, Any] = {
        field.name: _field(field, hints[field.name], prefill.get(field.name) or FieldPrefill()) for field in asked
    }
    attributes["defaults"] = {field.name: field.default for field in asked if field.default is not MISSING}
    return type(f"{message.__name__}Form", (CommandForm,), attributes)


def _field(field: "Field[Any]", hint: Any, prefill: FieldPrefill) -> forms.Field:
    limits: dict[str, Any] = dict(field.metadata.get("serializer_kwargs", {}))
    optional = NoneType in get_args(hint)
    common = {
        "required": field.default is MISSING and not optional,
        "help_text": limits.get("help_text", ""),
        "initial": prefill.initial if prefill.initial is not None else _initial(field.default),
        "label": _label(field.name.removesuffix("_id") if prefill.choices is not None else field.name),
    }
    if get_origin(hint) is tuple:
        return _table(get_args(hint)[0], prefill, common)
    bare = next((each for each in get_args(hint) if each is not NoneType), hint)
    if prefill.choices is not None:
        return _choice(prefill.choices, int, common)
    if bare is bool:
        return forms.BooleanField(**common | {"required": False}, widget=widgets.UnfoldBooleanWidget)
    if issubclass(bare, StrEnum):
        choices = tuple((each.value, status_label(each)) for each in bare)
        return _choice(choices, bare, common)
    return _plain(bare, limits, common)


_PLAIN: dict[type, tuple[type[forms.Field], type[forms.Widget], tuple[str, ...]]] = {
    str: (forms.CharField, widgets.UnfoldAdminTextInputWidget, ("max_length", "min_length")),
    int: (forms.IntegerField, widgets.UnfoldAdminIntegerFieldWidget, ("min_value", "max_value")),
    Decimal: (
        forms.DecimalField,
        widgets.UnfoldAdminDecimalFieldWidget,
        ("max_digits", "decimal_places", "min_value", "max_value"),
    ),
    UUID: (forms.UUIDField, widgets.UnfoldAdminUUIDInputWidget, ()),
}


def _plain(kind: type, limits: dict[str, Any], common: dict[str, Any]) -> forms.Field:
    if kind not in _PLAIN:
        raise TypeError(f"no form field shows a {kind.__name__}: add one to ordersite.admin.forms.command_form")
    field_class, widget_class, limit_names = _PLAIN[kind]
    widget: Any = widget_class
    if limits.get("max_length", 0) > LONG:
        widget = widgets.UnfoldAdminTextareaWidget(attrs={"rows": 4})
    return field_class(widget=widget, **common, **{name: limits[name] for name in limit_names if name in limits})


def _choice(choices: tuple[tuple[Any, str], ...], kind: Callable[[Any], Any], common: dict[str, Any]) -> forms.Field:
    empty = () if common["required"] and common["initial"] is not None else (("", "—"),)
    if not common["required"] and common["initial"] in dict(choices):
        empty = ()
    return forms.TypedChoiceField(
        choices=(*empty, *choices), coerce=kind, empty_value=None, widget=widgets.UnfoldAdminSelectWidget, **common
    )


def _table(kind: Any, prefill: FieldPrefill, common: dict[str, Any]) -> forms.Field:
    if not (isinstance(kind, type) and is_dataclass(kind)):
        raise TypeError(f"no form field shows a tuple of {kind!r}: add one to ordersite.admin.forms.command_form")
    by_line = prefill.rows is not None
    rows = prefill.rows if prefill.rows is not None else tuple(Row(key=number) for number in range(prefill.blank))
    return RowsField(
        value=kind,
        form=form_for(kind, *(("line_id",) if by_line else ())),
        rows=rows,
        columns=prefill.columns,
        unchanged_counts=prefill.unchanged_counts,
        shown=prefill.shown,
        **common,
    )


def _initial(default: Any) -> Any:
    """Return the default as the initial value, or None for an empty or missing default."""
    return default if default and default is not MISSING else None


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize()
