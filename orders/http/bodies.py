"""Request bodies: only declared fields, and JSON values of exactly the declared types.

DRF reads kindly: it takes the number 9.95 for a text, and the text "true" for true. The API's description says
otherwise, and a number that passed through floating point is no exact amount of money. So types are checked first.

A check of a body ends: the length of a list is checked before its entries, and no more errors are collected than the
answer names.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from django.conf import settings
from rest_framework import serializers, status
from rest_framework.exceptions import APIException, ErrorDetail, ValidationError
from rest_framework_dataclasses.fields import IterableField

from orders.http.i18n import translate, translate_lazy

AnyField: TypeAlias = serializers.Field[Any, Any, Any, Any]

MOST_ERRORS = 20
"""The most errors of a body that an answer names."""
OPEN_BODY = 16_000
"""The largest body, in bytes, of an operation that needs no token."""
SHORT_BODY = 64_000
"""The largest body, in bytes, of an operation without lists. `DATA_UPLOAD_MAX_MEMORY_SIZE` limits all others."""
LONGEST_QUOTE = 50
"""The most characters of what was sent that an error quotes."""


class BodyTooLarge(APIException):
    """A body is larger than its operation accepts. Send less at once."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "body_too_large"


def largest_body(view: Any) -> int:
    """Return the size, in bytes, of the largest body that the view of an operation accepts.

    A view may state it as `largest_body`. A view whose bodies have lists states `has_lists`.
    """
    stated: int | None = getattr(view, "largest_body", None)
    if stated is not None:
        return stated
    longest: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return longest if getattr(view, "has_lists", False) else min(SHORT_BODY, longest)


def quoted(text: object) -> str:
    """Return the beginning of a text that was sent, short enough for an error to quote it."""
    shown = str(text)
    return shown if len(shown) <= LONGEST_QUOTE else f"{shown[:LONGEST_QUOTE]}…"


def require_shape(fields: Mapping[str, AnyField], data: Any) -> None:
    """Check that `data` has only these fields, with values of their types. Nested bodies check themselves.

    Raises ValidationError by field, with at most MOST_ERRORS fields. What is no object is left to DRF.
    """
    if not isinstance(data, dict):
        return
    errors: dict[str, Any] = {}
    for name, value in data.items():
        if len(errors) > MOST_ERRORS:
            break
        if name not in fields:
            errors[quoted(name)] = [translate("There is no field '{name}' here.", name=quoted(name))]
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


class BoundedList(IterableField):
    """A list of values in a body. It stops at the first errors, instead of checking thousands of wrong entries."""

    def run_child_validation(self, data: Any) -> list[Any]:
        """Check each entry. Raises ValidationError, by the number of the entry."""
        values, errors = [], {}
        for number, entry in enumerate(data):
            try:
                values.append(self.child.run_validation(entry))
            except ValidationError as error:
                errors[str(number)] = error.detail
                if len(errors) > MOST_ERRORS:
                    break
        if errors:
            raise ValidationError(errors)
        return values


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
        return _wrong_entries(field, value) if isinstance(value, list) else None  # DRF refuses what is no list
    for kind, is_right, text in _TYPES:
        if isinstance(field, kind):
            return _wrong_choice(field, value) if is_right(value) else [ErrorDetail(text, code="wrong_type")]
    return None


def _wrong_entries(field: serializers.ListField, value: list[Any]) -> Any:
    """Return the error of a list's length, or else the errors of its entries by number."""
    if field.max_length is not None and len(value) > field.max_length:
        text = field.error_messages["max_length"].format(max_length=field.max_length)
        return [ErrorDetail(text, code="max_length")]
    errors: dict[str, Any] = {}
    for number, entry in enumerate(value):
        if wrong := _wrong_type(field.child, entry):
            errors[str(number)] = wrong
            if len(errors) > MOST_ERRORS:
                break
    return errors


def _wrong_choice(field: AnyField, value: Any) -> list[ErrorDetail] | None:
    """Return the error of a value that is none of the field's choices: it names them all."""
    if not isinstance(field, serializers.ChoiceField) or value in field.choices or (field.allow_blank and not value):
        return None
    choices = ", ".join(map(str, field.choices))
    text = translate("'{value}' is not possible here. Send one of: {choices}.", value=quoted(value), choices=choices)
    return [ErrorDetail(text, code="invalid_choice")]


def _is_whole(value: Any) -> bool:
    """Return whether a JSON value is a whole number; 2.0 is. `true`, an int in Python, is none."""
    is_whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return is_whole and not isinstance(value, bool)


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
