"""Invoices to commands, by rules that give the same commands for the same file, every time.

The file knows neither payments nor parcels. They are made up by rule, and marked `synthetic` in the metadata: an order
is paid in full the moment it is invoiced, and leaves at noon of the next day unless it was cancelled before.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid5

from eventstore.dispatch import Context
from eventstore.ids import id_at
from orders.commands import CancelOrder, CreateOrder, NewLine, OrderCommand, PayOrder, ShipOrder
from orders.events import LineKind
from orders.money import rounded
from ordersite.importing.invoices import Invoice, Line

CURRENCY = "GBP"
ACTOR = "service:import_orders"
PAYMENT_RULE = "paid in full when invoiced"
SHIPPING_RULE = "shipped at noon of the next day"
CHARGES = frozenset(
    ("POST", "DOT", "C2", "C3", "M", "D", "S", "B", "BANK CHARGES", "AMAZONFEE", "CRUK", "PADS", "ADJUST")
)
_NAMES = UUID("b1d3b9a0-3c0d-4c52-9f7e-21a4f2f2c0de")


@dataclass(frozen=True, slots=True)
class Step:
    """A command, and the lines that are accounted for once it is done."""

    command: OrderCommand
    context: Context
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class Quarantined:
    line: Line
    reason: str


Goods = Counter[tuple[str, Decimal]]
"""How many of each sku at which price."""


@dataclass(slots=True)
class Waiting:
    """An order that was not shipped yet: the only kind that a cancellation can undo."""

    order_id: UUID
    number: str
    customer: str
    goods: Goods
    ships_at: datetime


@dataclass
class Mapper:
    """Remembers what still waits for its parcel, which customer ever bought which sku, and the invoices seen."""

    waiting: dict[UUID, Waiting] = field(default_factory=dict)
    bought: set[int] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)

    def steps(self, invoice: Invoice) -> Iterator[Step | Quarantined]:
        """What an invoice brings about, after the parcels that left before it."""
        if invoice.number in self.seen:
            yield from (Quarantined(line, "came long after the other lines of its invoice") for line in invoice.lines)
            return
        self.seen.add(invoice.number)
        yield from self.shipped_before(invoice.at)
        yield from self._cancellation(invoice) if invoice.is_cancellation else self._order(invoice)

    def shipped_before(self, moment: datetime | None) -> Iterator[Step]:
        """The parcels that leave before `moment`; all of them at the end of the file."""
        for order in [order for order in self.waiting.values() if moment is None or order.ships_at <= moment]:
            del self.waiting[order.order_id]
            command = ShipOrder(order_id=order.order_id, carrier="", tracking_code="")
            yield Step(command, _context(order.number, "ship", order.ships_at, SHIPPING_RULE))

    def _order(self, invoice: Invoice) -> Iterator[Step | Quarantined]:
        good: list[Line] = []
        worth = any(line.price > 0 and line.quantity > 0 for line in invoice.lines)
        for line in invoice.lines:
            reason = _why_not(line, invoice, worth)
            if reason:
                yield Quarantined(line, reason)
            else:
                good.append(line)
        if not good:
            return
        order_id = id_at(invoice.at, f"online-retail/{invoice.number}")
        create = _create(invoice, good, order_id)
        total = sum((rounded(line.quantity * line.unit_price, CURRENCY) for line in create.lines), Decimal(0))
        yield Step(create, _context(invoice.number, "create", invoice.at), tuple(good))
        if total:
            pay = PayOrder(order_id=order_id, amount=total, payment_method="invoice", payment_reference=invoice.number)
            yield Step(pay, _context(invoice.number, "pay", invoice.at, PAYMENT_RULE))
        next_day = invoice.at.replace(hour=12, minute=0, second=0) + timedelta(days=1)
        goods: Goods = Counter()
        for line in good:
            goods[line.sku, line.price] += line.quantity
            self.bought.add(hash((line.customer, line.sku)))
        self.waiting[order_id] = Waiting(order_id, invoice.number, invoice.customer, goods, next_day)

    def _cancellation(self, invoice: Invoice) -> Iterator[Step | Quarantined]:
        """A whole order that waits is cancelled; the domain cannot express the rest yet, so it says why."""
        goods: Goods = Counter()
        for line in invoice.lines:
            goods[line.sku, line.price] -= line.quantity
        own = [order for order in self.waiting.values() if invoice.customer and order.customer == invoice.customer]
        for order in own:
            if order.goods == goods:
                del self.waiting[order.order_id]
                command = CancelOrder(order_id=order.order_id, reason=f"Cancelled by invoice {invoice.number}")
                yield Step(command, _context(invoice.number, "cancel", invoice.at), tuple(invoice.lines))
                return
        for line in invoice.lines:
            yield Quarantined(line, self._why_not_cancelled(line, own))

    def _why_not_cancelled(self, line: Line, own: list[Waiting]) -> str:
        reasons = (
            (line.quantity >= 0, "cancellation of nothing (its quantity is not negative)"),
            (not line.customer, "cancellation without a customer"),
            (line.sku.upper() in CHARGES, "cancellation of a charge or a discount"),
            (any(order.goods[line.sku, line.price] for order in own), "cancellation of a part of an order"),
            (
                any(sku == line.sku for order in own for sku, _ in order.goods),
                "cancellation at another price than was paid",
            ),
            (hash((line.customer, line.sku)) in self.bought, "return of goods that were shipped"),
        )
        default = "cancellation of a purchase that is not in the file"
        return next((reason for applies, reason in reasons if applies), default)


def _why_not(line: Line, invoice: Invoice, worth: bool) -> str:
    if line.customer != invoice.customer:
        return "another customer than the invoice's first line"
    if line.quantity == 0:
        return "quantity is zero"
    if line.quantity < 0:
        return "negative quantity without a cancellation (a stock correction)"
    if not worth:
        return "invoice without any value (a stock correction)"
    return ""


def _create(invoice: Invoice, lines: list[Line], order_id: UUID) -> CreateOrder:
    customer = invoice.customer
    return CreateOrder(
        order_id=order_id,
        customer_id=uuid5(_NAMES, f"customer/{customer}") if customer else None,
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
                kind=LineKind.CHARGE if line.sku.upper() in CHARGES else LineKind.GOODS,
            )
            for line in lines
        ),
    )


def _context(number: str, what: str, occurred_at: datetime, synthetic: str = "") -> Context:
    """The same ids every time the same invoice is imported: that is what makes a second import add nothing."""
    return Context(
        actor=ACTOR,
        command_id=uuid5(_NAMES, f"{number}/{what}"),
        correlation_id=uuid5(_NAMES, number),
        occurred_at=occurred_at,
        extra={"synthetic": synthetic} if synthetic else {},
    )
