"""The commands that request, approve and receive returns."""

from collections.abc import Iterator
from dataclasses import field
from typing import Self
from uuid import UUID

from eventstore.messages import command
from orders.commands.examples import KEY, TEXT, lines_with, one_unit
from orders.commands.fields import LINES, checked, why
from orders.state import Order
from orders.values import LineQuantity, ReturnReason, ReturnStatus

_RETURN = checked("The number of the return in this order.", min_value=1)


@command("order.request_return")
class RequestReturn:
    """Request a return of goods."""

    order_id: UUID
    lines: tuple[LineQuantity, ...] = field(metadata=LINES)
    reason: ReturnReason = field(default=ReturnReason.OTHER, metadata=checked("The reason of the return."))
    comment: str = field(default="", metadata=checked("The reason in your own words.", max_length=1000))

    @classmethod
    def examples(cls, order: Order) -> Iterator[Self]:
        """Return one unit of each line with shipped units."""
        for line in lines_with(order, lambda line: line.shipped - line.returned - order.in_return(line.line_id)):
            yield cls(order_id=KEY, lines=one_unit(line))


@command("order.approve_return")
class ApproveReturn:
    """Approve a return, so that the goods can be sent back."""

    order_id: UUID
    return_id: int = field(metadata=_RETURN)

    @classmethod
    def examples(cls, order: Order) -> Iterator[Self]:
        """Approve each requested return."""
        for each in order.returns:
            if each.status is ReturnStatus.REQUESTED:
                yield cls(order_id=KEY, return_id=each.return_id)


@command("order.decline_return")
class DeclineReturn:
    """Decline a return, or the units of it that have not arrived yet."""

    order_id: UUID
    return_id: int = field(metadata=_RETURN)
    reason: str = field(metadata=why())

    @classmethod
    def examples(cls, order: Order) -> Iterator[Self]:
        """Decline each return."""
        for each in order.returns:
            yield cls(order_id=KEY, return_id=each.return_id, reason=TEXT)


@command("order.receive_return")
class ReceiveReturn:
    """Record that returned goods arrived. Restocked units are credited to the customer; damaged units are not."""

    order_id: UUID
    return_id: int = field(metadata=_RETURN)
    restocked: tuple[LineQuantity, ...] = field(default=(), metadata=checked("The units that can be sold again."))
    damaged: tuple[LineQuantity, ...] = field(default=(), metadata=checked("The units that cannot be sold again."))

    @classmethod
    def examples(cls, order: Order) -> Iterator[Self]:
        """Receive each approved return."""
        for each in order.returns:
            if each.status is ReturnStatus.APPROVED:
                yield cls(order_id=KEY, return_id=each.return_id, damaged=each.outstanding)


ReturningCommand = RequestReturn | ApproveReturn | ReceiveReturn | DeclineReturn
