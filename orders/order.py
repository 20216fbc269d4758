"""The decider of orders: routes each command to its rule, and registers the rules under the shop's policy."""

from collections.abc import Sequence
from functools import partial
from typing import assert_never, get_args
from uuid import UUID

from eventstore.decider import Decider, register
from eventstore.errors import AggregateNotFound
from eventstore.messages import guard
from eventstore.timetravel.restoring import register_restore
from orders import commands as c
from orders.commands import OrderCommand, RestoreOrder
from orders.events import OrderEvent, evolve
from orders.policy import Policy
from orders.rules import addresses, cancelling, editing, holding, notes, paying, placing, refunding, returning, shipping
from orders.state import Order


def decide(command: OrderCommand, order: Order, policy: Policy) -> Sequence[OrderEvent]:
    """Return the events of `command` on `order`. Raises CommandRefused, AggregateNotFound."""
    decided = _decide(command, order, policy)
    return decided if isinstance(decided, Sequence) else [decided]


def _decide(  # noqa: C901, PLR0911, PLR0912 - one case a command
    command: OrderCommand, order: Order, policy: Policy
) -> OrderEvent | Sequence[OrderEvent]:
    match command:
        case c.CreateOrder():
            return placing.create(command, order)
        case c.PayOrder():
            return paying.pay(command, order)
        case c.AuthorisePayment():
            return paying.authorise(command, order)
        case c.PayFromAccount():
            return paying.pay_from_account(command, order)
        case c.CapturePayment():
            return paying.capture(command, order)
        case c.VoidPayment():
            return paying.void(command, order)
        case c.RecordPaymentFailure():
            return paying.record_failure(command, order)
        case c.WriteOff():
            return paying.write_off(command, order)
        case c.ShipOrder():
            return shipping.ship(command, order, policy)
        case c.ShipLines():
            return shipping.ship_lines(command, order, policy)
        case c.ConfirmDelivery():
            return shipping.confirm_delivery(command, order)
        case c.CancelOrder():
            return cancelling.cancel(command, order)
        case c.CancelLines():
            return cancelling.cancel_lines(command, order)
        case c.ExpireOrder():
            return cancelling.expire(command, order)
        case c.RequestRefund():
            return refunding.request(command, order)
        case c.ApproveRefund():
            return refunding.approve(command, order, policy)
        case c.DeclineRefund():
            return refunding.decline(command, order)
        case c.SettleRefund():
            return refunding.settle(command, order)
        case c.FailRefund():
            return refunding.fail(command, order)
        case c.RetryRefund():
            return refunding.retry(command, order)
        case c.RequestReturn():
            return returning.request(command, order)
        case c.ApproveReturn():
            return returning.approve(command, order)
        case c.DeclineReturn():
            return returning.decline(command, order)
        case c.ReceiveReturn():
            return returning.receive(command, order)
        case c.StageEdit():
            return editing.stage(command, order)
        case c.EditOrder():
            return editing.edit(command, order)
        case c.CommitEdit():
            return editing.commit(command, order)
        case c.DiscardEdit():
            return editing.discard(command, order)
        case c.HoldOrder():
            return holding.hold(command, order)
        case c.ReleaseOrder():
            return holding.release(command, order)
        case c.AddNote():
            return notes.add_note(command, order)
        case c.ChangeAddress():
            return addresses.change_address(command, order)
        case _:
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
    """Return the rules of orders under `policy`. Only `decide` depends on it: replaying a history does not."""
    return Decider(
        aggregate_type="order",
        initial=Order(),
        decide=partial(decide, policy=policy),
        evolve=evolve,
        identify=lambda command: command.order_id,
        begin=(c.CreateOrder,),
        reads_personal=False,
    )


ORDER = order_decider(Policy())
"""The decider for loading orders. The write path decides with the registered one, which has the shop's policy."""


def register_orders(policy: Policy) -> None:
    """Let the write path decide order commands under `policy`. Called once, when the site starts."""
    decider = order_decider(policy)
    register(decider, get_args(OrderCommand))
    register_restore(decider, RestoreOrder, cancelling.restore)
