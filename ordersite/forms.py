"""A form for any command, made from its dataclass: declared once, like the API's body."""

from dataclasses import MISSING, fields
from decimal import Decimal
from typing import Any, get_type_hints

from django import forms
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

_FIELDS: dict[type, tuple[type[forms.Field], type[forms.Widget], tuple[str, ...]]] = {
    str: (forms.CharField, UnfoldAdminTextInputWidget, ("max_length", "min_length")),
    int: (forms.IntegerField, UnfoldAdminIntegerFieldWidget, ("min_value", "max_value")),
    Decimal: (forms.DecimalField, UnfoldAdminDecimalFieldWidget, ("max_digits", "decimal_places", "min_value")),
}


def form_for(command: type, *supplied: str) -> type[forms.Form]:
    """A form with the command's fields but those in `supplied`. Raises KeyError for a type no form field shows."""
    hints = get_type_hints(command)
    shown: dict[str, forms.Field] = {}
    for field in fields(command):
        if field.name in supplied:
            continue
        make, widget, limits = _FIELDS[hints[field.name]]
        given: dict[str, Any] = dict(field.metadata.get("serializer_kwargs", {}))
        shown[field.name] = make(
            required=field.default is MISSING,
            help_text=given.get("help_text", ""),
            widget=widget,
            **{name: given[name] for name in limits if name in given},
        )
    return type(f"{command.__name__}Form", (forms.Form,), shown)
