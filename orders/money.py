"""Exact money: decimals in whole smallest units of the currency, never floats. Divided amounts add up again."""

from collections.abc import Sequence
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import cache
from heapq import heapify, heapreplace
from math import inf

from iso4217 import Currency

from eventstore.errors import CommandRefused

LARGEST = Decimal(10) ** 12
"""Every amount is below this, in any currency, so that sums over a day's orders fit their database columns."""


@cache
def _exponent(currency: str) -> int | None:
    try:
        return Currency(currency).exponent
    except ValueError:
        return None


def exponent(currency: str) -> int:
    """Return the number of decimals of a currency (ISO 4217): 2 for GBP, 0 for JPY. Raises CommandRefused."""
    decimals = _exponent(currency) if len(currency) == 3 else None
    if decimals is None:
        raise CommandRefused(
            "unknown_currency", "'{currency}' is not an ISO 4217 currency with a smallest unit", currency=currency
        )
    return decimals


@cache
def smallest(currency: str) -> Decimal:
    """Return the currency's smallest unit: 0.01 for GBP. Raises CommandRefused."""
    return Decimal(1).scaleb(-exponent(currency))


@cache
def nothing(currency: str) -> Decimal:
    """Return zero with the currency's decimals: 0.00 for GBP. Raises CommandRefused."""
    return Decimal(0) * smallest(currency)


def rounded(amount: Decimal, currency: str) -> Decimal:
    """Return `amount` rounded to whole smallest units. Halves are rounded away from zero, as on a till receipt."""
    return amount.quantize(smallest(currency), rounding=ROUND_HALF_UP)


def plain(number: Decimal) -> Decimal:
    """Return the same number without trailing zeros: 9.950000 becomes 9.95, and 100 stays 100."""
    return number.quantize(Decimal(1)) if number == number.to_integral_value() else number.normalize()


def spread(amount: Decimal, weights: Sequence[Decimal], currency: str) -> list[Decimal]:
    """Divide `amount` in proportion to `weights`, in whole smallest units that add up to `amount`.

    Largest remainder method: each share is rounded down; the units left over go, one each, to the shares that lost most
    by rounding, and to the first of equal ones. All shares are zero if the weights are.
    """
    whole = sum(weights)
    if not whole or not amount:
        return [nothing(currency)] * len(weights)
    unit = smallest(currency)
    exact = [amount * weight / whole for weight in weights]
    shares = [share.quantize(unit, rounding=ROUND_FLOOR) for share in exact]
    left = int((amount - sum(shares)) / unit)
    for index in sorted(range(len(shares)), key=lambda index: shares[index] - exact[index])[:left]:
        shares[index] += unit
    return shares


def apportion(amount: Decimal, weights: Sequence[Decimal], currency: str) -> list[Decimal]:
    """Divide `amount` in proportion to `weights`, like `spread`, so that the division is the same for some of them.

    If some shares are taken away, dividing the rest among the other weights gives each of them the same share again.
    Largest remainders do not promise that. Method of Sainte-Laguë: each smallest unit goes to the largest
    weight / (2 * share + 1), and to the first of equal ones. No share exceeds its weight if `amount` does not exceed
    their sum. Weights are amounts of money.
    """
    unit = smallest(currency)
    wanted, sizes = int(amount / unit), [int(weight / unit) for weight in weights]
    whole = sum(sizes)
    if not whole or not wanted:
        return [nothing(currency)] * len(weights)
    # Nearly all units at once: the share rounded half up. The few others follow one by one.
    shares = [(2 * wanted * size + whole) // (2 * whole) for size in sizes]
    left = wanted - sum(shares)
    step = 1 if left > 0 else -1

    def claim(index: int) -> tuple[Fraction | float, int, int]:
        """Return the sort key of the next unit to give to, or to take from, a share."""
        divisor = 2 * shares[index] + step
        return (-step * Fraction(sizes[index], divisor) if divisor > 0 else inf), step * index, index

    claims = [claim(index) for index, size in enumerate(sizes) if size] if left else []
    heapify(claims)
    for _ in range(abs(left)):
        index = claims[0][2]
        shares[index] += step
        heapreplace(claims, claim(index))
    return [share * unit for share in shares]


def part(
    total: Decimal, *, of: int | Decimal, before: int | Decimal = 0, take: int | Decimal, currency: str
) -> Decimal:
    """Return the part of `total` for the next `take` of its `of` units, after `before` units were taken.

    The difference of two rounded running sums, so the parts add up to `total` whatever their sizes.
    """
    if not of:
        return rounded(Decimal(0), currency)
    return rounded(total * (before + take) / of, currency) - rounded(total * before / of, currency)


def require_exact(amount: Decimal, currency: str) -> Decimal:
    """Return `amount` with the currency's decimals. Raises CommandRefused if it needs more, or is LARGEST or more."""
    if not amount.is_finite() or abs(amount) >= LARGEST:
        raise CommandRefused("amount_too_large", "an amount must be less than {largest}", largest=f"{LARGEST:,}")
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
    """Return `amount` with the currency's decimals. Raises CommandRefused unless it is above zero and below LARGEST."""
    if not amount.is_finite() or amount <= 0:
        raise CommandRefused("amount_not_positive", "the amount {amount} must be more than zero", amount=amount)
    return require_exact(amount, currency)
