"""Numbers: those that the log accepts, and the one parser of whole numbers that come as text from outside."""

import re
from decimal import Decimal

MOST = 2**63 - 1
"""The largest whole number, with either sign: a column of type bigint holds it. Positions are such numbers."""
MOST_VERSION = 2**31 - 1
"""The largest version of an aggregate: an integer column holds it."""
MOST_DIGITS = 30
"""The most digits of a decimal before its point, and after it."""

_WHOLE = re.compile(r"-?[0-9]{1,20}", re.ASCII)


def parse_whole(text: str, *, least: int = 0, most: int = MOST) -> int:
    """Return a whole number that was sent as text: ASCII digits, at most 20 of them, and perhaps a minus.

    Raises ValueError for any other text, and for a number below `least` or above `most`.
    """
    number = int(text) if _WHOLE.fullmatch(text) else None
    if number is None or not least <= number <= most:
        raise ValueError(f"{text[:50]!r} is not a whole number from {least} to {most}")
    return number


def is_accepted(number: int | float | Decimal) -> bool:
    """Return whether the log accepts a number: it is finite and does not have too many digits."""
    if isinstance(number, Decimal):
        exponent = number.as_tuple().exponent
        return isinstance(exponent, int) and exponent >= -MOST_DIGITS and number.adjusted() < MOST_DIGITS
    return -MOST <= number <= MOST  # false for NaN and infinity
