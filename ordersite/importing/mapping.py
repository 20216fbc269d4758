"""Invoices to commands, by rules that give the same commands for the same file, every time.

The file knows neither payments nor parcels. They are made up by rule, and marked `synthetic` in the metadata: an order
is paid in full the moment it is invoiced, and leaves at noon of the next day unless it was cancelled before.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from uuid_utils.compat import uuid5

from eventstore.ids import id_at
from orders.commands import CreateOrder, NewLine, NewShipping, PayOrder, ShipOrder, WriteOff
from orders.values import ZERO, LineKind
from ordersite.importing.commands import NAMES, Awaiting, Figure, Quarantined, Source, Step, Way
from ordersite.importing.crediting import credited
from ordersite.importing.invoices import Invoice, Line
from ordersite.importing.matching import SHIPPING, Matcher
from ordersite.importing.purchase_store import Remembered
from ordersite.importing.sales import CURRENCY, Sale, Sold

PAYMENT_RULE = "paid in full when invoiced"
SHIPPING_RULE = "shipped at noon of the next day"
WRITING_OFF_RULE = "the debt that the line means was found by its amount"
CHARGES = SHIPPING | {"M", "D", "S", "B", "BANK CHARGES", "AMAZONFEE", "CRUK", "PADS", "ADJUST"}


@dataclass
class Mapper:
    """Remembers what customers bought, what still waits for its parcel, unpaid debts, and the invoices seen."""

    remembered: Remembered = field(default_factory=Remembered)
    waiting: dict[UUID, Sale] = field(default_factory=dict)
    debts: dict[Decimal, list[Sale]] = field(default_factory=dict)
    latest: datetime | None = None

    @property
    def matcher(self) -> Matcher:
        return Matcher(self.remembered)

    def steps(self, invoice: Invoice) -> Iterator[Step | Quarantined]:
        """What an invoice brings about, after the parcels that left before it."""
        if not self.remembered.meets(invoice.number):
            yield from (Quarantined(line, "came long after the other lines of its invoice") for line in invoice.lines)
            return
        yield from self._shipped_before(invoice.at)
        self.latest = max(self.latest or invoice.until, invoice.until)
        if invoice.is_credit_note:
            yield from credited(invoice, self.matcher)
        elif invoice.is_bad_debt:
            yield from self._bad_debt(invoice)
        else:
            yield from self._order(invoice)

    def end(self) -> Iterator[Step]:
        """The parcels that left before the file's last line. The others wait for a file that goes on."""
        if self.latest:
            yield from self._shipped_before(self.latest)

    def _shipped_before(self, moment: datetime) -> Iterator[Step]:
        for sale in [sale for sale in self.waiting.values() if sale.ships_at <= moment]:
            del self.waiting[sale.order_id]
            if sale.unsent:
                sale.shipped = True
                source = Source(number=sale.number, at=sale.ships_at)
                yield source.step(sale, "ship", ShipOrder(order_id=sale.order_id), synthetic=SHIPPING_RULE)

    def _order(self, invoice: Invoice) -> Iterator[Step | Quarantined]:
        worth = any(line.price > 0 and line.quantity > 0 for line in invoice.lines)
        good = [line for line in invoice.lines if not _why_not(line, invoice.customer, worth)]
        if len(good) < len(invoice.lines):
            for line in invoice.lines:
                if reason := _why_not(line, invoice.customer, worth):
                    yield Quarantined(line, reason)
        if not good:
            return
        sale, create = self._placed(invoice, good)
        yield create
        if sale.money:
            pay = PayOrder(
                order_id=sale.order_id,
                amount=sale.money,
                payment_method="invoice",
                payment_reference=invoice.number,
            )
            source = Source(number=invoice.number, at=invoice.at)
            yield source.step(sale, "pay", pay, synthetic=PAYMENT_RULE, figure=Figure.PAID, amount=sale.money)
        if sale.unsent:
            self.waiting[sale.order_id] = sale

    def _bad_debt(self, invoice: Invoice) -> Iterator[Step | Quarantined]:
        """What is owed to the shop is an order that nobody pays; what is given up is the first debt of that amount."""
        owed = [line for line in invoice.lines if line.quantity > 0 and line.price > 0]
        if owed:
            sale, create = self._placed(invoice, owed)
            self.debts.setdefault(sale.money, []).append(sale)
            yield create
        for line in invoice.lines:
            if line.quantity > 0 and line.price > 0:
                continue
            amount = -line.amount
            if debts := self.debts.get(amount):
                yield _written_off(invoice, line, debts.pop(0))
            else:
                yield Quarantined(line, "bad debt of no order in the file" if amount > 0 else "bad debt of nothing")

    def _placed(self, invoice: Invoice, lines: list[Line]) -> tuple[Sale, Step]:
        """The order of these lines, and the command that places it."""
        goods, sending = _apart(lines)
        ordered, is_debt = goods + sending, invoice.is_bad_debt
        are_goods = [not is_debt and line.code not in CHARGES for line in ordered]
        sale = Sale(
            order_id=id_at(invoice.at, f"online-retail/{invoice.number}"),
            number=invoice.number,
            customer=invoice.customer,
            ships_at=invoice.at.replace(hour=12, minute=0, second=0) + timedelta(days=1),
            sold=_sold(ordered, are_goods),
            money=sum((line.amount for line in lines), ZERO),
            unsent=sum(line.quantity for line, is_goods in zip(ordered, are_goods, strict=True) if is_goods),
        )
        if not is_debt:
            self.matcher.sold(sale)
        source = Source(number=invoice.number, at=invoice.at, awaiting=(Awaiting(lines, Way.ORDER),))
        create = _create(invoice, sale.order_id, zip(goods, are_goods, strict=False), sending)
        return sale, source.step(sale, "create", create, figure=Figure.SOLD, amount=sale.money)


