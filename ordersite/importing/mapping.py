"""Turn invoices into commands. The same file always gives the same commands.

The file has no payments and no parcels. Rules invent them, and their events are marked `synthetic` in the metadata: an
order is paid in full when it is invoiced, and is shipped at noon of the next day unless it was cancelled before.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from uuid_utils.compat import uuid5

from eventstore.ids import id_at
from orders.commands import CreateOrder, NewLine, NewShipping, PayOrder, ShipOrder, WriteOff
from orders.values import ZERO, LineKind
from ordersite.importing.commands import NAMES, Figure, ImportCommand, Outcome, PendingLines, Quarantined, Source
from ordersite.importing.crediting import credit_commands
from ordersite.importing.invoices import Invoice, Line
from ordersite.importing.matching import SHIPPING, Matcher
from ordersite.importing.purchase_store import PurchaseStore
from ordersite.importing.sales import CURRENCY, Sale, SoldLines

PAYMENT_RULE = "paid in full when invoiced"
SHIPPING_RULE = "shipped at noon of the next day"
OTHER_CUSTOMER = "another customer than the invoice's first line"
WRITING_OFF_RULE = "the debt that the line means was found by its amount"
CHARGES = SHIPPING | {"M", "D", "S", "B", "BANK CHARGES", "AMAZONFEE", "CRUK", "PADS", "ADJUST"}


@dataclass
class Mapper:
    """Turns one invoice after another into commands.

    It keeps what customers bought, orders to be shipped, unpaid debts by amount, and the latest time in the file.
    `several_times` counts invoices whose lines have different times.
    """

    purchases: PurchaseStore = field(default_factory=PurchaseStore)
    waiting: dict[UUID, Sale] = field(default_factory=dict)
    debts: dict[Decimal, list[Sale]] = field(default_factory=dict)
    latest: datetime | None = None
    several_times: int = 0

    @property
    def matcher(self) -> Matcher:
        """Return the matcher of credit notes."""
        return Matcher(self.purchases)

    def results(self, invoice: Invoice) -> Iterator[ImportCommand | Quarantined]:
        """Yield the shipments that come before the invoice, then its commands and quarantined lines."""
        if waiting := invoice.problems(_problems_of(invoice)):
            yield from waiting
            return
        if not self.purchases.is_new_invoice(invoice.number):
            yield from (
                Quarantined(line.raw, "came long after the other lines of its invoice") for line in invoice.lines
            )
            return
        self.several_times += invoice.at != invoice.until
        yield from self._ship_until(invoice.at)
        self.latest = max(self.latest or invoice.until, invoice.until)
        if invoice.is_credit_note:
            yield from credit_commands(invoice, self.matcher)
        elif invoice.is_bad_debt:
            yield from self._bad_debt(invoice)
        else:
            yield from self._order(invoice)

    def end(self) -> Iterator[ImportCommand]:
        """Yield the shipments until the time of the file's last line. A longer file will have the later ones."""
        if self.latest:
            yield from self._ship_until(self.latest)

    def _ship_until(self, moment: datetime) -> Iterator[ImportCommand]:
        for sale in [sale for sale in self.waiting.values() if sale.ships_at <= moment]:
            del self.waiting[sale.order_id]
            if sale.unsent:
                sale.shipped = True
                source = Source(number=sale.number, at=sale.ships_at)
                yield source.command(sale, "ship", ShipOrder(order_id=sale.order_id), synthetic=SHIPPING_RULE)

    def _order(self, invoice: Invoice) -> Iterator[ImportCommand]:
        sale, create = self._place(invoice, invoice.lines)
        yield create
        if sale.money:
            pay = PayOrder(
                order_id=sale.order_id,
                amount=sale.money,
                payment_method="invoice",
                payment_reference=invoice.number,
            )
            source = Source(number=invoice.number, at=invoice.at)
            yield source.command(sale, "pay", pay, synthetic=PAYMENT_RULE, figure=Figure.PAID, amount=sale.money)
        if sale.unsent:
            self.waiting[sale.order_id] = sale

    def _bad_debt(self, invoice: Invoice) -> Iterator[ImportCommand | Quarantined]:
        """Yield an unpaid order for positive lines; a negative line writes off the first debt of that amount."""
        owed = [line for line in invoice.lines if line.quantity > 0 and line.price > 0]
        if owed:
            sale, create = self._place(invoice, owed)
            self.debts.setdefault(sale.money, []).append(sale)
            yield create
        for line in invoice.lines:
            if line.quantity > 0 and line.price > 0:
                continue
            amount = -line.amount
            if debts := self.debts.get(amount):
                yield _write_off(invoice, line, debts.pop(0))
            else:
                yield Quarantined(line.raw, "bad debt of no order in the file" if amount > 0 else "bad debt of nothing")

    def _place(self, invoice: Invoice, lines: list[Line]) -> tuple[Sale, ImportCommand]:
        """Return the order of these lines, and the command that places it."""
        articles, shipping = _split_shipping(lines)
        ordered, is_debt = articles + shipping, invoice.is_bad_debt
        are_goods = [not is_debt and line.code not in CHARGES for line in ordered]
        sale = Sale(
            order_id=id_at(invoice.at, f"online-retail/{invoice.number}"),
            number=invoice.number,
            customer=invoice.customer,
            ships_at=invoice.at.replace(hour=12, minute=0, second=0) + timedelta(days=1),
            sold=_sold_lines(ordered, are_goods),
            money=sum((line.amount for line in lines), ZERO),
            unsent=sum(line.quantity for line, is_goods in zip(ordered, are_goods, strict=True) if is_goods),
        )
        if not is_debt:
            self.matcher.add_sale(sale)
        source = Source(
            number=invoice.number, at=invoice.at, pending=(PendingLines([line.raw for line in lines], Outcome.ORDER),)
        )
        create = _create(invoice, sale.order_id, zip(articles, are_goods, strict=False), shipping)
        return sale, source.command(sale, "create", create, figure=Figure.SOLD, amount=sale.money)


