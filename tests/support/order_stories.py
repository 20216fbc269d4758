"""Build orders from commands: events, states, and short constructors of commands for the example order."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import reduce
from typing import Any, get_args

from eventstore.decider import decider_of, register
from orders import commands as c
from orders.events import evolve
from orders.order import register_orders
from orders.policy import Policy
from orders.state import Order
from orders.values import LineQuantity, RefundLine
from tests.support.order_examples import ORDER, SHIP


def done(*commands: object) -> list[Any]:
    """Return the events of these commands, sent one after the other."""
    events: list[Any] = []
    for command in commands:
        decider = decider_of(command)
        events += decider.decide(command, reduce(decider.evolve, events, decider.initial))
    return events


def after(*commands: object) -> Any:
    """Return the order after these commands. Untyped, so that its amounts can be compared with plain numbers."""
    return reduce(evolve, done(*commands), Order())


def last(*commands: object) -> Any:
    """Return the last event of these commands."""
    return done(*commands)[-1]


@contextmanager
def shop(**policy: Any) -> Iterator[None]:
    """Decide order commands under this policy inside the block, and under the site's own again afterwards."""
    usual = decider_of(SHIP)
    register_orders(Policy(**policy))
    try:
        yield
    finally:
        register(usual, get_args(c.OrderCommand))


def line_of(order: Order, line_id: int) -> Any:
    """Return a line of the order, untyped like `after`."""
    return order.line(line_id)


def some(**quantities: int) -> tuple[LineQuantity, ...]:
    """Return units of lines: `some(_1=2)` is two units of line 1."""
    return tuple(LineQuantity(line_id=int(name[1:]), quantity=quantity) for name, quantity in quantities.items())


def authorise(amount: str, reference: str = "") -> c.AuthorisePayment:
    """Authorise a card payment."""
    return c.AuthorisePayment(
        order_id=ORDER, amount=Decimal(amount), payment_method="card", payment_reference=reference
    )


def capture(amount: str | None = None, payment_id: int = 1, reference: str = "") -> c.CapturePayment:
    """Capture a payment, by default all of it."""
    money = None if amount is None else Decimal(amount)
    return c.CapturePayment(order_id=ORDER, payment_id=payment_id, amount=money, reference=reference)


def pay(amount: str) -> c.PayOrder:
    """Pay the order by card."""
    return c.PayOrder(order_id=ORDER, amount=Decimal(amount), payment_method="card")


def ship(**quantities: int) -> c.ShipLines:
    """Ship units of lines."""
    return c.ShipLines(order_id=ORDER, lines=some(**quantities))


def cancel(**quantities: int) -> c.CancelLines:
    """Cancel units of lines."""
    return c.CancelLines(order_id=ORDER, lines=some(**quantities), reason="Ordered twice")


def ask_refund(amount: str | None = None, *, by: str = "staff:anna", **more: Any) -> c.RequestRefund:
    """Request a refund, by default of all that is owed."""
    money = None if amount is None else Decimal(amount)
    return c.RequestRefund(order_id=ORDER, reason="Sorry", amount=money, by=by, **more)


def approve(refund_id: int = 1, by: str = "staff:ben") -> c.ApproveRefund:
    """Approve a refund."""
    return c.ApproveRefund(order_id=ORDER, refund_id=refund_id, by=by)


def settle(refund_id: int = 1) -> c.SettleRefund:
    """Settle a refund."""
    return c.SettleRefund(order_id=ORDER, refund_id=refund_id, reference="re_1")


def fail(refund_id: int = 1) -> c.FailRefund:
    """Record that a refund failed."""
    return c.FailRefund(order_id=ORDER, refund_id=refund_id, reason="Card expired")


def retry(refund_id: int = 1) -> c.RetryRefund:
    """Retry a refund."""
    return c.RetryRefund(order_id=ORDER, refund_id=refund_id)


def decline(refund_id: int = 1) -> c.DeclineRefund:
    """Decline a refund."""
    return c.DeclineRefund(order_id=ORDER, refund_id=refund_id, reason="Not our fault")


def come_back(**quantities: int) -> tuple[object, ...]:
    """Return the commands of the order's first return: requested, approved, and received to be restocked."""
    lines = some(**quantities)
    return (
        c.RequestReturn(order_id=ORDER, lines=lines),
        c.ApproveReturn(order_id=ORDER, return_id=1),
        c.ReceiveReturn(order_id=ORDER, return_id=1, restocked=lines),
    )


def gives(line_id: int, amount: str, tax: str = "0", *, units: int = 0, allowance: str = "0") -> RefundLine:
    """Return a line of a refund. Its allowance includes the tax only if the whole amount is an allowance."""
    return RefundLine(
        line_id=line_id,
        quantity=units,
        amount=Decimal(amount),
        tax=Decimal(tax),
        allowance=Decimal(allowance),
        allowance_tax=Decimal(tax) if allowance == amount else Decimal(0),
    )
