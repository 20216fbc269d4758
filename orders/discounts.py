"""What discounts take off: on one line, or on the whole order with a share for each line.

Both depend only on the terms, the quantities and the prices, never on what was taken off before. So an edit and its
reversal change nothing. A line that was shipped, cancelled or refunded keeps its share of a discount on the whole
order, and the lines that can still be edited divide the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, assert_never

from orders.money import apportion, nothing, rounded
from orders.values import ZERO, Discount, DiscountKind, DiscountTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """A line as a discount on the whole order sees it: its price after its own discount.

    `held` is the share that it keeps whatever becomes of the others, or None. Shipping bears no share: its price is 0.
    """

    price: Decimal
    held: Decimal | None = None


def taken_off(terms: DiscountTerms, *, units: int, price: Decimal, currency: str) -> Decimal:
    """Return what a discount takes off, rounded once, if the price is high enough for it."""
    match terms.kind:
        case DiscountKind.FIXED:
            off = terms.amount
        case DiscountKind.PER_UNIT:
            off = terms.amount * units
        case DiscountKind.PERCENT:
            off = price * terms.amount / 100
        case _:
            assert_never(terms.kind)
    return rounded(off if terms.most is None else min(off, terms.most), currency)


def shares_of(
    discounts: Sequence[Discount], bearers: Sequence[Bearer], currency: str
) -> tuple[tuple[Discount, ...], list[Decimal]]:
    """Return the discounts with what each takes off now, and each line's share of their sum.

    Held shares are subtracted first; the other lines divide the rest in proportion to their prices. No line's share is
    more than its price, so less may be taken off than the terms say, until the lines grow again.
    """
    zero = nothing(currency)
    if not discounts:
        return (), [zero] * len(bearers)
    price = sum((each.price for each in bearers), ZERO)
    wanted = [taken_off(each.terms, units=1, price=price, currency=currency) for each in discounts]
    held = [None if each.held is None else min(each.held, each.price) for each in bearers]
    weights = [each.price if each.held is None else ZERO for each in bearers]
    held_sum = sum((each for each in held if each is not None), zero)
    rest = min(max(min(sum(wanted, zero), price) - held_sum, zero), sum(weights, zero))
    divided = apportion(rest, weights, currency)
    shares = [share if kept is None else kept for kept, share in zip(held, divided, strict=True)]
    return with_amounts(discounts, wanted, held_sum + rest), shares


def with_amounts(discounts: Sequence[Discount], wanted: Sequence[Decimal], off: Decimal) -> tuple[Discount, ...]:
    """Return the discounts with `off` divided among them: to each what it wants, in their order.

    Lines that keep their shares may keep a few smallest units more than all discounts want now. They count for the last
    discount in per cent, so that a fixed one never exceeds its amount.
    """
    amounts = []
    for each in wanted:
        amounts.append(min(each, off))
        off -= amounts[-1]
    if off:
        kinds = [each.terms.kind for each in discounts]
        amounts[max((n for n, kind in enumerate(kinds) if kind is DiscountKind.PERCENT), default=-1)] += off
    return tuple(
        Discount(name=each.name, amount=amount, terms=each.terms)
        for each, amount in zip(discounts, amounts, strict=True)
    )


def fixed_terms(amount: str) -> dict[str, str]:
    """Return the terms, as stored, of a discount from when every discount was an amount of money."""
    return {"kind": DiscountKind.FIXED, "amount": amount}


def with_fixed_discounts(line: dict[str, Any]) -> dict[str, Any]:
    """Return a stored line from that time with fixed discounts: the line's own one, and its share of the order's."""
    discount, share = line.get("discount", "0"), line.get("discount_share", "0")
    return line | {"discount_terms": fixed_terms(discount) if Decimal(discount) else None, "held_share": share}
