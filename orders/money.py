"""Exact money: decimals in the currency's own smallest unit, never floats."""

from decimal import ROUND_HALF_UP, Decimal

from iso4217 import Currency

from eventstore.errors import CommandRefused

LARGEST = Decimal(10) ** 12
"""No order is worth as much, in any currency. Sums over a day's orders have to fit their columns."""


def exponent(currency: str) -> int:
    """How many decimals `currency` (ISO 4217) has: 2 for GBP, 0 for JPY. Raises CommandRefused for an unknown one."""
    try:
        decimals = Currency(currency).exponent
    except ValueError:
        decimals = None
    if decimals is None:
        raise CommandRefused("unknown_currency", f"{currency!r} is no ISO 4217 currency with a smallest unit")
    return int(decimals)


def rounded(amount: Decimal, currency: str) -> Decimal:
    """`amount` in whole smallest units, a half going away from zero, as on a till receipt."""
    return amount.quantize(Decimal(1).scaleb(-exponent(currency)), rounding=ROUND_HALF_UP)


def plain(number: Decimal) -> Decimal:
    """The same number without trailing zeros: 9.950000 is 9.95, and 100 stays 100."""
    return number.quantize(Decimal(1)) if number == number.to_integral_value() else number.normalize()


def require_exact(amount: Decimal, currency: str, what: str) -> None:
    """Refuse an amount that the currency cannot express. Raises CommandRefused."""
    if amount != rounded(amount, currency):
        raise CommandRefused(
            "amount_not_exact", f"{what} {amount} {currency} has more than {exponent(currency)} decimals"
        )
