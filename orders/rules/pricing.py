"""Prices of lines. Each amount is rounded once. Discounts on the whole order are spread over its lines exactly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from eventstore.errors import CommandRefused
from orders.commands import CreateOrder, NewLine, NewShipping
from orders.discounts import Bearer, shares_of, taken_off
from orders.lines import Line
from orders.money import LARGEST, nothing, plain, rounded
from orders.rules.discounts import line_terms, order_terms
from orders.state import Order
from orders.values import MOST_UNITS, ZERO, Discount, DiscountTerms, LineKind, OrderLine


@dataclass(frozen=True, slots=True)
class Price:
    """The price of a line before its share of the discounts on the whole order.

    `amount` is quantity times unit price. `discount` is the line's own discount under `terms`.
    """

    line_id: int
    line: NewLine | Line
    quantity: int
    amount: Decimal
    discount: Decimal
    terms: DiscountTerms | None
    held_share: Decimal | None = None

    def bearer(self, held: Decimal | None) -> Bearer:
        """Return the line as a discount on the whole order sees it. Shipping bears no share."""
        if self.line.kind is LineKind.SHIPPING:
            return Bearer(price=ZERO)
        return Bearer(price=self.amount - self.discount, held=held)

    def with_share(self, share: Decimal, *, currency: str, prices_include_tax: bool) -> OrderLine:
        """Return the line as sold. The tax is part of the price, or is added to it."""
        line, rate = self.line, self.line.tax_rate
        taxable = self.amount - self.discount - share
        base = 100 + rate if prices_include_tax else Decimal(100)
        tax = rounded(taxable * rate / base, currency) if rate else nothing(currency)
        return OrderLine(
            line_id=self.line_id,
            sku=line.sku,
            name=line.name,
            quantity=self.quantity,
            unit_price=plain(line.unit_price),
            amount=self.amount,
            kind=line.kind,
            discount=self.discount,
            discount_terms=self.terms,
            discount_share=share,
            held_share=self.held_share,
            tax_rate=plain(rate) if rate else ZERO,
            tax=tax,
            total=taxable if prices_include_tax else taxable + tax,
        )


def new_lines(command: CreateOrder) -> tuple[tuple[OrderLine, ...], tuple[Discount, ...]]:
    """Return the lines of a new order, shipping last, and the discounts on the whole order. Raises CommandRefused."""
    currency = command.currency
    ordered = [*command.lines, *(_shipping_line(each) for each in command.shipping)]
    prices = [new_price(number, line, currency) for number, line in enumerate(ordered, start=1)]
    bearers = [each.bearer(None) for each in prices] if command.discounts else []
    discounts = order_terms(command.discounts, bearers, currency)
    shares = shares_of(discounts, bearers, currency)[1] if discounts else [nothing(currency)] * len(prices)
    lines = (
        price.with_share(share, currency=currency, prices_include_tax=command.prices_include_tax)
        for price, share in zip(prices, shares, strict=True)
    )
    return tuple(lines), discounts


def edited_lines(
    order: Order, quantities: Mapping[int, int], added: Sequence[NewLine]
) -> tuple[tuple[OrderLine, ...], tuple[Discount, ...]]:
    """Return the lines that an edit changes or adds, and the discounts on the whole order after it.

    Each discount is applied again. So lines whose quantity stays may change too: in their share of a discount on the
    whole order. Raises CommandRefused.
    """
    currency, first = order.currency, len(order.lines) + 1
    prices = [_price_with(line, quantities.get(line.line_id, line.quantity), currency) for line in order.lines]
    bearers = [
        price.bearer(line.held_share if line.is_untouched else line.discount_share)
        for price, line in zip(prices, order.lines, strict=True)
    ]
    for number, line in enumerate(added, start=first):
        prices.append(new_price(number, line, currency))
        bearers.append(prices[-1].bearer(None))
    discounts, shares = shares_of(order.discounts, bearers, currency)
    before = [line.discount_share if line.line_id not in quantities else None for line in order.lines]
    before += [None] * len(added)
    lines = (
        price.with_share(share, currency=currency, prices_include_tax=order.prices_include_tax)
        for price, share, was in zip(prices, shares, before, strict=True)
        if share != was
    )
    return tuple(lines), discounts


def _price_with(line: Line, quantity: int, currency: str) -> Price:
    """Return the price of a line with this quantity. Raises CommandRefused if the line costs too much."""
    if quantity == line.quantity:
        amount, discount = line.amount, line.discount
    else:
        amount = rounded(quantity * line.unit_price, currency)
        _require_not_too_large(line.line_id, line.sku, amount)
        discount = nothing(currency)
        if terms := line.discount_terms:
            discount = min(taken_off(terms, units=quantity, price=amount, currency=currency), amount)
    return Price(line.line_id, line, quantity, amount, discount, line.discount_terms, line.held_share)


def new_price(number: int, line: NewLine, currency: str) -> Price:
    """Return the price of a new line. Raises CommandRefused."""
    _require_sellable(number, line)
    amount = rounded(line.quantity * line.unit_price, currency)
    terms, discount = line_terms(number, line, amount, currency), nothing(currency)
    if terms:
        discount = taken_off(terms, units=line.quantity, price=amount, currency=currency)
    return Price(number, line, line.quantity, amount, discount, terms)


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


def _shipping_line(new: NewShipping) -> NewLine:
    return NewLine(
        sku=new.code, name=new.name, quantity=1, unit_price=new.price, kind=LineKind.SHIPPING, tax_rate=new.tax_rate
    )
