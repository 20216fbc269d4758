"""Holding, noting, and sending elsewhere."""

from dataclasses import field
from uuid import UUID

from eventstore.messages import command
from orders.commands.fields import ADDRESS, checked, why


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


@command("order.add_note")
class AddNote:
    """Remember something about the order; the customer sees it only where that is said."""

    order_id: UUID
    text: str = field(metadata=checked("What to remember.", max_length=2000))
    visible: bool = field(default=False, metadata=checked("Whether the customer sees it, too."))


@command("order.change_address")
class ChangeAddress:
    """Send what is still to be sent to another address."""

    order_id: UUID
    shipping_address: str = field(metadata=ADDRESS)
    country: str = field(default="", metadata=checked("If given, where it is sent to from now on.", max_length=100))
