"""Holding, noting, and sending elsewhere."""

from eventstore.errors import CommandRefused
from orders.commands import AddNote, ChangeAddress, HoldOrder, ReleaseOrder
from orders.events import AddressChanged, NoteAdded, OrderHeld, OrderReleased
from orders.rules.common import require_placed, require_reason
from orders.state import Order


def hold(command: HoldOrder, order: Order) -> OrderHeld:
    require_placed(command.order_id, order)
    if order.on_hold:
        raise CommandRefused("on_hold", "this order is on hold already")
    return OrderHeld(order_id=command.order_id, reason=require_reason(command.reason))


def release(command: ReleaseOrder, order: Order) -> OrderReleased:
    require_placed(command.order_id, order)
    if not order.on_hold:
        raise CommandRefused("not_on_hold", "this order is not on hold")
    return OrderReleased(order_id=command.order_id, reason=command.reason.strip())


def add_note(command: AddNote, order: Order) -> NoteAdded:
    require_placed(command.order_id, order)
    if not command.text.strip():
        raise CommandRefused("no_text", "a note needs a text")
    return NoteAdded(
        order_id=command.order_id,
        customer_id=order.customer_id,
        text=command.text.strip(),
        visible=command.visible,
    )


def change_address(command: ChangeAddress, order: Order) -> AddressChanged:
    """As long as something is still to be sent there."""
    require_placed(command.order_id, order)
    if not any(line.open for line in order.goods):
        raise CommandRefused("nothing_to_ship", "nothing of this order is still to be sent")
    if not command.shipping_address.strip():
        raise CommandRefused("no_address", "an address needs at least one line")
    return AddressChanged(
        order_id=command.order_id,
        customer_id=order.customer_id,
        shipping_address=command.shipping_address.strip(),
        country=command.country.strip(),
    )
