"""The state of an order: its lines, payments, parcels, refunds and returns, and the sums over them.

No rules here. Events change the state (`orders.events`), rules read it (`orders.rules`), read models show it. All
amounts are in the order's currency.
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
    Discount,
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
    """One payment. `account_id` is set if it is paid from the customer's account. `captures` are the provider's ids."""

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
        """The authorised amount that is neither captured nor voided."""
        return self.authorised - self.captured - self.voided


@dataclass(frozen=True, kw_only=True)
class Shipment:
    """A parcel and its contents."""

    shipment_id: int
    lines: tuple[LineQuantity, ...]
    carrier: str
    tracking_code: str
    delivered: bool = False


@dataclass(frozen=True, kw_only=True)
class Refund:
    """One refund. `account_id` is set if it goes to the customer's account in the shop."""

    refund_id: int
    amount: Decimal
    lines: tuple[RefundLine, ...]
    requested_by: str
    status: RefundStatus = RefundStatus.REQUESTED
    account_id: UUID | None = None
    reference: str = ""

    @property
    def is_pending(self) -> bool:
        """Return whether the refund is requested or approved, but not settled."""
        return self.status in (RefundStatus.REQUESTED, RefundStatus.APPROVED)


@dataclass(frozen=True, kw_only=True)
class Return:
    """Goods that a customer returns. `outstanding` are the units not received yet."""

    return_id: int
    lines: tuple[LineQuantity, ...]
    outstanding: tuple[LineQuantity, ...]
    reason: ReturnReason
    status: ReturnStatus = ReturnStatus.REQUESTED

    @property
    def is_open(self) -> bool:
        """Return whether the return is requested or approved, but not received or declined."""
        return self.status in (ReturnStatus.REQUESTED, ReturnStatus.APPROVED)


