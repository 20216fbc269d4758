"""Goods come back."""

from dataclasses import field
from uuid import UUID

from eventstore.messages import command
from orders.commands.fields import LINES, checked, why
from orders.values import LineQuantity, ReturnReason

_RETURN = checked("Which of the order's returns.", min_value=1)


@command("order.request_return")
class RequestReturn:
    """Ask to send goods back."""

    order_id: UUID
    lines: tuple[LineQuantity, ...] = field(metadata=LINES)
    reason: ReturnReason = field(default=ReturnReason.OTHER, metadata=checked("Why."))
    comment: str = field(default="", metadata=checked("In your own words.", max_length=1000))


@command("order.approve_return")
class ApproveReturn:
    """Let the goods come back."""

    order_id: UUID
    return_id: int = field(metadata=_RETURN)


@command("order.decline_return")
class DeclineReturn:
    """Nothing more of it is to come back."""

    order_id: UUID
    return_id: int = field(metadata=_RETURN)
    reason: str = field(metadata=why())


@command("order.receive_return")
class ReceiveReturn:
    """Goods are back: what can be sold again is owed to the customer; what is damaged is not, by itself."""

    order_id: UUID
    return_id: int = field(metadata=_RETURN)
    restocked: tuple[LineQuantity, ...] = field(default=(), metadata=checked("What can be sold again."))
    damaged: tuple[LineQuantity, ...] = field(default=(), metadata=checked("What cannot."))
