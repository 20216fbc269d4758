"""The check of a whole command or event: whatever is in it, and however deep."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest

from eventstore.errors import LimitExceeded
from eventstore.limits.values import LIMITS, MOST_CHARACTERS, MOST_NESTING, require_accepted


class Colour(StrEnum):
    """A text of a type of its own."""

    RED = "red"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part with limits."""

    name: str = field(default="", metadata={LIMITS: {"max_length": 3}})
    units: int = field(default=0, metadata={LIMITS: {"min_value": 0, "max_value": 9}})
    price: Decimal = field(default=Decimal(0), metadata={LIMITS: {"max_digits": 5, "decimal_places": 2}})


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A message with parts."""

    parts: tuple[Part, ...] = field(default=(), metadata={LIMITS: {"max_length": 2}})
    anything: Any = None


def nested(levels: int) -> Any:
    """Return a list in a list in a list …"""
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "code", "message"),
    [
        (Whole(anything="a\0b"), "text_not_storable", "anything: the character U+0000"),
        (Whole(anything={"a": ["b", "\ud800"]}), "text_not_storable", "anything.a.1: the character U+D800"),
        (Whole(anything={"\udfff": 1}), "text_not_storable", "U+DFFF"),
        (Whole(anything="x" * (MOST_CHARACTERS + 1)), "text_too_long", "anything: a text of at most 100000"),
        (Whole(anything=nested(MOST_NESTING)), "nested_too_deep", "more than 32 levels"),
        (Whole(anything=float("nan")), "number_out_of_range", "anything: the number is not finite"),
        (Whole(anything=10**400), "number_out_of_range", "anything"),
        (Whole(anything=Decimal("-Infinity")), "number_out_of_range", "anything"),
        (Whole(anything=Decimal("1E+999999")), "number_out_of_range", "anything"),
        (Whole(anything=datetime.max.replace(tzinfo=UTC)), "time_out_of_range", "1900 to 2199"),
        (Whole(parts=(Part(), Part(name="four"))), "text_too_long", "parts.1.name: a text of at most 3"),
        (Whole(parts=(Part(units=-1),)), "number_out_of_range", "parts.0.units: it must be at least 0"),
        (Whole(parts=(Part(units=10),)), "number_out_of_range", "parts.0.units: it must be at most 9"),
        (Whole(parts=(Part(price=Decimal("1000.00")),)), "number_out_of_range", "at most 3 digits before the point"),
        (Whole(parts=(Part(price=Decimal("1.001")),)), "number_out_of_range", "and 2 after it"),
        (Whole(parts=(Part(),) * 3), "too_many", "parts: at most 2 entries"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_first_value_that_is_not_accepted_is_named(value: object, code: str, message: str) -> None:
    with pytest.raises(LimitExceeded) as refused:
        require_accepted(value)
    assert refused.value.code == code
    assert message in refused.value.message


@pytest.mark.parametrize(
    "value",
    [
        Whole(parts=(Part(name="abc", units=9, price=Decimal("999.9900")), Part(price=Decimal("-9E+2")))),
        Whole(anything=nested(MOST_NESTING - 1)),
        Whole(anything="Grüße 😀\n\u202e" + "x" * 100),
        Whole(anything={"a": [1, 2.5, True, None, Colour.RED, datetime(2031, 3, 31, tzinfo=UTC)]}),
    ],
    ids=["limits", "nested", "text", "types"],
)
def test_all_else_is_accepted(value: object) -> None:
    require_accepted(value)
