"""Request bodies: only declared fields, and JSON values of exactly the declared types.

DRF reads kindly: it takes the number 9.95 for a text, and the text "true" for true. The API's description says
otherwise, and a number that passed through floating point is no exact amount of money. So types are checked first.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from orders.http.i18n import translate, translate_lazy

AnyField: TypeAlias = serializers.Field[Any, Any, Any, Any]


def require_shape(fields: Mapping[str, AnyField], data: Any) -> None:
    """Check that `data` has only these fields, with values of their types. Nested bodies check themselves.

    Raises ValidationError by field. What is no object is left to DRF.
    """
    if not isinstance(data, dict):
        return
    errors: dict[str, Any] = {}
    for name, value in data.items():
        if name not in fields:
            errors[name] = [translate("There is no field '{name}' here.", name=name)]
        elif wrong := _wrong_type(fields[name], value):
            errors[name] = wrong
    if errors:
        raise ValidationError(dict(sorted(errors.items())))


class StrictSerializer(serializers.Serializer[Any]):
    """A request body that may contain only declared fields, with values of their types."""

    def to_internal_value(self, data: Any) -> Any:
        """Check the shape, then validate as usual. Raises ValidationError."""
        require_shape(self.fields, data)
        return super().to_internal_value(data)


class NoneOf:
    """A validator that refuses reserved texts. The API's description names them, too."""

    def __init__(self, *reserved: str, text: Any) -> None:
        self.reserved, self.text = reserved, text

    def __call__(self, value: str) -> None:
        """Check the text. Raises ValidationError."""
        if value in self.reserved:
            raise ValidationError(self.text, code="reserved")


def _wrong_type(field: AnyField, value: Any) -> Any:
    """Return the errors of a value of another type than the field has: a list, or for a list a dict by index."""
    if value is None or isinstance(field, serializers.BaseSerializer):
        return None  # the field says whether null is allowed, and a nested body checks itself
    if isinstance(field, serializers.ListField):
        items = value if isinstance(value, list) else ()  # DRF refuses what is no list
        errors = {str(number): _wrong_type(field.child, item) for number, item in enumerate(items)}
        return {number: wrong for number, wrong in errors.items() if wrong}
    for kind, is_right, text in _TYPES:
        if isinstance(field, kind):
            return _wrong_choice(field, value) if is_right(value) else [ErrorDetail(text, code="wrong_type")]
    return None


def _wrong_choice(field: AnyField, value: Any) -> list[ErrorDetail] | None:
    """Return the error of a value that is none of the field's choices: it names them all."""
    if not isinstance(field, serializers.ChoiceField) or value in field.choices or (field.allow_blank and not value):
        return None
    choices = ", ".join(map(str, field.choices))
    text = translate("'{value}' is not possible here. Send one of: {choices}.", value=value, choices=choices)
    return [ErrorDetail(text, code="invalid_choice")]


def _is_whole(value: Any) -> bool:
    """Return whether a JSON value is a whole number; 2.0 is. `true`, an int in Python, is none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer()


_TYPES: tuple[tuple[type[AnyField], Callable[[Any], bool], Any], ...] = (
    (
        serializers.BooleanField,
        lambda value: isinstance(value, bool),
        translate_lazy("Send true or false, without quotes."),
    ),
    (serializers.IntegerField, _is_whole, translate_lazy("Send a whole number, without quotes.")),
    (
        serializers.DecimalField,
        lambda value: isinstance(value, str),
        translate_lazy('Send this number as text, in quotes, such as "9.95", so that it stays exact.'),
    ),
    (serializers.Field, lambda value: isinstance(value, str), translate_lazy("Send a text, in quotes.")),
)
"""The check of each kind of field, and the error; the first kind that fits counts. All others are written as text."""
