"""The terms of new discounts: valid amounts, and not more than the price at first."""

from collections.abc import Sequence
from decimal import Decimal

from eventstore.errors import CommandRefused
from orders.commands import NewDiscount, NewLine
from orders.discounts import Bearer, taken_off
from orders.money import require_exact
from orders.values import ZERO, Discount, DiscountKind, DiscountTerms


def line_terms(number: int, line: NewLine, amount: Decimal, currency: str) -> DiscountTerms | None:
    """Return the terms of a new line's own discount, or None if it has none. Raises CommandRefused."""
    if not line.discount:
        return None
    terms = _terms(line.discount_kind, line.discount, line.discount_most, currency)
    off = taken_off(terms, units=line.quantity, price=amount, currency=currency)
    if off > amount:
        raise CommandRefused(
            "discount_too_large",
            "line {number} ({sku}): the discount {discount} {currency} is more than the price {at_most} {currency}",
            number=number,
            sku=line.sku,
            discount=off,
            at_most=amount,
            currency=currency,
        )
    return terms


def order_terms(discounts: Sequence[NewDiscount], bearers: Sequence[Bearer], currency: str) -> tuple[Discount, ...]:
    """Return the discounts on a whole new order, each with what it takes off. Raises CommandRefused."""
    price = sum((each.price for each in bearers), ZERO)
    wanted = []
    for each in discounts:
        terms = _terms(DiscountKind(each.kind), each.amount, each.most, currency)
        off = taken_off(terms, units=1, price=price, currency=currency)
        wanted.append(Discount(name=each.name, amount=off, terms=terms))
    off = sum((each.amount for each in wanted), ZERO)
    if off > price:
        raise CommandRefused(
            "discount_too_large",
            "the discount {discount} {currency} is more than the price of the lines, {at_most} {currency}",
            discount=off,
            at_most=price,
            currency=currency,
        )
    return tuple(wanted)


def _terms(kind: DiscountKind, amount: Decimal, most: Decimal | None, currency: str) -> DiscountTerms:
    """Return the terms. Raises CommandRefused for a negative or inexact amount, and for more than 100 per cent."""
    for each in (amount, most):
        if each is not None and (not each.is_finite() or each < 0):
            raise CommandRefused("discount_wrong", "{amount} is not a valid discount", amount=each)
    most = None if most is None else require_exact(most, currency)
    if kind is not DiscountKind.PERCENT:
        return DiscountTerms(kind=kind, amount=require_exact(amount, currency), most=most)
    if amount > 100:
        raise CommandRefused(
            "discount_wrong", "a discount of {amount} per cent is more than 100 per cent", amount=amount
        )
    return DiscountTerms(kind=kind, amount=amount, most=most)
