"""What is remembered of an order: its lines, payments, parcels, refunds and returns, and what counting them says.

No rule stands here. Events change it (`orders.events`), rules ask it (`orders.rules`), read models show it. Money is in
the order's currency.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from orders.immutable import once
from orders.lines import Line
from orders.money import spread
from orders.values import (
    ZERO,
    LineAmount,
    LineQuantity,
    OrderLine,
    RefundLine,
    RefundStatus,
    ReturnReason,
    ReturnStatus,
)


@dataclass(frozen=True, kw_only=True)
class Payment:
    """One payment; `account_id` where it is made from the customer's account. `captures` are the providers' ids."""

    payment_id: int
    method: str
    reference: str
    amount: Decimal
    account_id: UUID | None = None
    authorised: Decimal = ZERO
    captured: Decimal = ZERO
    voided: Decimal = ZERO
    failed: bool = False
    captures: tuple[str, ...] = ()

    @property
    def capturable(self) -> Decimal:
        return self.authorised - self.captured - self.voided


@dataclass(frozen=True, kw_only=True)
class Shipment:
    """A parcel and what is in it."""

    shipment_id: int
    lines: tuple[LineQuantity, ...]
    carrier: str
    tracking_code: str
    delivered: bool = False


@dataclass(frozen=True, kw_only=True)
class Refund:
    """Money on its way back, or given back; `account_id` where it goes to the customer's account in the shop."""

    refund_id: int
    amount: Decimal
    lines: tuple[RefundLine, ...]
    requested_by: str
    status: RefundStatus = RefundStatus.REQUESTED
    account_id: UUID | None = None
    reference: str = ""

    @property
    def is_pending(self) -> bool:
        return self.status in (RefundStatus.REQUESTED, RefundStatus.APPROVED)


@dataclass(frozen=True, kw_only=True)
class Return:
    """Goods that a customer wants to send back; `outstanding` are those that did not come yet."""

    return_id: int
    lines: tuple[LineQuantity, ...]
    outstanding: tuple[LineQuantity, ...]
    reason: ReturnReason
    status: ReturnStatus = ReturnStatus.REQUESTED

    @property
    def is_open(self) -> bool:
        return self.status in (ReturnStatus.REQUESTED, ReturnStatus.APPROVED)


@dataclass(frozen=True, kw_only=True)
class StagedEdit:
    """Lines as they will be once the edit is committed, and by how much the order will cost more (below zero: less)."""

    lines: tuple[OrderLine, ...]
    difference: Decimal


