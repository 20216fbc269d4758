"""A form for any command, made from its dataclass: declared once, like the API's body."""

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

from ordersite.admin.rows_field import Row, RowsField
from projections.order_row import status_label

LONG = 300  # characters; what may be longer is written in a box of several lines
BLANK_ROWS = 3


@dataclass(frozen=True, kw_only=True)
class FieldPrefill:
    """What is known of a field before it is filled in.

    `choices` are for a number that names one of some parts. `rows` are for a tuple of values, one for each line that
    it may name, under `columns`; None: `blank` empty ones. `as_it_is`: a row that is left as it was found counts.
    """

    initial: Any = None
    choices: tuple[tuple[int, str], ...] | None = None
    columns: tuple[str, ...] = ()
    rows: tuple[Row, ...] | None = None
    blank: int = BLANK_ROWS
    as_it_is: bool = False


class CommandForm(forms.Form):
    """What is cleaned are the command's own values: what was left out is what its dataclass says it is then."""

    defaults: Mapping[str, Any] = {}

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        return given | {name: value for name, value in self.defaults.items() if given.get(name) in EMPTY_VALUES}


def form_for(message: type, *supplied: str, known: Mapping[str, FieldPrefill] | None = None) -> type[CommandForm]:
    """A form with the fields of a command, or of a part of one, but those in `supplied`.

    Raises TypeError for a type that no form field shows.
    """
    hints = get_type_hints(message)
    asked = [field for field in fields(message) if field.name not in supplied]
    shown: dict[str, Any] = {
        field.name: _field(field, hints[field.name], (known or {}).get(field.name) or FieldPrefill()) for field in asked
    }
    shown["defaults"] = {field.name: field.default for field in asked if field.default is not MISSING}
    return type(f"{message.__name__}Form", (CommandForm,), shown)


def _field(field: "Field[Any]", hint: Any, known: FieldPrefill) -> forms.Field:
    limits: dict[str, Any] = dict(field.metadata.get("serializer_kwargs", {}))
    optional = NoneType in get_args(hint)
    common = {
        "required": field.default is MISSING and not optional,
        "help_text": limits.get("help_text", ""),
        "initial": known.initial if known.initial is not None else _start(field.default),
        "label": _label(field.name.removesuffix("_id") if known.choices is not None else field.name),
    }
    if get_origin(hint) is tuple:
        return _table(get_args(hint)[0], known, common)
    bare = next((each for each in get_args(hint) if each is not NoneType), hint)
    if known.choices is not None:
        return _choice(known.choices, int, common)
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
        raise TypeError(f"no form field shows a {kind.__name__}: add one to ordersite.admin.command_form")
    make, widget, names = _PLAIN[kind]
    made: Any = widget
    if limits.get("max_length", 0) > LONG:
        made = widgets.UnfoldAdminTextareaWidget(attrs={"rows": 4})
    return make(widget=made, **common, **{name: limits[name] for name in names if name in limits})


def _choice(choices: tuple[tuple[Any, str], ...], kind: Callable[[Any], Any], common: dict[str, Any]) -> forms.Field:
    none = () if common["required"] and common["initial"] is not None else (("", "—"),)
    if not common["required"] and common["initial"] in dict(choices):
        none = ()
    return forms.TypedChoiceField(
        choices=(*none, *choices), coerce=kind, empty_value=None, widget=widgets.UnfoldAdminSelectWidget, **common
    )


def _table(kind: Any, known: FieldPrefill, common: dict[str, Any]) -> forms.Field:
    if not (isinstance(kind, type) and is_dataclass(kind)):
        raise TypeError(f"no form field shows several {kind!r}: add one to ordersite.admin.command_form")
    by_line = known.rows is not None
    rows = known.rows if known.rows is not None else tuple(Row(key=number) for number in range(known.blank))
    return RowsField(
        value=kind,
        form=form_for(kind, *(("line_id",) if by_line else ())),
        rows=rows,
        columns=known.columns,
        as_it_is=known.as_it_is,
        **common,
    )


def _start(default: Any) -> Any:
    """What a field begins with: what it would be if it were left out, unless that is nothing."""
    return default if default and default is not MISSING else None


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize()
