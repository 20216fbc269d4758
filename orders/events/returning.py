"""Events of returns: requested, approved, declined, received."""

from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from eventstore.messages import OF_AGGREGATE, event, personal, public, same_shape
from orders.immutable import changed
from orders.lines import Line
from orders.state import Order, Return, replaced, units_of
from orders.values import LineAmount, LineQuantity, ReturnReason, ReturnStatus


@event("order.return_requested", subject=("customer_id", "order_id"))
class ReturnRequested:
    """A customer wants to return goods. `comment` is in the customer's own words."""

    order_id: UUID
    customer_id: UUID | None
    return_id: int
    lines: tuple[LineQuantity, ...]
    reason: ReturnReason
    comment: str = personal()

    def apply(self, order: Order) -> Order:
        """Append the return."""
        new = Return(return_id=self.return_id, lines=self.lines, outstanding=self.lines, reason=self.reason)
        return order.with_changes(returns=(*order.returns, new))


@event("order.return_approved")
class ReturnApproved:
    """The goods may be sent back."""

    order_id: UUID
    return_id: int

    def apply(self, order: Order) -> Order:
        """Mark the return as approved."""
        return _with(order, self.return_id, status=ReturnStatus.APPROVED)


@event("order.return_declined", schema_version=2, subject=OF_AGGREGATE)
class ReturnDeclined:
    """The outstanding units are no longer accepted."""

    order_id: UUID
    return_id: int
    reason: str = personal(for_programs=True)

    def apply(self, order: Order) -> Order:
        """Close the return: as declined, or as received if some units came."""
        known = order.returning(self.return_id)
        assert known
        status = ReturnStatus.DECLINED if known.outstanding == known.lines else ReturnStatus.RECEIVED
        return _with(order, self.return_id, status=status, outstanding=())


@event("order.return_received")
class ReturnReceived:
    """Returned goods arrived. The customer need not pay for `restocked` units, but still pays for `damaged` ones.

    `amount` is the price of the restocked units. `due_back` is the paid part of it, which has to be given back.
    """

    order_id: UUID
    return_id: int
    restocked: tuple[LineAmount, ...]
    damaged: tuple[LineQuantity, ...]
    amount: Decimal
    due_back: Decimal
    currency: str = public()

    def apply(self, order: Order) -> Order:
        """Count the units as returned, and close the return once nothing is outstanding."""
        known = order.returning(self.return_id)
        assert known
        received: tuple[LineAmount | LineQuantity, ...] = (*self.restocked, *self.damaged)
        left = (replace(each, quantity=each.quantity - units_of(received, each.line_id)) for each in known.outstanding)
        outstanding = tuple(each for each in left if each.quantity)
        status = known.status if outstanding else ReturnStatus.RECEIVED
        order = order.with_changes(lines=tuple(self._line_after(line) for line in order.lines))
        return _with(order, self.return_id, status=status, outstanding=outstanding)

    def _line_after(self, line: Line) -> Line:
        damaged = units_of(self.damaged, line.line_id)
        restocked = next((each for each in self.restocked if each.line_id == line.line_id), None)
        if restocked is None:
            return changed(line, returned=line.returned + damaged) if damaged else line
        return changed(
            line,
            returned=line.returned + damaged + restocked.quantity,
            credited=line.credited + restocked.quantity,
            credited_amount=line.credited_amount + restocked.amount,
            tax_off=line.tax_off + restocked.tax,
            owed_back=line.owed_back + restocked.due_back,
        )


def _with(
    order: Order, return_id: int, *, status: ReturnStatus, outstanding: tuple[LineQuantity, ...] | None = None
) -> Order:
    known = order.returning(return_id)
    assert known
    left = known.outstanding if outstanding is None else outstanding
    return order.with_changes(returns=replaced(order.returns, changed(known, status=status, outstanding=left)))


same_shape("order.return_declined", from_version=1)

ReturningEvent = ReturnRequested | ReturnApproved | ReturnDeclined | ReturnReceived