def _problems_of(invoice: Invoice) -> Callable[[Line], str]:
    """Return a function that says why a line cannot be part of its invoice."""
    customer = invoice.customer
    if invoice.is_credit_note:
        return lambda line: _problem_in_note(line, customer)
    if invoice.is_bad_debt:
        return lambda line: ""
    has_value = any(line.price > 0 and line.quantity > 0 for line in invoice.lines)
    return lambda line: _problem_in_order(line, customer, has_value)


def _problem_in_note(line: Line, customer: str) -> str:
    if line.quantity >= 0:
        return "cancellation of nothing (its quantity is not negative)"
    return OTHER_CUSTOMER if line.customer != customer else ""


def _problem_in_order(line: Line, customer: str, has_value: bool) -> str:
    if line.customer != customer:
        return OTHER_CUSTOMER
    if line.quantity == 0:
        return "quantity is zero"
    if line.quantity < 0:
        return "negative quantity without a cancellation (a stock correction)"
    if not has_value:
        return "invoice without any value (a stock correction)"
    return ""


def _split_shipping(lines: list[Line]) -> tuple[list[Line], list[Line]]:
    """Return articles and shipping lines, which an order numbers last. Shipping without articles is an article."""
    shipping = [line for line in lines if line.code in SHIPPING]
    if not shipping or len(shipping) == len(lines):
        return lines, []
    return [line for line in lines if line.code not in SHIPPING], shipping


def _sold_lines(lines: list[Line], are_goods: list[bool]) -> SoldLines:
    return SoldLines(
        codes=[line.code for line in lines],
        prices=[line.price for line in lines],
        quantities=[line.quantity for line in lines],
        totals=[line.amount for line in lines],
        are_goods=are_goods,
    )


def _create(
    invoice: Invoice, order_id: UUID, articles: Iterable[tuple[Line, bool]], shipping: Iterable[Line]
) -> CreateOrder:
    """Return the command that places the order. Each article comes with whether it is goods or a charge."""
    customer = invoice.customer
    return CreateOrder(
        order_id=order_id,
        customer_id=uuid5(NAMES, f"customer/{customer}") if customer else None,
        customer_name=f"Customer {customer}" if customer else "",
        customer_email="",
        country=invoice.country,
        currency=CURRENCY,
        reference=invoice.number,
        lines=tuple(
            NewLine(
                sku=line.sku,
                name=line.name,
                quantity=line.quantity,
                unit_price=line.price,
                kind=LineKind.GOODS if is_goods else LineKind.CHARGE,
            )
            for line, is_goods in articles
        ),
        shipping=tuple(
            NewShipping(
                name=line.name if line.quantity == 1 else f"{line.quantity} x {line.name}",
                price=line.amount,
                code=line.sku,
            )
            for line in shipping
        ),
    )


def _write_off(invoice: Invoice, line: Line, debt: Sale) -> ImportCommand:
    source = Source(number=invoice.number, at=invoice.at, pending=(PendingLines((line.raw,), Outcome.WRITE_OFF),))
    reason = f"Written off by {invoice.number}"
    command = WriteOff(order_id=debt.order_id, reason=reason, amount=debt.money)
    return source.command(
        debt, "write off", command, synthetic=WRITING_OFF_RULE, figure=Figure.WRITTEN_OFF, amount=debt.money
    )
