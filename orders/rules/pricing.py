"""Prices of lines. Each amount is rounded once. Discounts on the whole order are spread over its lines exactly."""

from collections.abc import Sequence
from decimal import Decimal

from eventstore.errors import CommandRefused
from orders.commands import CreateOrder, NewDiscount, NewLine, NewShipping
from orders.lines import Line
from orders.money import LARGEST, nothing, plain, require_exact, rounded, spread
from orders.values import MOST_UNITS, ZERO, Discount, LineKind, OrderLine


def new_lines(command: CreateOrder) -> tuple[tuple[OrderLine, ...], tuple[Discount, ...]]:
    """Return the lines of a new order, shipping last, and the discounts on the whole order. Raises CommandRefused."""
    currency = command.currency
    ordered = [*command.lines, *(_shipping_line(each) for each in command.shipping)]
    amounts = [line_amount(number, line, currency) for number, line in enumerate(ordered, start=1)]
    discounts = tuple(_discount(each, currency) for each in command.discounts)
    shares = _discount_shares(ordered, amounts, discounts, currency)
    lines = tuple(
        priced(number, line, amount, share, currency=currency, prices_include_tax=command.prices_include_tax)
        for number, (line, amount, share) in enumerate(zip(ordered, amounts, shares, strict=True), start=1)
    )
    return lines, discounts


def line_amount(number: int, line: NewLine, currency: str) -> Decimal:
    """Return quantity times price, rounded once, before discounts. Raises CommandRefused."""
    _require_sellable(number, line)
    amount = rounded(line.quantity * line.unit_price, currency)
    if line.discount and _exceeds(line.discount, amount, currency):
        raise CommandRefused(
            "discount_too_large",
            "line {number} ({sku}): the discount {discount} {currency} is more than the price {at_most} {currency}",
            number=number,
            sku=line.sku,
            discount=line.discount,
            at_most=amount,
            currency=currency,
        )
    return amount


def _require_sellable(number: int, line: NewLine) -> None:
    """Raise CommandRefused unless sku, quantity, price and tax rate are valid."""
    if not line.sku.strip():
        raise CommandRefused("no_sku", "line {number} has no sku", number=number)
    if line.quantity <= 0:
        raise CommandRefused(
            "quantity_not_positive",
            "line {number} ({sku}): the quantity {quantity} must be more than zero",
            number=number,
            sku=line.sku,
            quantity=line.quantity,
        )
    require_quantity(number, line.sku, line.quantity)
    if not line.unit_price.is_finite() or line.unit_price < 0:
        raise CommandRefused(
            "price_negative",
            "line {number} ({sku}): {price} is not a valid price; it must not be negative",
            number=number,
            sku=line.sku,
            price=line.unit_price,
        )
    _require_not_too_large(number, line.sku, line.quantity * line.unit_price)
    if line.tax_rate and (not line.tax_rate.is_finite() or not 0 <= line.tax_rate <= 100):
        raise CommandRefused(
            "tax_rate_wrong",
            "line {number} ({sku}): the tax rate {rate} must be between 0 and 100 per cent",
            number=number,
            sku=line.sku,
            rate=line.tax_rate,
        )


def require_quantity(number: int, sku: str, quantity: int) -> None:
    """Raise CommandRefused for more than MOST_UNITS."""
    if quantity > MOST_UNITS:
        raise CommandRefused(
            "quantity_too_large",
            "line {number} ({sku}): the quantity {quantity} must not be more than {most}",
            number=number,
            sku=sku,
            quantity=quantity,
            most=f"{MOST_UNITS:,}",
        )


def _require_not_too_large(number: int, sku: str, amount: Decimal) -> None:
    """Raise CommandRefused for a line amount of LARGEST or more."""
    if amount >= LARGEST:
        raise CommandRefused(
            "amount_too_large",
            "line {number} ({sku}) must cost less than {largest}",
            number=number,
            sku=sku,
            largest=f"{LARGEST:,}",
        )


def require_total(total: Decimal) -> None:
    """Raise CommandRefused for an order total of LARGEST or more."""
    if total >= LARGEST:
        raise CommandRefused("amount_too_large", "the order must cost less than {largest}", largest=f"{LARGEST:,}")


def priced(
    number: int, line: NewLine, amount: Decimal, discount_share: Decimal, *, currency: str, prices_include_tax: bool
) -> OrderLine:
    """Return the line as sold. `amount` is its quantity times its price, rounded."""
    discount = rounded(line.discount, currency) if line.discount else nothing(currency)
    taxable = amount - discount - discount_share
    base = 100 + line.tax_rate if prices_include_tax else Decimal(100)
    tax = rounded(taxable * line.tax_rate / base, currency) if line.tax_rate else nothing(currency)
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
    """Return the line with another quantity. Its discounts change in proportion. Raises CommandRefused."""
    amount = rounded(quantity * line.unit_price, currency)
    _require_not_too_large(line.line_id, line.sku, amount)

    def scaled(off: Decimal) -> Decimal:
        return rounded(off * amount / line.amount, currency) if line.amount else rounded(ZERO, currency)

    off = scaled(line.discount + line.discount_share)  # scaled as one sum, so that it never exceeds the line
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


def _shipping_line(new: NewShipping) -> NewLine:
    return NewLine(
        sku=new.code, name=new.name, quantity=1, unit_price=new.price, kind=LineKind.SHIPPING, tax_rate=new.tax_rate
    )


def _discount(discount: NewDiscount, currency: str) -> Discount:
    if not discount.amount.is_finite() or discount.amount < 0:
        raise CommandRefused("discount_wrong", "{amount} is not a valid discount", amount=discount.amount)
    return Discount(name=discount.name, amount=require_exact(discount.amount, currency))


def _discount_shares(
    lines: Sequence[NewLine], amounts: Sequence[Decimal], discounts: Sequence[Discount], currency: str
) -> list[Decimal]:
    """Return each line's share of the discounts on the whole order. Raises CommandRefused."""
    total_discount = sum((each.amount for each in discounts), rounded(ZERO, currency))
    weights = [
        ZERO if line.kind is LineKind.SHIPPING else amount - line.discount
        for line, amount in zip(lines, amounts, strict=True)
    ]
    if _exceeds(total_discount, sum(weights, ZERO), currency):
        raise CommandRefused(
            "discount_too_large",
            "the discount {discount} {currency} is more than the price of the lines, {at_most} {currency}",
            discount=total_discount,
            at_most=sum(weights, ZERO),
            currency=currency,
        )
    return spread(total_discount, weights, currency)


def _exceeds(discount: Decimal, at_most: Decimal, currency: str) -> bool:
    """Return whether the discount is more than `at_most`. Raises CommandRefused for a negative or inexact discount."""
    if not discount.is_finite() or discount < 0:
        raise CommandRefused("discount_wrong", "{amount} is not a valid discount", amount=discount)
    return require_exact(discount, currency) > at_most