@dataclass(frozen=True, kw_only=True)
class StagedEdit:
    """A prepared edit: the lines and discounts after it, and the change of the order's price (below zero: cheaper)."""

    lines: tuple[OrderLine, ...]
    difference: Decimal
    discounts: tuple[Discount, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Order:
    """An order. `currency` is empty until it is placed. `bad_debt` is the written-off part of `unpaid`.

    `discounts` are on the whole order; each line stores its share.
    """

    customer_id: UUID | None = None
    currency: str = ""
    prices_include_tax: bool = True
    lines: tuple[Line, ...] = ()
    discounts: tuple[Discount, ...] = ()
    payments: tuple[Payment, ...] = ()
    shipments: tuple[Shipment, ...] = ()
    refunds: tuple[Refund, ...] = ()
    returns: tuple[Return, ...] = ()
    bad_debt: Decimal = ZERO
    on_hold: bool = False
    staged: StagedEdit | None = None

    @property
    def is_placed(self) -> bool:
        """Return whether the order exists."""
        return bool(self.currency)

    @property
    def goods(self) -> Iterable[Line]:
        """The lines that are shipped: no charges, no shipping costs."""
        return (line for line in self.lines if line.is_goods)

    @once
    def _line_sums(self) -> tuple[Decimal, Decimal, Decimal, Decimal, Decimal]:
        """Sum up price, tax, cancelled, credited and allowed amounts in one pass over the lines."""
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
        """The price of all lines, after edits, before any reduction."""
        return self._line_sums[0]

    @property
    def tax(self) -> Decimal:
        """The tax in `charged`."""
        return self._line_sums[1]

    @property
    def cancelled(self) -> Decimal:
        """The price of the cancelled units."""
        return self._line_sums[2]

    @property
    def returned(self) -> Decimal:
        """The price of the returned units that were restocked."""
        return self._line_sums[3]

    @property
    def allowances(self) -> Decimal:
        """The reductions without units, made by refunds."""
        return self._line_sums[4]

    @once
    def charged(self) -> Decimal:
        """The price of the order after cancellations, returns and allowances."""
        sold, _, cancelled, returned, allowances = self._line_sums
        return sold - cancelled - returned - allowances

    @once
    def authorised(self) -> Decimal:
        """The sum of all authorised payments, captured or not."""
        return sum((payment.authorised for payment in self.payments), ZERO)

    @once
    def voided(self) -> Decimal:
        """The authorised amount that was given up before capture."""
        return sum((payment.voided for payment in self.payments), ZERO)

    @once
    def captured(self) -> Decimal:
        """The money received. Refunds do not lower it."""
        return sum((payment.captured for payment in self.payments), ZERO)

    @property
    def capturable(self) -> Decimal:
        """The authorised amount that is neither captured nor voided."""
        return sum((payment.capturable for payment in self.payments), ZERO)

    @once
    def refunded(self) -> Decimal:
        """The sum of all settled refunds."""
        return sum((each.amount for each in self.refunds if each.status is RefundStatus.SETTLED), ZERO)

    @once
    def refund_pending(self) -> Decimal:
        """The sum of all requested and approved refunds."""
        return sum((each.amount for each in self.refunds if each.is_pending), ZERO)

    @once
    def refundable(self) -> Decimal:
        """The largest amount that another refund may give back."""
        return self.captured - self.refunded - self.refund_pending

    @once
    def net_captured(self) -> Decimal:
        """The money received less the money given back."""
        return self.captured - self.refunded

    @once
    def unpaid(self) -> Decimal:
        """The unpaid part of the price, including bad debt. Money reserved for pending refunds does not pay for it."""
        return max(self.charged - self.refundable, ZERO)

    @once
    def due(self) -> Decimal:
        """The amount the customer still owes."""
        return max(self.unpaid - self.bad_debt, ZERO)

    @once
    def owed(self) -> Decimal:
        """The overpaid amount that no pending refund covers yet."""
        return max(self.refundable - self.charged, ZERO)

    @once
    def due_back(self) -> Decimal:
        """The overpaid amount that is not given back yet. Pending refunds still count as not given back.

        Zero while something is unpaid: then all the money not reserved for pending refunds pays for the order.
        """
        return ZERO if self.unpaid else max(self.net_captured - self.charged, ZERO)

    @once
    def is_cancelled(self) -> bool:
        """Return whether all units of all lines are cancelled."""
        return bool(self.lines) and all(line.cancelled == line.quantity for line in self.lines)

    @property
    def anything_shipped(self) -> bool:
        """Return whether at least one parcel was shipped."""
        return bool(self.shipments)

    def line(self, line_id: int) -> Line | None:
        """Return the line with this number."""
        return next((line for line in self.lines if line.line_id == line_id), None)

    def payment(self, payment_id: int) -> Payment | None:
        """Return the payment with this number."""
        return next((each for each in self.payments if each.payment_id == payment_id), None)

    def shipment(self, shipment_id: int) -> Shipment | None:
        """Return the parcel with this number."""
        return next((each for each in self.shipments if each.shipment_id == shipment_id), None)

    def refund(self, refund_id: int) -> Refund | None:
        """Return the refund with this number."""
        return next((each for each in self.refunds if each.refund_id == refund_id), None)

    def returning(self, return_id: int) -> Return | None:
        """Return the return with this number."""
        return next((each for each in self.returns if each.return_id == return_id), None)

    def in_return(self, line_id: int) -> int:
        """Return the units of a line that are in open returns and not received yet."""
        open_returns = (each for each in self.returns if each.is_open)
        return sum(units_of(each.outstanding, line_id) for each in open_returns)

    def with_changes(self, **changes: Any) -> "Order":
        """Return a copy with these fields replaced. Bad debt shrinks to the unpaid amount where that became smaller."""
        order = self._copy(changes)
        if order.bad_debt and order.bad_debt > order.unpaid:
            order = order._copy({"bad_debt": order.unpaid})
        return order

    def _copy(self, changes: dict[str, Any]) -> "Order":
        """Copy like `orders.immutable.changed`, without the sums that `once` stored. Raises TypeError."""
        order, current = object.__new__(Order), self.__dict__
        values = order.__dict__
        values.update(current if len(current) == len(_FIELDS) else {name: current[name] for name in _FIELDS})
        values.update(changes)
        if len(values) != len(_FIELDS):
            raise TypeError(f"an order has no field {', '.join(changes.keys() - _FIELDS)}")
        return order


_FIELDS = tuple(each.name for each in fields(Order))


P = TypeVar("P", Line, Payment, Shipment, Refund, Return)

_NUMBER_FIELDS = {
    Line: "line_id",
    Payment: "payment_id",
    Shipment: "shipment_id",
    Refund: "refund_id",
    Return: "return_id",
}


def replaced(parts: tuple[P, ...], new: P) -> tuple[P, ...]:
    """Return `parts` with `new` in place of the part with the same number."""
    number = _NUMBER_FIELDS[type(new)]
    return tuple(new if getattr(each, number) == getattr(new, number) else each for each in parts)


def units_of(lines: Iterable[LineQuantity | LineAmount], line_id: int) -> int:
    """Return the number of units of one line in `lines`."""
    return sum(each.quantity for each in lines if each.line_id == line_id)


def spread_due_back(amounts: Iterable[LineAmount], due_back: Decimal, currency: str) -> tuple[LineAmount, ...]:
    """Return the amounts with `due_back` divided among them, in proportion."""
    reductions = tuple(amounts)
    shares = spread(due_back, [each.amount for each in reductions], currency)
    return tuple(replace(each, due_back=share) for each, share in zip(reductions, shares, strict=True))
