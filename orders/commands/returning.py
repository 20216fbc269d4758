"""The commands that request, approve and receive returns."""

from dataclasses import field
from uuid import UUID

from eventstore.messages import command
from orders.commands.fields import LINES, checked, why
from orders.values import LineQuantity, ReturnReason

_RETURN = checked("The number of the return in this order.", min_value=1)


@command("order.request_return")
class RequestReturn:
    """Request a return of goods."""

    order_id: UUID
    lines: tuple[LineQuantity, ...] = field(metadata=LINES)
    reason: ReturnReason = field(default=ReturnReason.OTHER, metadata=checked("The reason of the return."))
    comment: str = field(default="", metadata=checked("The reason in your own words.", max_length=1000))


@command("order.approve_return")
class ApproveReturn:
    """Approve a return, so that the goods can be sent back."""

    order_id: UUID
    return_id: int = field(metadata=_RETURN)


@command("order.decline_return")
class DeclineReturn:
    """Decline a return, or the units of it that have not arrived yet."""

    order_id: UUID
    return_id: int = field(metadata=_RETURN)
    reason: str = field(metadata=why())


@command("order.receive_return")
class ReceiveReturn:
    """Record that returned goods arrived. Restocked units are credited to the customer; damaged units are not."""

    order_id: UUID
    return_id: int = field(metadata=_RETURN)
    restocked: tuple[LineQuantity, ...] = field(default=(), metadata=checked("The units that can be sold again."))
    damaged: tuple[LineQuantity, ...] = field(default=(), metadata=checked("The units that cannot be sold again."))
