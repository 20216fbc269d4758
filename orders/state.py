"""What is remembered of an order: its lines, payments, parcels, refunds and returns, and what counting them says.

No rule stands here. Events change it (`orders.events`), rules ask it (`orders.rules`), read models show it. Money is in
the order's currency.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

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


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipment:
    """A parcel and what is in it."""

    shipment_id: int
    lines: tuple[LineQuantity, ...]
    carrier: str
    tracking_code: str
    delivered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedEdit:
    """Lines as they will be once the edit is committed, and by how much the order will cost more (below zero: less)."""

    lines: tuple[OrderLine, ...]
    difference: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
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

    @property
    def sold(self) -> Decimal:
        """What was ordered, edits in it, before anything was taken off."""
        return sum((line.total for line in self.lines), ZERO)

    @property
    def charged(self) -> Decimal:
        """What the order costs after cancellations, returns and allowances."""
        return sum((line.charged for line in self.lines), ZERO)

    @property
    def authorised(self) -> Decimal:
        return sum((payment.authorised for payment in self.payments), ZERO)

    @property
    def voided(self) -> Decimal:
        return sum((payment.voided for payment in self.payments), ZERO)

    @property
    def captured(self) -> Decimal:
        return sum((payment.captured for payment in self.payments), ZERO)

    @property
    def capturable(self) -> Decimal:
        return sum((payment.capturable for payment in self.payments), ZERO)

    @property
    def refunded(self) -> Decimal:
        return sum((each.amount for each in self.refunds if each.status is RefundStatus.SETTLED), ZERO)

    @property
    def refund_pending(self) -> Decimal:
        return sum((each.amount for each in self.refunds if each.is_pending), ZERO)

    @property
    def refundable(self) -> Decimal:
        """The most that another refund may give back."""
        return self.captured - self.refunded - self.refund_pending

    @property
    def kept(self) -> Decimal:
        return self.captured - self.refunded

    @property
    def unpaid(self) -> Decimal:
        """What is not paid of what the order costs, a bad debt in it. What a pending refund gives back pays nothing."""
        return max(self.charged - self.refundable, ZERO)

    @property
    def due(self) -> Decimal:
        """What the customer still has to pay."""
        return max(self.unpaid - self.bad_debt, ZERO)

    @property
    def owed(self) -> Decimal:
        """What was captured beyond what the order costs, and is not on its way back yet."""
        return max(self.refundable - self.charged, ZERO)

    @property
    def due_back(self) -> Decimal:
        """What was captured beyond what the order costs, and was not given back yet: pending refunds have not.

        While something is unpaid, whatever is pending is on its way already, and nothing is due back besides.
        """
        return ZERO if self.unpaid else max(self.kept - self.charged, ZERO)

    @property
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
        order = replace(self, **changes)
        if order.bad_debt:
            order = replace(order, bad_debt=min(order.bad_debt, order.unpaid))
        return order


P = TypeVar("P", Line, Payment, Shipment, Refund, Return)


def swapped(parts: tuple[P, ...], new: P) -> tuple[P, ...]:
    """The parts with the one of the same number replaced by `new`."""
    number = type(new).__slots__[0]  # each part's first field is its number
    return tuple(new if getattr(each, number) == getattr(new, number) else each for each in parts)


def units_of(lines: Iterable[LineQuantity | LineAmount], line_id: int) -> int:
    return sum(each.quantity for each in lines if each.line_id == line_id)


def owed_by_line(amounts: Iterable[LineAmount], due_back: Decimal, currency: str) -> tuple[LineAmount, ...]:
    """The amounts that are taken off some lines, with what has to be given back of them spread over them."""
    given = tuple(amounts)
    shares = spread(due_back, [each.amount for each in given], currency)
    return tuple(replace(each, due_back=share) for each, share in zip(given, shares, strict=True))
