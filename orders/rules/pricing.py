"""What lines cost: each amount is rounded once, and what is taken off the whole order is spread without a rest."""

from collections.abc import Sequence
from decimal import Decimal

from eventstore.errors import CommandRefused
from orders.commands import CreateOrder, NewDiscount, NewLine, NewShipping
from orders.lines import Line
from orders.money import LARGEST, nothing, plain, require_exact, rounded, spread
from orders.values import MOST_UNITS, ZERO, Discount, LineKind, OrderLine


def new_lines(command: CreateOrder) -> tuple[tuple[OrderLine, ...], tuple[Discount, ...]]:
    """The lines of a new order, shipping last, and what is taken off all of it. Raises CommandRefused."""
    currency = command.currency
    wanted = [*command.lines, *(_as_line(way) for way in command.shipping)]
    amounts = [line_amount(number, line, currency) for number, line in enumerate(wanted, start=1)]
    discounts = tuple(_discount(each, currency) for each in command.discounts)
    shares = _shares(wanted, amounts, discounts, currency)
    lines = tuple(
        priced(number, line, amount, share, currency=currency, prices_include_tax=command.prices_include_tax)
        for number, (line, amount, share) in enumerate(zip(wanted, amounts, shares, strict=True), start=1)
    )
    return lines, discounts


def line_amount(number: int, line: NewLine, currency: str) -> Decimal:
    """Quantity times price, rounded once, before anything is taken off. Raises CommandRefused."""
    _require_sellable(number, line)
    amount = rounded(line.quantity * line.unit_price, currency)
    if line.discount and _is_too_much(line.discount, amount, currency):
        raise CommandRefused(
            "discount_too_large",
            "line {number} ({sku}): {discount} {currency} cannot be taken off {at_most} {currency}",
            number=number,
            sku=line.sku,
            discount=line.discount,
            at_most=amount,
            currency=currency,
        )
    return amount


def _require_sellable(number: int, line: NewLine) -> None:
    """Whether it says what is sold, how many, for how much and at which tax. Raises CommandRefused."""
    if not line.sku.strip():
        raise CommandRefused("no_sku", "line {number} names no sku", number=number)
    if line.quantity <= 0:
        raise CommandRefused(
            "quantity_not_positive",
            "line {number} ({sku}): quantity {quantity} is not positive",
            number=number,
            sku=line.sku,
            quantity=line.quantity,
        )
    require_quantity(number, line.sku, line.quantity)
    if not line.unit_price.is_finite() or line.unit_price < 0:
        raise CommandRefused(
            "price_negative",
            "line {number} ({sku}): {price} is no price; it may not be negative",
            number=number,
            sku=line.sku,
            price=line.unit_price,
        )
    _require_not_too_large(number, line.sku, line.quantity * line.unit_price)
    if line.tax_rate and (not line.tax_rate.is_finite() or not 0 <= line.tax_rate <= 100):
        raise CommandRefused(
            "tax_rate_wrong",
            "line {number} ({sku}): a tax rate is between 0 and 100 per cent, not {rate}",
            number=number,
            sku=line.sku,
            rate=line.tax_rate,
        )


def require_quantity(number: int, sku: str, quantity: int) -> None:
    """Raises CommandRefused for more units than any line has."""
    if quantity > MOST_UNITS:
        raise CommandRefused(
            "quantity_too_large",
            "line {number} ({sku}): {quantity} is more than {most}",
            number=number,
            sku=sku,
            quantity=quantity,
            most=f"{MOST_UNITS:,}",
        )


def _require_not_too_large(number: int, sku: str, amount: Decimal) -> None:
    """Raises CommandRefused for what no line is worth."""
    if amount >= LARGEST:
        raise CommandRefused(
            "amount_too_large",
            "line {number} ({sku}) is worth {largest} or more",
            number=number,
            sku=sku,
            largest=f"{LARGEST:,}",
        )


def require_total(total: Decimal) -> None:
    """Raises CommandRefused for what no order is worth."""
    if total >= LARGEST:
        raise CommandRefused("amount_too_large", "the order is worth {largest} or more", largest=f"{LARGEST:,}")


def priced(
    number: int, line: NewLine, amount: Decimal, discount_share: Decimal, *, currency: str, prices_include_tax: bool
) -> OrderLine:
    """The line as it is sold; `amount` is its quantity times its price, rounded."""
    discount = rounded(line.discount, currency) if line.discount else nothing(currency)
    taxable = amount - discount - discount_share
    whole = 100 + line.tax_rate if prices_include_tax else Decimal(100)
    tax = rounded(taxable * line.tax_rate / whole, currency) if line.tax_rate else nothing(currency)
    return OrderLine(
        line_id=number,
        sku=line.sku,
        name=line.name,
        quantity=line.quantity,
        unit_price=plain(line.unit_price),
        amount=amount,
        kind=line.kind,
        discount=discount,
        discount_share=discount_share,
        tax_rate=plain(line.tax_rate) if line.tax_rate else ZERO,
        tax=tax,
        total=taxable if prices_include_tax else taxable + tax,
    )


def with_quantity(line: Line, quantity: int, *, currency: str, prices_include_tax: bool) -> OrderLine:
    """The line with another quantity: what is taken off it shrinks or grows with it."""
    amount = rounded(quantity * line.unit_price, currency)
    _require_not_too_large(line.line_id, line.sku, amount)

    def scaled(off: Decimal) -> Decimal:
        return rounded(off * amount / line.amount, currency) if line.amount else rounded(ZERO, currency)

    off = scaled(line.discount + line.discount_share)  # in one, so that it never comes to more than the line
    discount = min(scaled(line.discount), off)
    new = NewLine(
        sku=line.sku,
        name=line.name,
        quantity=quantity,
        unit_price=line.unit_price,
        kind=line.kind,
        discount=discount,
        tax_rate=line.tax_rate,
    )
    return priced(line.line_id, new, amount, off - discount, currency=currency, prices_include_tax=prices_include_tax)


def _as_line(way: NewShipping) -> NewLine:
    return NewLine(
        sku=way.code, name=way.name, quantity=1, unit_price=way.price, kind=LineKind.SHIPPING, tax_rate=way.tax_rate
    )


def _discount(discount: NewDiscount, currency: str) -> Discount:
    if not discount.amount.is_finite() or discount.amount < 0:
        raise CommandRefused("discount_wrong", "{amount} is no discount", amount=discount.amount)
    return Discount(name=discount.name, amount=require_exact(discount.amount, currency))


def _shares(
    lines: Sequence[NewLine], amounts: Sequence[Decimal], discounts: Sequence[Discount], currency: str
) -> list[Decimal]:
    """Each line's part of what is taken off the whole order. Raises CommandRefused."""
    off = sum((each.amount for each in discounts), rounded(ZERO, currency))
    weights = [
        ZERO if line.kind is LineKind.SHIPPING else amount - line.discount
        for line, amount in zip(lines, amounts, strict=True)
    ]
    if _is_too_much(off, sum(weights, ZERO), currency):
        raise CommandRefused(
            "discount_too_large",
            "{discount} {currency} cannot be taken off the {at_most} {currency} that the goods cost",
            discount=off,
            at_most=sum(weights, ZERO),
            currency=currency,
        )
    return spread(off, weights, currency)


def _is_too_much(discount: Decimal, at_most: Decimal, currency: str) -> bool:
    """Raises CommandRefused for what is no discount at all."""
    if not discount.is_finite() or discount < 0:
        raise CommandRefused("discount_wrong", "{amount} is no discount", amount=discount)
    return require_exact(discount, currency) > at_most