def _why_not(line: Line, customer: str, worth: bool) -> str:
    if line.customer != customer:
        return "another customer than the invoice's first line"
    if line.quantity == 0:
        return "quantity is zero"
    if line.quantity < 0:
        return "negative quantity without a cancellation (a stock correction)"
    if not worth:
        return "invoice without any value (a stock correction)"
    return ""


def _apart(lines: list[Line]) -> tuple[list[Line], list[Line]]:
    """What is sold, and what sending it costs, which an order numbers last; sending alone is what is sold."""
    sending = [line for line in lines if line.code in SHIPPING]
    if not sending or len(sending) == len(lines):
        return lines, []
    return [line for line in lines if line.code not in SHIPPING], sending


def _sold(lines: list[Line], are_goods: list[bool]) -> Sold:
    return Sold(
        codes=[line.code for line in lines],
        prices=[line.price for line in lines],
        quantities=[line.quantity for line in lines],
        totals=[line.amount for line in lines],
        are_goods=are_goods,
    )


def _create(
    invoice: Invoice, order_id: UUID, goods: Iterable[tuple[Line, bool]], sending: Iterable[Line]
) -> CreateOrder:
    """What is `goods`, each with whether it is to be packed; and what sending it costs."""
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
            for line, is_goods in goods
        ),
        shipping=tuple(
            NewShipping(
                name=line.name if line.quantity == 1 else f"{line.quantity} x {line.name}",
                price=line.amount,
                code=line.sku,
            )
            for line in sending
        ),
    )


def _written_off(invoice: Invoice, line: Line, debt: Sale) -> Step:
    source = Source(number=invoice.number, at=invoice.at, awaiting=(Awaiting((line,), Way.WRITE_OFF),))
    reason = f"Written off by {invoice.number}"
    command = WriteOff(order_id=debt.order_id, reason=reason, amount=debt.money)
    return source.step(
        debt, "write off", command, synthetic=WRITING_OFF_RULE, figure=Figure.WRITTEN_OFF, amount=debt.money
    )
