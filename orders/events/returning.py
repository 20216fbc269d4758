"""Goods come back."""

from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from eventstore.messages import event, personal
from orders.immutable import changed
from orders.lines import Line
from orders.state import Order, Return, swapped, units_of
from orders.values import LineAmount, LineQuantity, ReturnReason, ReturnStatus


@event("order.return_requested", subject=("customer_id", "order_id"))
class ReturnRequested:
    """`comment` is in the customer's own words."""

    order_id: UUID
    customer_id: UUID | None
    return_id: int
    lines: tuple[LineQuantity, ...]
    reason: ReturnReason
    comment: str = personal()

    def apply(self, order: Order) -> Order:
        new = Return(return_id=self.return_id, lines=self.lines, outstanding=self.lines, reason=self.reason)
        return order.having(returns=(*order.returns, new))


@event("order.return_approved")
class ReturnApproved:
    order_id: UUID
    return_id: int

    def apply(self, order: Order) -> Order:
        return _with(order, self.return_id, status=ReturnStatus.APPROVED)


@event("order.return_declined")
class ReturnDeclined:
    """What is outstanding of it is not to come back any more."""

    order_id: UUID
    return_id: int
    reason: str

    def apply(self, order: Order) -> Order:
        known = order.returning(self.return_id)
        assert known
        status = ReturnStatus.DECLINED if known.outstanding == known.lines else ReturnStatus.RECEIVED
        return _with(order, self.return_id, status=status, outstanding=())


@event("order.return_received")
class ReturnReceived:
    """Goods are back. What was `restocked` need not be paid any more; what is `damaged` still has to be.

    `amount` is what the restocked units come to, `due_back` what of it was paid and has to be given back.
    """

    order_id: UUID
    return_id: int
    restocked: tuple[LineAmount, ...]
    damaged: tuple[LineQuantity, ...]
    amount: Decimal
    due_back: Decimal
    currency: str

    def apply(self, order: Order) -> Order:
        known = order.returning(self.return_id)
        assert known
        came: tuple[LineAmount | LineQuantity, ...] = (*self.restocked, *self.damaged)
        left = (replace(each, quantity=each.quantity - units_of(came, each.line_id)) for each in known.outstanding)
        outstanding = tuple(each for each in left if each.quantity)
        status = known.status if outstanding else ReturnStatus.RECEIVED
        order = order.having(lines=tuple(self._came_back(line) for line in order.lines))
        return _with(order, self.return_id, status=status, outstanding=outstanding)

    def _came_back(self, line: Line) -> Line:
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
    return order.having(returns=swapped(order.returns, changed(known, status=status, outstanding=left)))
