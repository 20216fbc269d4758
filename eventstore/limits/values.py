"""The values that the log accepts in a command or an event, and the check of a whole command or event."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from eventstore.errors import LimitExceeded
from eventstore.limits import numbers, times

MOST_CHARACTERS = 100_000
"""The longest text of a field that declares no `max_length`."""
MOST_NESTING = 32
"""How deep lists and objects may be nested."""

_NO_LIMITS: Mapping[str, Any] = {}
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def require_accepted(value: object) -> None:
    """Check a command, an event, or JSON that was read into Python objects. Raises LimitExceeded.

    The error names the first field with a value that the log does not accept:

    - a text that is too long, or has NUL characters or half surrogate pairs, which PostgreSQL cannot store;
    - a number that is not finite, too large, or has too many digits;
    - a time outside the bounds of `eventstore.limits.times`;
    - lists and objects that are nested too deep.

    A field of a dataclass may declare narrower limits in its metadata, under the key LIMITS.
    """
    _require(value, _NO_LIMITS, "", 0)


LIMITS = "limits"
"""The key of a field's metadata for its limits, named as those of a serializer field.

`max_length` counts the characters of a text or the entries of a list. `min_value` and `max_value` bound a number,
`max_digits` and `decimal_places` the digits of a decimal.
"""


def _require(value: Any, limits: Mapping[str, Any], name: str, depth: int) -> None:
    check = _CHECKS.get(type(value)) or _check_of(type(value))
    check(value, limits, name, depth)


_Check = Callable[[Any, Mapping[str, Any], str, int], None]


def _check_of(cls: type) -> _Check:
    """Return the check of a class, and remember it. Fast path: a lookup by class instead of questions about it."""
    plain = (str, bool, int, float, Decimal, datetime, dict, list)
    check = next((_CHECKS[each] for each in plain if issubclass(cls, each)), _require_nothing)
    if is_dataclass(cls):
        check = _require_fields
    elif issubclass(cls, tuple | frozenset):
        check = _require_entries
    return _CHECKS.setdefault(cls, check)


def _require_nothing(value: Any, limits: Mapping[str, Any], name: str, depth: int) -> None:
    """Accept any value of a type without limits, such as an id."""


def _require_fields(value: Any, limits: Mapping[str, Any], name: str, depth: int) -> None:
    _require_depth(depth, name)
    cls: Any = type(value)
    for part, default, own_limits in _fields_of(cls):
        inner = getattr(value, part)
        if inner is not default:
            _require(inner, own_limits, f"{name}.{part}" if name else part, depth + 1)


def _require_mapping(value: dict[Any, Any], limits: Mapping[str, Any], name: str, depth: int) -> None:
    _require_depth(depth, name)
    for key, inner in value.items():
        _require(key, _NO_LIMITS, name, depth)
        _require(inner, _NO_LIMITS, f"{name}.{key}" if name else str(key), depth + 1)


def _require_entries(value: Collection[Any], limits: Mapping[str, Any], name: str, depth: int) -> None:
    _require_depth(depth, name)
    if len(value) > limits.get("max_length", len(value)):
        raise LimitExceeded(
            "too_many", "{field}: at most {most} entries are accepted", field=name, most=limits["max_length"]
        )
    for number, inner in enumerate(value):
        _require(inner, _NO_LIMITS, f"{name}.{number}" if name else str(number), depth + 1)


def _require_depth(depth: int, name: str) -> None:
    if depth >= MOST_NESTING:
        raise LimitExceeded(
            "nested_too_deep", "{field}: more than {most} levels are nested", field=name, most=MOST_NESTING
        )


@cache
def _fields_of(cls: Any) -> tuple[tuple[str, Any, Mapping[str, Any]], ...]:
    """Return the name, the default and the limits of each field of a dataclass."""
    return tuple((each.name, each.default, each.metadata.get(LIMITS, _NO_LIMITS)) for each in fields(cls))


def _require_text(text: str, limits: Mapping[str, Any], name: str, depth: int) -> None:
    most = limits.get("max_length", MOST_CHARACTERS)
    if len(text) > most:
        raise LimitExceeded(
            "text_too_long", "{field}: a text of at most {most} characters is accepted", field=name, most=most
        )
    if text.isprintable() and text.isascii():  # nearly always; saves the search
        return
    if unstorable := _UNSTORABLE.search(text):
        code = f"U+{ord(unstorable[0]):04X}"
        raise LimitExceeded(
            "text_not_storable", "{field}: the character {code} cannot be stored", field=name, code=code
        )


def _require_number(number: int | float | Decimal, limits: Mapping[str, Any], name: str, depth: int) -> None:
    if not numbers.is_accepted(number):
        raise LimitExceeded(
            "number_out_of_range", "{field}: the number is not finite or has too many digits", field=name
        )
    least, most = limits.get("min_value"), limits.get("max_value")
    if least is not None and number < least:
        raise LimitExceeded("number_out_of_range", "{field}: it must be at least {least}", field=name, least=least)
    if most is not None and number > most:
        raise LimitExceeded("number_out_of_range", "{field}: it must be at most {most}", field=name, most=most)
    if isinstance(number, Decimal) and "max_digits" in limits:
        _require_digits(number, limits["max_digits"], limits["decimal_places"], name)


def _require_time(moment: datetime, limits: Mapping[str, Any], name: str, depth: int) -> None:
    times.require_accepted(moment)


def _require_digits(number: Decimal, digits: int, decimals: int, name: str) -> None:
    """Raise LimitExceeded for too many digits before or after the point. Zeros at the end do not count."""
    _, shown, exponent = number.as_tuple()
    assert isinstance(exponent, int)  # finite
    is_finer = exponent < -decimals and any(shown[exponent + decimals :])
    if is_finer or number.adjusted() >= digits - decimals:
        raise LimitExceeded(
            "number_out_of_range",
            "{field}: at most {whole} digits before the point and {decimals} after it are accepted",
            field=name,
            whole=digits - decimals,
            decimals=decimals,
        )


_CHECKS: dict[type, _Check] = {
    str: _require_text,
    bool: _require_nothing,
    int: _require_number,
    float: _require_number,
    Decimal: _require_number,
    datetime: _require_time,
    dict: _require_mapping,
    list: _require_entries,
    tuple: _require_entries,
}
