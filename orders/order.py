"""The rules of an order: `decide` says what a command brings about, `evolve` remembers what happened."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import assert_never, get_args
from uuid import UUID

from eventstore.decider import Decider, register
from eventstore.errors import AggregateNotFound, CommandRefused
from eventstore.messages import guard
from eventstore.restoring import register_restore
from orders.commands import (
    CancelOrder,
    CreateOrder,
    ExpireOrder,
    NewLine,
    OrderCommand,
    PayOrder,
    RestoreOrder,
    ShipOrder,
)
from orders.events import OrderCancelled, OrderCreated, OrderEvent, OrderLine, OrderPaid, OrderRestored, OrderShipped
from orders.money import LARGEST, plain, require_exact, rounded


class Status(StrEnum):
    NEW = "new"
    CREATED = "created"
    PAID = "paid"
    SHIPPED = "shipped"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order as its rules see it. Money is in `currency`; `due` is what is still to be paid."""

    status: Status = Status.NEW
    customer_id: UUID | None = None
    currency: str = ""
    total: Decimal = Decimal(0)
    paid: Decimal = Decimal(0)

    @property
    def due(self) -> Decimal:
        return self.total - self.paid

    @property
    def due_back(self) -> Decimal:
        """What was paid and is no longer sold."""
        return max(-self.due, Decimal(0))


def decide(command: OrderCommand, order: Order) -> Sequence[OrderEvent]:
    """What happens when `command` meets `order`. Raises CommandRefused, in words for whoever sent it."""
    match command:
        case CreateOrder():
            return [_create(command, order)]
        case PayOrder():
            return [_pay(command, order)]
        case ShipOrder():
            return [_ship(command, order)]
        case CancelOrder():
            return [_cancel(command, order)]
        case ExpireOrder():
            return [_expire(command, order)]
        case _:
            assert_never(command)


def evolve(order: Order, event: OrderEvent) -> Order:
    """`order` after `event`. No rule stands here: what happened, happened."""
    match event:
        case OrderCreated():
            return replace(
                order,
                status=Status.CREATED,
                customer_id=event.customer_id,
                currency=event.currency,
                total=event.total,
            )
        case OrderPaid():
            return replace(order, status=Status.PAID, paid=order.paid + event.amount)
        case OrderShipped():
            return replace(order, status=Status.SHIPPED)
        case OrderCancelled():
            return replace(order, status=Status.CANCELLED, total=order.total - event.amount)
        case OrderRestored():
            return replace(order, status=Status(event.status), total=order.total + event.sold_again)
        case _:
            assert_never(event)


def _create(command: CreateOrder, order: Order) -> OrderCreated:
    if order.status is not Status.NEW:
        raise CommandRefused("order_exists", f"order {command.order_id} exists already")
    if not command.lines:
        raise CommandRefused("no_lines", "an order must have at least one line")
    lines = tuple(_line(number, line, command.currency) for number, line in enumerate(command.lines, start=1))
    total = sum((line.amount for line in lines), start=rounded(Decimal(0), command.currency))
    if total >= LARGEST:
        raise CommandRefused("amount_too_large", f"the order is worth {LARGEST:,} or more")
    return OrderCreated(
        order_id=command.order_id,
        reference=command.reference,
        customer_id=command.customer_id,
        customer_name=command.customer_name,
        customer_email=command.customer_email,
        country=command.country,
        currency=command.currency,
        lines=lines,
        total=total,
    )


def _line(number: int, line: NewLine, currency: str) -> OrderLine:
    if not line.sku.strip():
        raise CommandRefused("no_sku", f"line {number} names no sku")
    if line.quantity <= 0:
        raise CommandRefused(
            "quantity_not_positive", f"line {number} ({line.sku}): quantity {line.quantity} is not positive"
        )
    if not line.unit_price.is_finite() or line.unit_price < 0:
        raise CommandRefused(
            "price_negative", f"line {number} ({line.sku}): {line.unit_price} is no price; it may not be negative"
        )
    if line.quantity * line.unit_price >= LARGEST:
        raise CommandRefused("amount_too_large", f"line {number} ({line.sku}) is worth {LARGEST:,} or more")
    return OrderLine(
        line_id=number,
        sku=line.sku,
        name=line.name,
        quantity=line.quantity,
        unit_price=plain(line.unit_price),
        amount=rounded(line.quantity * line.unit_price, currency),
        kind=line.kind,
    )


