"""Holding, noting, and sending elsewhere."""

from dataclasses import field
from uuid import UUID

from eventstore.messages import command
from orders.commands.fields import why


@command("order.hold")
class HoldOrder:
    """Let nothing be sent until it is released."""

    order_id: UUID
    reason: str = field(metadata=why())


@command("order.release")
class ReleaseOrder:
    """Let it be sent again."""

    order_id: UUID
    reason: str = field(default="", metadata=why())
