"""The layout of WooCommerce's order exports with a row for each item, as its two usual extensions write them.

All amounts of items are without tax, and each has its own tax. What an order states once stands in each of its rows.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from eventstore.ids import id_at
from orders.commands import CreateOrder, NewLine, NewShipping
from orders.money import rounded
from orders.values import ZERO, LineKind
from ordersite.importing.layouts.fields import BadOrder, Fields
from ordersite.importing.layouts.history import OrderHistory, customer_id_of, exact
from ordersite.importing.layouts.one_table import OneTable
from ordersite.importing.layouts.taxes import TAX_RULE, rate_for
from ordersite.importing.sources.columns import Column, Content, TableKind
from ordersite.importing.sources.tables import RawLine

_MONEY, _DATE = Content.MONEY, Content.DATE
ADDRESS = ("first_name", "last_name", "company", "address_1", "address_2", "postcode", "city", "state", "country")


def _optional(*names: str, content: Content = Content.TEXT) -> Iterator[Column]:
    return (Column(name, content=content, is_required=False) for name in names)


KIND = TableKind(
    "woocommerce",
    (
        Column("order_id"),
        Column("order_date", ("date",), _DATE),
        Column("status", ("order_status",)),
        Column("shipping_total", content=_MONEY),
        Column("shipping_tax_total", content=_MONEY),
        Column("fee_total", content=_MONEY),
        Column("fee_tax_total", content=_MONEY),
        Column("tax_total", content=_MONEY),
        Column("order_total", content=_MONEY),
        Column("order_currency", ("currency",)),
        Column("item_name"),
        Column("item_sku"),
        Column("item_quantity", content=Content.NUMBER),
        Column("item_subtotal", content=_MONEY),
        Column("item_total", content=_MONEY),
        Column("item_total_tax", ("item_tax",), _MONEY),
        *_optional("order_number", "order_number_formatted", "payment_method", "transaction_id", "shipping_method"),
        *_optional("customer_id", "billing_email", "item_product_id"),
        *_optional(*(f"{of}_{part}" for of in ("billing", "shipping") for part in ADDRESS)),
        *_optional("refunded_total", "item_refunded", content=_MONEY),
        Column("paid_date", ("date_paid",), _DATE, is_required=False),
        Column("completed_date", ("date_completed",), _DATE, is_required=False),
    ),
)
PAID_RULE = "paid when ordered: the file has no date"
SHIPPED_RULE = "shipped at the last date of the order: the file has no date"
CANCELLED_RULE = "cancelled at the last date of the order: the file has no date"
HELD_RULE = "put on hold when ordered: the file has no date"
REFUNDED_RULE = "refunded at the last date of the order: the file has no date"
_STATUSES = {"pending", "failed", "on-hold", "processing", "completed", "cancelled", "refunded"}
_PAID = {"processing", "completed", "refunded"}
_PRICE_DECIMALS = Decimal("0.000001")  # of a price of one unit


class WooCommerce(OneTable):
    """The rows of an order have the same `order_id`."""

    name = "woocommerce"
    title = "WooCommerce: an export of orders with a row for each item"
    kinds = (KIND,)
    date = "order_date"

    def history(self, rows: Sequence[RawLine]) -> OrderHistory:
        """Return the history of one order. Raises BadOrder."""
        head, items = Fields(rows), [Fields([raw]) for raw in rows]
        number, placed, currency = head.identifier("order_id"), head.moment("order_date"), head.text("order_currency")
        if placed is None:
            raise BadOrder("no order_date")
        total = exact(head.number("order_total", currency), currency, "order_total")
        tax = exact(head.number("tax_total", currency), currency, "tax_total")
        history = OrderHistory(f"{self.name}/{number}", rows)
        order = _order(head, items, placed, number=number, currency=currency)
        history.place(order, placed, total=total, tax=tax, guess=TAX_RULE if tax else "")
        _tell(history, head, items, placed)
        return history


def _order(head: Fields, items: Sequence[Fields], placed: datetime, *, number: str, currency: str) -> CreateOrder:
    customer = head.identifier("customer_id")
    lines = [_line(item, currency) for item in items]
    if fee := amount_of(head, "fee_total", currency):
        rate = _rate(head, "fee_total", "fee_tax_total", currency)
        lines.append(NewLine(sku="FEE", name="Fees", quantity=1, unit_price=fee, kind=LineKind.CHARGE, tax_rate=rate))
    shipping, method = amount_of(head, "shipping_total", currency), head.text("shipping_method")
    rate = _rate(head, "shipping_total", "shipping_tax_total", currency)
    return CreateOrder(
        order_id=id_at(placed, f"woocommerce/{number}"),
        customer_id=customer_id_of("woocommerce", customer if customer != "0" else ""),
        customer_name=name_of(head, "billing_") or name_of(head, "shipping_"),
        customer_email=head.text("billing_email"),
        currency=currency,
        lines=tuple(lines),
        shipping=(NewShipping(name=method or "Shipping", price=shipping, tax_rate=rate),) if shipping or method else (),
        prices_include_tax=False,
        shipping_address=address_of(head, "shipping_"),
        billing_address=address_of(head, "billing_"),
        country=head.text("shipping_country") or head.text("billing_country"),
        reference=head.text("order_number_formatted") or head.identifier("order_number") or number,
    )


def _line(item: Fields, currency: str) -> NewLine:
    quantity = item.units("item_quantity")
    full, charged = (amount_of(item, name, currency) for name in ("item_subtotal", "item_total"))
    sku = item.identifier("item_sku") or item.identifier("item_product_id")
    rate = _rate(item, "item_total", "item_total_tax", currency)
    return sold_line(item, quantity, sku, item.text("item_name"), full, charged, rate)


def sold_line(  # noqa: PLR0917 - each is a value of a line
    item: Fields, quantity: int, sku: str, name: str, full: Decimal, charged: Decimal, rate: Decimal
) -> NewLine:
    """Return a line. Its price of one unit follows from the price of all, and its discount from what was charged."""
    if charged > full:
        raise BadOrder(f"its total is {charged}, more than its subtotal of {full}", item.rows[0])
    return NewLine(
        sku=sku or name[:64].strip(),
        name=name,
        quantity=quantity,
        unit_price=(full / quantity).quantize(_PRICE_DECIMALS),
        discount=full - charged,
        tax_rate=rate,
    )


def amount_of(fields: Fields, name: str, currency: str) -> Decimal:
    """Return an amount, rounded to the currency's decimals: some exports have more. Raises BadOrder."""
    number = fields.number(name, currency)
    exact(ZERO, currency, "order_currency")
    if number < 0:
        raise BadOrder(f"{name} is below zero")
    return rounded(number, currency)


