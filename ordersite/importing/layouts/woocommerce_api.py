"""The layout of orders as WooCommerce's REST API gives them, in JSON (`GET /wp-json/wc/v3/orders`).

All amounts of the parts of an order are without tax, and each has its own tax. Refunds have no time in an order.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from eventstore.ids import id_at
from orders.commands import CreateOrder, NewLine, NewShipping
from orders.values import ZERO, LineKind
from ordersite.importing.layouts import woocommerce as exports
from ordersite.importing.layouts.fields import BadOrder, Fields
from ordersite.importing.layouts.history import OrderHistory, customer_id_of, exact
from ordersite.importing.layouts.one_table import OneTable
from ordersite.importing.layouts.taxes import TAX_RULE, rate_for
from ordersite.importing.sources.columns import Column, Content, TableKind
from ordersite.importing.sources.json_orders import ENTRY
from ordersite.importing.sources.tables import RawLine

_MONEY, _DATE = Content.MONEY, Content.DATE


def _optional(*names: str, content: Content = Content.TEXT) -> Iterator[Column]:
    return (Column(name, content=content, is_required=False) for name in names)


KIND = TableKind(
    "woocommerce-json",
    (
        Column("id"),
        Column(ENTRY),
        Column("date_created_gmt", content=_DATE),
        Column("status"),
        Column("currency"),
        Column("total", content=_MONEY),
        Column("total_tax", content=_MONEY),
        Column("line_items.name"),
        Column("line_items.quantity", content=Content.NUMBER),
        Column("line_items.subtotal", content=_MONEY),
        Column("line_items.total", content=_MONEY),
        Column("line_items.total_tax", content=_MONEY),
        *_optional("line_items.sku", "line_items.product_id", "number", "payment_method", "transaction_id"),
        *_optional("customer_id", "customer_note", "billing.email"),
        *_optional(*(f"{of}.{part}" for of in ("billing", "shipping") for part in exports.ADDRESS)),
        *_optional("date_paid_gmt", "date_completed_gmt", content=_DATE),
        *_optional("shipping_lines.method_title", "fee_lines.name", "coupon_lines.code", "refunds.reason"),
        *_optional("shipping_lines.total", "shipping_lines.total_tax", content=_MONEY),
        *_optional("fee_lines.total", "fee_lines.total_tax", "coupon_lines.discount", content=_MONEY),
        *_optional("tax_lines.tax_total", "tax_lines.shipping_tax_total", "refunds.total", content=_MONEY),
    ),
)


class WooCommerceApi(OneTable):
    """The rows of an order have the same `id`. Each is the order itself, or an entry of one of its lists."""

    name = "woocommerce-json"
    title = "WooCommerce: orders of the REST API, as JSON"
    kinds = (KIND,)
    date = "date_created_gmt"

    def history(self, rows: Sequence[RawLine]) -> OrderHistory:
        """Return the history of one order. Raises BadOrder."""
        order = _Order(rows)
        placed = order.head.moment("date_created_gmt")
        if placed is None:
            raise BadOrder("no date_created_gmt")
        history = OrderHistory(f"{self.name}/{order.number}", rows)
        total, tax = (exact(order.head.number(name), order.currency, name) for name in ("total", "total_tax"))
        order.require_tax_lines(tax)
        history.place(order.command(placed), placed, total=total, tax=tax, guess=TAX_RULE if tax else "")
        for note in order.notes():
            history.note(note, placed)
        _tell(history, order, placed)
        return history


class _Order:
    """The parts of an order. `head` reads what is stated once, from whichever row."""

    def __init__(self, rows: Sequence[RawLine]) -> None:
        self.head = Fields(rows)
        self.number, self.currency = self.head.identifier("id"), self.head.text("currency")
        exact(ZERO, self.currency, "currency")
        self._rows = rows

    def entries(self, name: str) -> Iterator[Fields]:
        """Yield the entries of one of the order's lists."""
        place = KIND.index(ENTRY)
        return (Fields([raw]) for raw in self._rows if raw.values[place].strip() == name)

    def command(self, placed: datetime) -> CreateOrder:
        """Return the command that places the order."""
        head, customer = self.head, self.head.identifier("customer_id")
        lines = [self._line(item) for item in self.entries("line_items")]
        return CreateOrder(
            order_id=id_at(placed, f"woocommerce/{self.number}"),
            customer_id=customer_id_of("woocommerce", customer if customer != "0" else ""),
            customer_name=exports.name_of(head, "billing.") or exports.name_of(head, "shipping."),
            customer_email=head.text("billing.email"),
            currency=self.currency,
            lines=(*lines, *(self._fee(fee) for fee in self.entries("fee_lines"))),
            shipping=tuple(self._shipping(each) for each in self.entries("shipping_lines")),
            prices_include_tax=False,
            shipping_address=exports.address_of(head, "shipping."),
            billing_address=exports.address_of(head, "billing."),
            country=head.text("shipping.country") or head.text("billing.country"),
            reference=head.identifier("number") or self.number,
        )

    def _line(self, item: Fields) -> NewLine:
        full, charged = (self._amount(item, f"line_items.{name}") for name in ("subtotal", "total"))
        sku = item.identifier("line_items.sku") or item.identifier("line_items.product_id")
        rate = self._rate(item, "line_items.total", "line_items.total_tax")
        return exports.sold_line(
            item, item.units("line_items.quantity"), sku, item.text("line_items.name"), full, charged, rate
        )

    def _fee(self, fee: Fields) -> NewLine:
        return NewLine(
            sku="FEE",
            name=fee.text("fee_lines.name") or "Fees",
            quantity=1,
            unit_price=self._amount(fee, "fee_lines.total"),
            kind=LineKind.CHARGE,
            tax_rate=self._rate(fee, "fee_lines.total", "fee_lines.total_tax"),
        )

    def _shipping(self, each: Fields) -> NewShipping:
        return NewShipping(
            name=each.text("shipping_lines.method_title") or "Shipping",
            price=self._amount(each, "shipping_lines.total"),
            tax_rate=self._rate(each, "shipping_lines.total", "shipping_lines.total_tax"),
        )

    def _amount(self, fields: Fields, name: str) -> Decimal:
        return exports.amount_of(fields, name, self.currency)

    def _rate(self, fields: Fields, base: str, tax: str) -> Decimal:
        amounts = self._amount(fields, base), self._amount(fields, tax)
        return rate_for(*amounts, self.currency, is_included=False)

    def require_tax_lines(self, tax: Decimal) -> None:
        """Raise BadOrder if there are lines of taxes, and they are not the order's tax."""
        names = ("tax_lines.tax_total", "tax_lines.shipping_tax_total")
        found = [self._amount(each, name) for each in self.entries("tax_lines") for name in names]
        if found and sum(found, ZERO) != tax:
            raise BadOrder(f"the tax_lines add up to {sum(found, ZERO)} {self.currency}, and total_tax is {tax}")

    def notes(self) -> Iterator[str]:
        """Yield what has no place in an order but in its notes. What a coupon takes off is in the lines already."""
        for coupon in self.entries("coupon_lines"):
            off = self._amount(coupon, "coupon_lines.discount")
            yield f"Coupon {coupon.text('coupon_lines.code')}: {off} {self.currency} off"
        if note := self.head.text("customer_note"):
            yield f"Note of the customer: {note}"

    def refunds(self) -> Iterator[tuple[Decimal, str]]:
        """Yield the amount of each refund, which is below zero in the file, and its reason."""
        for refund in self.entries("refunds"):
            amount = exact(refund.number("refunds.total"), self.currency, "refunds.total")
            if amount > 0:
                raise BadOrder(f"a refund has the total {amount}, which is not below zero", refund.rows[0])
            yield -amount, refund.text("refunds.reason") or "Refunded in WooCommerce"


def _tell(history: OrderHistory, order: _Order, placed: datetime) -> None:
    """Add what became of the order. Raises BadOrder."""
    status = exports.status_of(order.head)
    paid, completed = order.head.moment("date_paid_gmt"), order.head.moment("date_completed_gmt")
    refunds = list(order.refunds())
    if status == "refunded" and not refunds:
        refunds = [(history.state.sold, "Refunded in WooCommerce")]
    dates = exports.Dates(placed, paid, completed)
    exports.tell(history, order.head, status, dates, refunds)
