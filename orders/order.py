"""The decider of orders: routes each command to its rule, and registers the rules under the shop's policy."""

from collections.abc import Sequence
from functools import partial
from typing import assert_never, get_args
from uuid import UUID

from eventstore.decider import Decider, HistoryRules, register
from eventstore.errors import AggregateNotFound
from eventstore.messages import guard
from eventstore.timetravel.restoring import register_restore
from orders import commands as c
from orders.approvals.movements import accompany
from orders.commands import OrderCommand, RestoreOrder
from orders.events import OrderCreated, OrderEvent, evolve
from orders.invariants import require_possible
from orders.policy import Policy
from orders.rules import addresses, cancelling, editing, holding, notes, paying, placing, refunding, returning, shipping
from orders.state import Order


def decide(command: OrderCommand, order: Order, policy: Policy) -> Sequence[OrderEvent]:
    """Return the events of `command` on `order`. Raises CommandRefused, AggregateNotFound."""
    decided = _decide(command, order, policy)
    return editing.settle_prepared_edit(order, decided if isinstance(decided, Sequence) else [decided])


def _decide(  # noqa: C901, PLR0911 - one branch for each file of rules
    command: OrderCommand, order: Order, policy: Policy
) -> OrderEvent | Sequence[OrderEvent]:
    if isinstance(command, c.PlacingCommand):
        return placing.decide(command, order, policy)
    if isinstance(command, c.PayingCommand):
        return paying.decide(command, order, policy)
    if isinstance(command, c.ShippingCommand):
        return shipping.decide(command, order, policy)
    if isinstance(command, c.CancellingCommand):
        return cancelling.decide(command, order, policy)
    if isinstance(command, c.RefundingCommand):
        return refunding.decide(command, order, policy)
    if isinstance(command, c.ReturningCommand):
        return returning.decide(command, order, policy)
    if isinstance(command, c.EditingCommand):
        return editing.decide(command, order, policy)
    if isinstance(command, c.HoldingCommand):
        return holding.decide(command, order, policy)
    if isinstance(command, c.NoteCommand):
        return notes.decide(command, order, policy)
    if isinstance(command, c.AddressCommand):
        return addresses.decide(command, order, policy)
    assert_never(command)


@guard("order.own")
class OwnOrder:
    """Let only the order's customer send the command. For other customers the order does not exist."""

    order_id: UUID
    customer_id: UUID

    def __call__(self, order: Order) -> None:
        """Raise AggregateNotFound for another customer."""
        if order.customer_id != self.customer_id:
            raise AggregateNotFound("order_not_found", "there is no order {order_id}", order_id=self.order_id)


def order_decider(policy: Policy) -> Decider[Order, OrderCommand, OrderEvent]:
    """Return the rules of orders under `policy`. Replaying a history does not depend on it: only new commands do."""
    return Decider(
        aggregate_type="order",
        initial=Order(),
        decide=partial(decide, policy=policy),
        evolve=evolve,
        identify=lambda command: command.order_id,
        begin=(c.CreateOrder,),
        history=HistoryRules(begun_by=(OrderCreated,), id_field="order_id", require_possible=require_possible),
        accompany=partial(accompany, policy=policy),
        subject=lambda order, order_id: (order.customer_id or order_id) if order.is_placed else None,
    )


ORDER = order_decider(Policy())
"""The decider for loading orders. The write path decides with the registered one, which has the shop's policy."""


def register_orders(policy: Policy) -> None:
    """Let the write path decide order commands under `policy`. Called once, when the site starts."""
    decider = order_decider(policy)
    register(decider, get_args(OrderCommand))
    register_restore(decider, RestoreOrder, cancelling.restore)