@dataclass(frozen=True, kw_only=True)
class Order:
    """An order. `currency` is empty until it was placed; `bad_debt` is what was given up of what is due."""

    customer_id: UUID | None = None
    currency: str = ""
    prices_include_tax: bool = True
    lines: tuple[Line, ...] = ()
    payments: tuple[Payment, ...] = ()
    shipments: tuple[Shipment, ...] = ()
    refunds: tuple[Refund, ...] = ()
    returns: tuple[Return, ...] = ()
    bad_debt: Decimal = ZERO
    on_hold: bool = False
    staged: StagedEdit | None = None

    @property
    def is_placed(self) -> bool:
        return bool(self.currency)

    @property
    def goods(self) -> Iterable[Line]:
        return (line for line in self.lines if line.is_goods)

    @once
    def _by_line(self) -> tuple[Decimal, Decimal, Decimal, Decimal, Decimal]:
        """What was sold and the tax in it, what was cancelled, returned and allowed: one walk along the lines."""
        sold = tax = cancelled = returned = allowances = ZERO
        for line in self.lines:
            sold += line.total
            tax += line.tax - line.tax_off
            if line.cancelled_amount or line.credited_amount or line.allowance:
                cancelled += line.cancelled_amount
                returned += line.credited_amount
                allowances += line.allowance
        return sold, tax, cancelled, returned, allowances

    @property
    def sold(self) -> Decimal:
        """What was ordered, edits in it, before anything was taken off."""
        return self._by_line[0]

    @property
    def tax(self) -> Decimal:
        """What is in it of tax, less what was taken off."""
        return self._by_line[1]

    @property
    def cancelled(self) -> Decimal:
        return self._by_line[2]

    @property
    def returned(self) -> Decimal:
        return self._by_line[3]

    @property
    def allowances(self) -> Decimal:
        return self._by_line[4]

    @once
    def charged(self) -> Decimal:
        """What the order costs after cancellations, returns and allowances."""
        sold, _, cancelled, returned, allowances = self._by_line
        return sold - cancelled - returned - allowances

    @once
    def authorised(self) -> Decimal:
        return sum((payment.authorised for payment in self.payments), ZERO)

    @once
    def voided(self) -> Decimal:
        return sum((payment.voided for payment in self.payments), ZERO)

    @once
    def captured(self) -> Decimal:
        return sum((payment.captured for payment in self.payments), ZERO)

    @property
    def capturable(self) -> Decimal:
        return sum((payment.capturable for payment in self.payments), ZERO)

    @once
    def refunded(self) -> Decimal:
        return sum((each.amount for each in self.refunds if each.status is RefundStatus.SETTLED), ZERO)

    @once
    def refund_pending(self) -> Decimal:
        return sum((each.amount for each in self.refunds if each.is_pending), ZERO)

    @once
    def refundable(self) -> Decimal:
        """The most that another refund may give back."""
        return self.captured - self.refunded - self.refund_pending

    @once
    def kept(self) -> Decimal:
        return self.captured - self.refunded

    @once
    def unpaid(self) -> Decimal:
        """What is not paid of what the order costs, a bad debt in it. What a pending refund gives back pays nothing."""
        return max(self.charged - self.refundable, ZERO)

    @once
    def due(self) -> Decimal:
        """What the customer still has to pay."""
        return max(self.unpaid - self.bad_debt, ZERO)

    @once
    def owed(self) -> Decimal:
        """What was captured beyond what the order costs, and is not on its way back yet."""
        return max(self.refundable - self.charged, ZERO)

    @once
    def due_back(self) -> Decimal:
        """What was captured beyond what the order costs, and was not given back yet: pending refunds have not.

        While something is unpaid, whatever is pending is on its way already, and nothing is due back besides.
        """
        return ZERO if self.unpaid else max(self.kept - self.charged, ZERO)

    @once
    def is_cancelled(self) -> bool:
        return bool(self.lines) and all(line.cancelled == line.quantity for line in self.lines)

    @property
    def anything_shipped(self) -> bool:
        return bool(self.shipments)

    def line(self, line_id: int) -> Line | None:
        return next((line for line in self.lines if line.line_id == line_id), None)

    def payment(self, payment_id: int) -> Payment | None:
        return next((each for each in self.payments if each.payment_id == payment_id), None)

    def shipment(self, shipment_id: int) -> Shipment | None:
        return next((each for each in self.shipments if each.shipment_id == shipment_id), None)

    def refund(self, refund_id: int) -> Refund | None:
        return next((each for each in self.refunds if each.refund_id == refund_id), None)

    def returning(self, return_id: int) -> Return | None:
        return next((each for each in self.returns if each.return_id == return_id), None)

    def in_return(self, line_id: int) -> int:
        """Units of a line that are asked or allowed to come back, and did not yet."""
        open_returns = (each for each in self.returns if each.is_open)
        return sum(units_of(each.outstanding, line_id) for each in open_returns)

    def having(self, **changes: Any) -> "Order":
        """The order with these parts. What turned out to be paid or no longer owed is no bad debt any more."""
        order = self._with(changes)
        if order.bad_debt and order.bad_debt > order.unpaid:
            order = order._with({"bad_debt": order.unpaid})
        return order

    def _with(self, changes: dict[str, Any]) -> "Order":
        """As `orders.immutable.changed`, but what was counted is counted anew."""
        order, kept = object.__new__(Order), self.__dict__
        values = order.__dict__
        values.update(kept if len(kept) == len(_FIELDS) else {name: kept[name] for name in _FIELDS})
        values.update(changes)
        if len(values) != len(_FIELDS):
            raise TypeError(f"an order has no field {', '.join(changes.keys() - _FIELDS)}")
        return order


_FIELDS = tuple(each.name for each in fields(Order))


P = TypeVar("P", Line, Payment, Shipment, Refund, Return)


_NUMBERS = {
    Line: "line_id",
    Payment: "payment_id",
    Shipment: "shipment_id",
    Refund: "refund_id",
    Return: "return_id",
}


def swapped(parts: tuple[P, ...], new: P) -> tuple[P, ...]:
    """The parts with the one of the same number replaced by `new`."""
    number = _NUMBERS[type(new)]
    return tuple(new if getattr(each, number) == getattr(new, number) else each for each in parts)


def units_of(lines: Iterable[LineQuantity | LineAmount], line_id: int) -> int:
    return sum(each.quantity for each in lines if each.line_id == line_id)


def owed_by_line(amounts: Iterable[LineAmount], due_back: Decimal, currency: str) -> tuple[LineAmount, ...]:
    """The amounts that are taken off some lines, with what has to be given back of them spread over them."""
    given = tuple(amounts)
    shares = spread(due_back, [each.amount for each in given], currency)
    return tuple(replace(each, due_back=share) for each, share in zip(given, shares, strict=True))
