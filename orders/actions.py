"""Find the commands that an order would accept now, by trying an example of each command on the rules."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import islice
from uuid import UUID

from eventstore.decider import decider_of
from eventstore.errors import CommandRefused
from eventstore.messages import COMMAND_TYPES
from orders import commands as c
from orders.commands import NewLine, OrderCommand
from orders.lines import Line
from orders.state import Order
from orders.values import LineQuantity, RefundStatus, ReturnStatus

_ACTOR = "service:example"
_TEXT = "example"
_ONE = Decimal(1)
LINES_TRIED = 50
"""The number of lines that are tried for each command about lines."""

CUSTOMER_COMMANDS = (
    c.PayOrder,
    c.PayFromAccount,
    c.CancelOrder,
    c.CancelLines,
    c.EditOrder,
    c.RequestReturn,
    c.ChangeAddress,
)
"""The commands that customers may send to their own orders."""


PART_FIELDS = ("payment_id", "shipment_id", "refund_id", "return_id")
"""The command fields that name a part of the order."""


def name_of(command: type) -> str:
    """Return a command's wire name without the aggregate type: `ship_lines` for `order.ship_lines`."""
    return COMMAND_TYPES[command].name.partition(".")[2]


def allowed_actions(order: Order, among: tuple[type, ...] | None = None) -> list[str]:
    """Return the names of the commands that the order would accept now, given the right contents."""
    return list(dict.fromkeys(name_of(type(each)) for each in possible_commands(order, among)))


def possible_commands(order: Order, among: tuple[type, ...] | None = None) -> Iterator[OrderCommand]:
    """Yield one example of each command that the order would accept now, and one per part for commands about a part."""
    examples = _examples(order) if order.is_placed else ()
    accepted = set()
    for each in examples:
        kind = (type(each), *(getattr(each, name, None) for name in PART_FIELDS))
        if kind not in accepted and (among is None or isinstance(each, among)) and _accepts(each, order):
            accepted.add(kind)
            yield each


def _accepts(command: OrderCommand, order: Order) -> bool:
    """Ask the registered rules: they know the shop's policy."""
    try:
        return bool(decider_of(command).decide(command, order))
    except CommandRefused:
        return False


def _examples(order: Order) -> Iterator[OrderCommand]:
    """Yield the least demanding command of each kind, and one per part for commands about a part."""
    key = UUID(int=0)
    yield c.PayOrder(order_id=key, amount=order.due, payment_method=_TEXT)
    yield c.PayFromAccount(order_id=key)
    yield c.AuthorisePayment(order_id=key, amount=_ONE, payment_method=_TEXT)
    for payment in order.payments:
        yield c.CapturePayment(order_id=key, payment_id=payment.payment_id)
        yield c.VoidPayment(order_id=key, payment_id=payment.payment_id, reason=_TEXT)
    yield c.RecordPaymentFailure(order_id=key, amount=_ONE, payment_method=_TEXT, reason=_TEXT)
    yield c.WriteOff(order_id=key, reason=_TEXT)
    yield c.ShipOrder(order_id=key)
    yield from _for_lines(
        order,
        lambda line: line.open if line.is_goods else 0,
        lambda line: c.ShipLines(order_id=key, lines=_units(line, 1)),
    )
    for shipment in order.shipments:
        yield c.ConfirmDelivery(order_id=key, shipment_id=shipment.shipment_id)
    yield c.CancelOrder(order_id=key, reason=_TEXT)
    yield from _for_lines(
        order,
        lambda line: line.open if line.is_goods or not order.anything_shipped else 0,
        lambda line: c.CancelLines(order_id=key, lines=_units(line, 1), reason=_TEXT),
    )
    yield from _refunds(order, key)
    yield from _returns(order, key)
    one_more = NewLine(sku=_TEXT, name=_TEXT, quantity=1, unit_price=_ONE)
    yield c.EditOrder(order_id=key, added=(one_more,))
    yield c.StageEdit(order_id=key, added=(one_more,))
    yield c.CommitEdit(order_id=key)
    yield c.DiscardEdit(order_id=key)
    yield c.HoldOrder(order_id=key, reason=_TEXT)
    yield c.ReleaseOrder(order_id=key)
    yield c.AddNote(order_id=key, text=_TEXT)
    yield c.ChangeAddress(order_id=key, shipping_address=_TEXT)


def _refunds(order: Order, key: UUID) -> Iterator[OrderCommand]:
    yield c.RequestRefund(order_id=key, reason=_TEXT, amount=order.refundable, by=_ACTOR)
    for refund in order.refunds:
        number = refund.refund_id
        match refund.status:
            case RefundStatus.REQUESTED:
                yield c.ApproveRefund(order_id=key, refund_id=number, by=_ACTOR)
                yield c.DeclineRefund(order_id=key, refund_id=number, reason=_TEXT)
            case RefundStatus.APPROVED:
                yield c.SettleRefund(order_id=key, refund_id=number)
                yield c.FailRefund(order_id=key, refund_id=number, reason=_TEXT)
            case RefundStatus.FAILED:
                yield c.RetryRefund(order_id=key, refund_id=number)
                yield c.DeclineRefund(order_id=key, refund_id=number, reason=_TEXT)


def _returns(order: Order, key: UUID) -> Iterator[OrderCommand]:
    yield from _for_lines(
        order,
        lambda line: line.shipped - line.returned - order.in_return(line.line_id),
        lambda line: c.RequestReturn(order_id=key, lines=_units(line, 1)),
    )
    for each in order.returns:
        number = each.return_id
        if each.status is ReturnStatus.REQUESTED:
            yield c.ApproveReturn(order_id=key, return_id=number)
        if each.status is ReturnStatus.APPROVED:
            yield c.ReceiveReturn(order_id=key, return_id=number, damaged=each.outstanding)
        yield c.DeclineReturn(order_id=key, return_id=number, reason=_TEXT)


def _for_lines(
    order: Order, units: Callable[[Line], int], make: Callable[[Line], OrderCommand]
) -> Iterator[OrderCommand]:
    """Make a command for each of the first lines with such units.

    If the rules refuse them all, the reason is the order, so no further lines are tried.
    """
    eligible = (line for line in order.lines if units(line) > 0)
    return map(make, islice(eligible, LINES_TRIED))


def _units(line: Line, quantity: int) -> tuple[LineQuantity, ...]:
    return (LineQuantity(line_id=line.line_id, quantity=quantity),)