def _rate(fields: Fields, base: str, tax: str, currency: str) -> Decimal:
    return rate_for(amount_of(fields, base, currency), amount_of(fields, tax, currency), currency, is_included=False)


def name_of(head: Fields, of: str) -> str:
    """Return the name of a person; `of` begins the names of the columns."""
    return f"{head.text(f'{of}first_name')} {head.text(f'{of}last_name')}".strip()


def address_of(head: Fields, of: str) -> str:
    """Return an address, line by line; `of` begins the names of the columns."""
    parts = [name_of(head, of), *(head.text(f"{of}{part}") for part in ("company", "address_1", "address_2"))]
    parts.append(f"{head.text(f'{of}postcode')} {head.text(f'{of}city')}".strip())
    return "\n".join(filter(None, [*parts, head.text(f"{of}state"), head.text(f"{of}country")]))


class Dates(NamedTuple):
    """When an order was placed, paid and completed, as far as the file says."""

    placed: datetime
    paid: datetime | None
    completed: datetime | None


def status_of(head: Fields) -> str:
    """Return the status of an order. Raises BadOrder for one that is not known."""
    status = head.text("status").lower().replace(" ", "-").removeprefix("wc-")
    if status not in _STATUSES:
        raise BadOrder(f"the status {status!r} is not known. Known are {', '.join(sorted(_STATUSES))}")
    return status


def _tell(history: OrderHistory, head: Fields, items: Sequence[Fields], placed: datetime) -> None:
    """Add what became of the order. Raises BadOrder."""
    status = status_of(head)
    dates = Dates(placed, head.moment("paid_date"), head.moment("completed_date"))
    tell(history, head, status, dates, [(_refunded(head, items, status, history), "Refunded in WooCommerce")])


def tell(
    history: OrderHistory, head: Fields, status: str, dates: Dates, refunds: Sequence[tuple[Decimal, str]]
) -> None:
    """Add what became of the order; `refunds` are amounts with their reasons. Raises BadOrder."""
    placed, paid, completed = dates
    last = max(moment for moment in dates if moment)
    method = head.text("payment_method") or "woocommerce"
    is_on_delivery = method == "cod" and status == "processing"
    if paid or any(amount for amount, _ in refunds) or (status in _PAID and not is_on_delivery):
        reference, guess = head.text("transaction_id"), "" if paid else PAID_RULE
        history.pay(history.state.sold, paid or placed, method=method, reference=reference, guess=guess)
    if status == "completed":
        history.ship(completed or last, guess="" if completed else SHIPPED_RULE)
    elif status == "cancelled":
        history.cancel(last, reason="Cancelled in WooCommerce", guess=CANCELLED_RULE)
    elif status == "on-hold":
        history.hold(placed, reason="On hold in WooCommerce", guess=HELD_RULE)
    for amount, reason in refunds:
        history.refund(amount, last, reason=reason, guess=REFUNDED_RULE)


def _refunded(head: Fields, items: Sequence[Fields], status: str, history: OrderHistory) -> Decimal:
    """Return what was refunded. An export without the sum of refunds still says that all of the order was refunded."""
    currency = history.state.currency
    amount = amount_of(head, "refunded_total", currency)
    if head.text("refunded_total"):
        if status == "refunded" and amount != history.state.sold:
            raise BadOrder(f"refunded, but the refunded_total is {amount} {currency} of {history.state.sold}")
        return amount
    if status == "refunded":
        return history.state.sold
    if any(item.number("item_refunded", currency) for item in items):
        raise BadOrder("items are refunded, but there is no refunded_total")
    return ZERO
