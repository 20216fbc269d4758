"""Find tax rates from amounts of tax. Shops export amounts, and an order is placed with rates."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

from eventstore.errors import CommandRefused
from orders.commands import CreateOrder
from orders.money import rounded, spread
from orders.rules.pricing import new_lines
from orders.values import ZERO, OrderLine
from ordersite.importing.layouts.fields import BadOrder

TAX_RULE = "tax rates found so that the tax is the one of the file"
_DECIMALS = 4  # of a rate in per cent
_HIGHEST = Decimal(100)


def rate_for(base: Decimal, tax: Decimal, currency: str, *, is_included: bool) -> Decimal:
    """Return the rate, with the fewest decimals, that gives exactly this tax on a price. Raises BadOrder."""
    if not tax:
        return ZERO
    for rate in _rates_for(base, tax, is_included=is_included):
        if tax_of(base, rate, currency, is_included=is_included) == tax:
            return rate
    raise BadOrder(f"no tax rate up to 100 per cent gives a tax of {tax} {currency} on {base} {currency}")


def tax_of(base: Decimal, rate: Decimal, currency: str, *, is_included: bool) -> Decimal:
    """Return the tax at a rate, as the rules of orders round it."""
    return rounded(base * rate / (_HIGHEST + rate if is_included else _HIGHEST), currency)


def with_tax(command: CreateOrder, tax: Decimal, *, taxable: Sequence[bool], named: Decimal) -> CreateOrder:
    """Return the command with tax rates that give exactly this tax, if there are any; else the nearest.

    The first that is right is taken: the rate that the file names, on the taxable lines, or on shipping too; one
    rate for all, on the same; or the tax divided among the lines in proportion to their prices, each with its own rate.
    """
    if not tax:
        return command
    lines = prices_of(command)
    bases = [line.total for line in lines]
    on_goods = [*taxable, *[False] * len(command.shipping)]
    on_all = [*taxable, *[True] * len(command.shipping)]
    is_included, currency = command.prices_include_tax, command.currency
    taxed = [[base * is_taxed for base, is_taxed in zip(bases, each, strict=True)] for each in (on_goods, on_all)]
    found = [_rates_for(sum(each, ZERO), tax, is_included=is_included) for each in taxed]
    for each, rates in [(each, [named]) for each in taxed] + list(zip(taxed, map(list, found), strict=True)):
        for rate in rates:
            if sum((tax_of(base, rate, currency, is_included=is_included) for base in each), ZERO) == tax:
                return with_rates(command, [rate if base else ZERO for base in each])
    shares = spread(tax, next(filter(any, taxed), bases), currency)
    return with_rates(
        command,
        [rate_for(base, share, currency, is_included=is_included) for base, share in zip(bases, shares, strict=True)],
    )


def prices_of(command: CreateOrder) -> tuple[OrderLine, ...]:
    """Return the lines of the order that the command places, shipping last. Raises BadOrder."""
    try:
        return new_lines(command)[0]
    except CommandRefused as refusal:
        raise BadOrder(refusal.message) from None


def with_rates(command: CreateOrder, rates: Sequence[Decimal]) -> CreateOrder:
    """Return the command with these rates of its lines, then of its shipping."""
    count = len(command.lines)
    return replace(
        command,
        lines=tuple(replace(line, tax_rate=rate) for line, rate in zip(command.lines, rates, strict=False)),
        shipping=tuple(
            replace(each, tax_rate=rate) for each, rate in zip(command.shipping, rates[count:], strict=True)
        ),
    )


def _rates_for(base: Decimal, tax: Decimal, *, is_included: bool) -> Iterator[Decimal]:
    """Yield the rate of a tax with more and more decimals."""
    net = base - tax if is_included else base
    if net <= 0 or tax < 0:
        return
    exact = tax * 100 / net
    for decimals in range(_DECIMALS + 1):
        rate = exact.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
        if rate <= _HIGHEST:
            yield rate
