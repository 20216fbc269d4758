"""Exact money: decimals in the currency's own smallest unit, never floats; whatever is divided adds up again."""

from collections.abc import Sequence
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from functools import cache

from iso4217 import Currency

from eventstore.errors import CommandRefused

LARGEST = Decimal(10) ** 12
"""No order is worth as much, in any currency. Sums over a day's orders have to fit their columns."""


@cache
def _exponent(currency: str) -> int | None:
    try:
        return Currency(currency).exponent
    except ValueError:
        return None


def exponent(currency: str) -> int:
    """How many decimals `currency` (ISO 4217) has: 2 for GBP, 0 for JPY. Raises CommandRefused for an unknown one."""
    decimals = _exponent(currency) if len(currency) == 3 else None
    if decimals is None:
        raise CommandRefused(
            "unknown_currency", "'{currency}' is no ISO 4217 currency with a smallest unit", currency=currency
        )
    return decimals


@cache
def smallest(currency: str) -> Decimal:
    """The currency's smallest unit: 0.01 for GBP. Raises CommandRefused."""
    return Decimal(1).scaleb(-exponent(currency))


@cache
def nothing(currency: str) -> Decimal:
    """Zero in the currency's own decimals: 0.00 for GBP. Raises CommandRefused."""
    return Decimal(0) * smallest(currency)


def rounded(amount: Decimal, currency: str) -> Decimal:
    """`amount` in whole smallest units, a half going away from zero, as on a till receipt."""
    return amount.quantize(smallest(currency), rounding=ROUND_HALF_UP)


def plain(number: Decimal) -> Decimal:
    """The same number without trailing zeros: 9.950000 is 9.95, and 100 stays 100."""
    return number.quantize(Decimal(1)) if number == number.to_integral_value() else number.normalize()


def spread(amount: Decimal, weights: Sequence[Decimal], currency: str) -> list[Decimal]:
    """`amount` divided in proportion to `weights`, in whole smallest units that add up to it.

    By largest remainder: each part is rounded down, and what is left goes, a unit each, to those that lost most by it;
    of equals the first. All of it is zero where the weights are.
    """
    whole = sum(weights)
    if not whole or not amount:
        return [nothing(currency)] * len(weights)
    unit = smallest(currency)
    exact = [amount * weight / whole for weight in weights]
    parts = [part.quantize(unit, rounding=ROUND_FLOOR) for part in exact]
    left = int((amount - sum(parts)) / unit)
    for index in sorted(range(len(parts)), key=lambda index: parts[index] - exact[index])[:left]:
        parts[index] += unit
    return parts


def part(
    total: Decimal, *, of: int | Decimal, before: int | Decimal = 0, take: int | Decimal, currency: str
) -> Decimal:
    """What the next `take` of `of` units of `total` come to, after `before` of them.

    It is the difference of two rounded shares, so that all parts, in whatever pieces they are taken, add up to `total`.
    """
    if not of:
        return rounded(Decimal(0), currency)
    return rounded(total * (before + take) / of, currency) - rounded(total * before / of, currency)


def require_exact(amount: Decimal, currency: str) -> Decimal:
    """The amount in the currency's own decimals. Raises CommandRefused for one that they cannot express."""
    if not amount.is_finite() or abs(amount) >= LARGEST:
        raise CommandRefused("amount_too_large", "{largest} or more is never moved at once", largest=f"{LARGEST:,}")
    exact = rounded(amount, currency)
    if amount != exact:
        raise CommandRefused(
            "amount_not_exact",
            "{amount} {currency} has more than {decimals} decimals",
            amount=amount,
            currency=currency,
            decimals=exponent(currency),
        )
    return exact


def require_positive(amount: Decimal, currency: str) -> Decimal:
    """The amount in the currency's own decimals, more than nothing and less than LARGEST. Raises CommandRefused."""
    if not amount.is_finite() or amount <= 0:
        raise CommandRefused("amount_not_positive", "{amount} is not more than nothing", amount=amount)
    return require_exact(amount, currency)
