"""What a line of an order may never be."""

from collections.abc import Iterator
from decimal import Decimal

from orders.invariants.amounts import problem_of, problem_of_units
from orders.lines import Line
from orders.money import LARGEST, rounded
from orders.state import Order
from orders.values import MOST_UNITS, ZERO, DiscountTerms

_PRICE_DECIMALS = 6
_HIGHEST_RATE = Decimal(100)
_AMOUNTS = (
    *("amount", "discount", "discount_share", "tax", "total", "cancelled_amount", "credited_amount", "allowance"),
    *("owed_back", "given_back", "tax_given_back"),
)
_COUNTERS = ("cancelled", "shipped", "returned", "credited", "refunded")


def violations(line: Line, order: Order) -> Iterator[str]:
    """Yield what is impossible about a line of the order."""
    for problem in (*_of_price(line, order), *_of_units(line, order), *_of_reductions(line, order)):
        yield f"line {line.line_id}: {problem}"


def _of_price(line: Line, order: Order) -> Iterator[str]:
    """The price follows from units, unit price, discounts and tax."""
    currency = order.currency
    if not 0 <= line.quantity <= MOST_UNITS or not is_price(line.unit_price):
        yield f"{line.quantity} units of {line.unit_price} {currency} cannot be sold"
        return
    for name in _AMOUNTS:
        yield from problem_of(f"the {name.replace('_', ' ')}", getattr(line, name), currency)
    if line.held_share is not None:
        yield from problem_of("the held share of discounts", line.held_share, currency)
    if not 0 <= line.tax_rate <= _HIGHEST_RATE:
        yield f"the tax rate is {line.tax_rate} per cent"
    if terms := line.discount_terms:
        yield from problem_of_terms(terms)
    if line.amount != rounded(line.quantity * line.unit_price, currency):
        yield f"{line.quantity} units of {line.unit_price} do not cost {line.amount} {currency}"
    price = line.amount - line.discount - line.discount_share
    if line.total != (price if order.prices_include_tax else price + line.tax) or price < 0:
        yield f"the total {line.total} {currency} does not follow from amount, discounts and tax"
    if line.tax > line.total:
        yield f"the tax {line.tax} {currency} is more than the total {line.total} {currency}"


def is_price(price: Decimal) -> bool:
    """Return whether this can be the price of one unit: it may have more decimals than the currency."""
    return 0 <= price < LARGEST and price == round(price, _PRICE_DECIMALS)


def problem_of_terms(terms: DiscountTerms) -> Iterator[str]:
    """Yield why these cannot be the terms of a discount."""
    if terms.amount < 0 or (terms.most is not None and terms.most < 0):
        yield f"a discount of {terms.amount}, at most {terms.most}, is below zero"


def _of_units(line: Line, order: Order) -> Iterator[str]:
    """No unit is counted twice."""
    for name in _COUNTERS:
        yield from problem_of_units(f"the {name} units", getattr(line, name))
    if line.cancelled + line.shipped > line.quantity:
        yield f"{line.cancelled} cancelled and {line.shipped} shipped units are more than its {line.quantity}"
    if not line.credited <= line.returned <= line.shipped:
        yield f"of {line.shipped} shipped units {line.returned} came back, and {line.credited} were credited"
    if line.returned + order.in_return(line.line_id) > line.shipped:
        yield f"more units are returned or will be than the {line.shipped} that were shipped"
    if line.refunded > line.quantity:
        yield f"{line.refunded} units are refunded of {line.quantity}"
    if not line.is_goods and (line.shipped or line.returned):
        yield "it is no goods, and cannot be shipped or returned"


def _of_reductions(line: Line, order: Order) -> Iterator[str]:
    """Reductions are at most the price, and at most they are given back; each contains its tax."""
    currency = order.currency
    if line.off > line.total:
        yield f"{line.off} {currency} are taken off its price of {line.total} {currency}"
    if not ZERO <= line.tax - line.tax_off <= line.charged:
        yield f"the tax of {line.charged} {currency} that it costs is {line.tax - line.tax_off} {currency}"
    if line.given_back + line.owed_back > line.off:
        yield f"more is given back or owed than the {line.off} {currency} taken off"
    if not ZERO <= line.tax_off - line.tax_given_back <= line.off - line.given_back:
        yield "the tax of what is given back does not fit what is taken off"
    if line.cancelled + line.credited == line.quantity and line.charged:
        yield f"no unit of it is sold, and it costs {line.charged} {currency}"