def _pay(command: PayOrder, order: Order) -> OrderPaid:
    _require_exists(command.order_id, order)
    if order.status is not Status.CREATED:
        raise CommandRefused("not_payable", f"only a created order can be paid; this one is {order.status}")
    if command.currency not in ("", order.currency):
        raise CommandRefused("currency_differs", f"this order is in {order.currency}, not in {command.currency}")
    require_exact(command.amount, order.currency, "the payment of")
    if order.due == 0:
        raise CommandRefused("nothing_due", "nothing is due for this order, so there is nothing to pay")
    if command.amount != order.due:
        raise CommandRefused(
            "amount_differs", f"{order.due} {order.currency} is due, not {command.amount} {order.currency}"
        )
    return OrderPaid(
        order_id=command.order_id,
        payment_method=command.payment_method,
        payment_reference=command.payment_reference,
        amount=rounded(command.amount, order.currency),
        currency=order.currency,
    )


def _ship(command: ShipOrder, order: Order) -> OrderShipped:
    _require_exists(command.order_id, order)
    if order.status in (Status.SHIPPED, Status.CANCELLED):
        raise CommandRefused("not_shippable", f"this order is {order.status} already")
    if order.due > 0:
        raise CommandRefused("not_paid", f"{order.due} {order.currency} has to be paid before this order ships")
    return OrderShipped(order_id=command.order_id, carrier=command.carrier, tracking_code=command.tracking_code)


def _cancel(command: CancelOrder, order: Order) -> OrderCancelled:
    _require_exists(command.order_id, order)
    if order.status in (Status.SHIPPED, Status.CANCELLED):
        raise CommandRefused(
            "not_cancellable", f"an order can be cancelled before it ships; this one is {order.status}"
        )
    if not command.reason.strip():
        raise CommandRefused("no_reason", "say why the order is cancelled")
    return OrderCancelled(
        order_id=command.order_id,
        reason=command.reason.strip(),
        amount=order.total,
        due_back=order.paid,
        currency=order.currency,
    )


def _expire(command: ExpireOrder, order: Order) -> OrderCancelled:
    _require_exists(command.order_id, order)
    if order.status is not Status.CREATED or order.due == 0:
        raise CommandRefused("not_unpaid", f"only an unpaid order expires; this one is {order.status}")
    within = "1 day" if command.days == 1 else f"{command.days} days"
    return OrderCancelled(
        order_id=command.order_id,
        reason=f"Not paid within {within}",
        amount=order.total,
        due_back=order.paid,
        currency=order.currency,
    )


def restore(command: RestoreOrder, was: Order, now: Order, undone: Sequence[OrderEvent]) -> Sequence[OrderEvent]:
    """Undoes what only this shop's books know; refuses where money moved or goods went out since."""
    facts = list(filter(None, map(_fact_of_the_world, undone)))
    if facts:
        codes, words = zip(*facts, strict=True)
        raise CommandRefused(
            codes[0],
            f"since version {command.version} {' and '.join(words)}: that happened in the world and cannot be restored"
            " away; cancel the order or pay back instead",
        )
    return [
        OrderRestored(
            order_id=command.order_id,
            version=command.version,
            reason=command.reason.strip(),
            status=was.status,
            sold_again=was.total - now.total,
            not_due_back=now.due_back - was.due_back,
            due=max(was.due, Decimal(0)),
            currency=was.currency,
        )
    ]


def _fact_of_the_world(event: OrderEvent) -> tuple[str, str] | None:
    """A code and words for what no log can undo."""
    match event:
        case OrderPaid():
            return "money_moved", f"{event.amount} {event.currency} was paid by {event.payment_method}"
        case OrderShipped():
            return "goods_shipped", f"the goods were shipped{f' with {event.carrier}' if event.carrier else ''}"
        case OrderCreated() | OrderCancelled() | OrderRestored():
            return None
        case _:
            assert_never(event)


def _require_exists(order_id: UUID, order: Order) -> None:
    if order.status is Status.NEW:
        raise AggregateNotFound("order_not_found", f"there is no order {order_id}")


@guard("order.own")
class OwnOrder:
    """Lets only its customer near an order: to anybody else it does not exist."""

    order_id: UUID
    customer_id: UUID

    def __call__(self, order: Order) -> None:
        if order.customer_id != self.customer_id:
            raise AggregateNotFound("order_not_found", f"there is no order {self.order_id}")


ORDER = Decider(
    aggregate_type="order",
    initial=Order(),
    decide=decide,
    evolve=evolve,
    identify=lambda command: command.order_id,
)
register(ORDER, get_args(OrderCommand))
register_restore(ORDER, RestoreOrder, restore)
