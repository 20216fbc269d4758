"""Random commands in random order: quantities, money and statuses of an order stay consistent."""

from collections.abc import Sequence
from contextlib import ExitStack
from decimal import Decimal
from functools import reduce
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from eventstore import codec
from eventstore.decider import decider_of
from eventstore.errors import CommandRefused
from eventstore.messages import EVENT_TYPES
from orders import commands as c
from orders.accounts.identity import MOVER
from orders.actions import allowed_actions, name_of
from orders.commands import CreateOrder, RestoreOrder
from orders.events import OrderEvent, OrderPaid, PaymentCaptured, RefundSettled, ReturnReceived, evolve
from orders.invariants import require_possible, violations
from orders.money import rounded
from orders.state import Order, units_of
from orders.statuses import (
    FulfilmentStatus,
    OrderStatus,
    PaymentStatus,
    fulfilment_status,
    order_status,
    payment_status,
)
from orders.values import ZERO, DiscountKind, LineKind, LineQuantity, RefundStatus, ReturnStatus
from tests.support.order_examples import ORDER
from tests.support.order_lives import (
    PEOPLE,
    REASONS,
    cancelling,
    creations,
    editing,
    paying,
    refund_decisions,
    refunding,
    shipping,
)
from tests.support.order_stories import shop

LIMITS = {"GBP": Decimal(5), "JPY": Decimal(500)}


class OrderLife(RuleBasedStateMachine):
    """An order and its whole history. Invariants compare the order with the money that moved."""

    def __init__(self) -> None:
        super().__init__()
        self.order = Order()
        self.history: list[OrderEvent] = []
        self.shop = ExitStack()

    @initialize(create=creations(), paid_before_shipped=st.booleans(), steps=st.integers(0, 3))
    def is_placed(self, create: CreateOrder, paid_before_shipped: bool, steps: int) -> None:
        self.shop.enter_context(shop(paid_before_shipped=paid_before_shipped, approval_limits=LIMITS))
        self.create = create
        assert self.send(create)
        self.send_some(steps)

    @rule(data=st.data())
    def is_paid(self, data: st.DataObject) -> None:
        self.send(data.draw(paying(self.order)))

    @rule(data=st.data())
    def is_shipped_or_returned(self, data: st.DataObject) -> None:
        self.send(data.draw(shipping(self.order)))

    @rule(data=st.data())
    def is_refunded(self, data: st.DataObject) -> None:
        self.send_without_new_debt(data.draw(refunding(self.order)))

    @precondition(lambda self: self.order.refunds)
    @rule(data=st.data())
    def refunds_are_decided(self, data: st.DataObject) -> None:
        self.send_without_new_debt(data.draw(refund_decisions(self.order)))

    @precondition(lambda self: any(each.status is RefundStatus.FAILED for each in self.order.refunds))
    @rule(data=st.data())
    def refunds_are_retried(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from([each.refund_id for each in self.order.refunds]))
        self.send_without_new_debt(c.RetryRefund(order_id=ORDER, refund_id=number))

    @precondition(lambda self: self.order.refund_pending)
    @rule(data=st.data())
    def refunds_fail(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from([each.refund_id for each in self.order.refunds]))
        for by in PEOPLE:
            self.send_without_new_debt(c.ApproveRefund(order_id=ORDER, refund_id=number, by=by))
        self.send_without_new_debt(c.FailRefund(order_id=ORDER, refund_id=number, reason="because", by=MOVER))

    def send_without_new_debt(self, command: Any) -> None:
        due = self.order.due
        self.send(command)
        assert self.order.due <= due, "a refund never makes the customer owe more"

    @rule(data=st.data())
    def is_edited_or_held(self, data: st.DataObject) -> None:
        self.send(data.draw(editing(self.order)))

    @rule(data=st.data())
    def editing_there_and_back_changes_nothing(self, data: st.DataObject) -> None:
        """Law: what the lines cost depends on their quantities, not on the edits that led to them."""
        lines = [line for line in self.order.lines if line.is_untouched]
        order, steps = self.order, data.draw(st.integers(1, 2)) if lines else 0
        for _ in range(steps):
            named = data.draw(st.lists(st.sampled_from(lines), min_size=1, unique=True))
            there = {
                line.line_id: data.draw(st.integers(0, 4) | st.sampled_from([line.quantity, 10**6])) for line in named
            }
            order = edited(order, there) or order
        if order is not self.order:
            back = edited(order, {line.line_id: line.quantity for line in lines}) or order
            assert sold(back) == sold(self.order)

    @rule(data=st.data())
    def is_cancelled(self, data: st.DataObject) -> None:
        self.send(data.draw(cancelling(self.order)))

    @rule(undone=st.integers(0, 4), reason=REASONS)
    def is_restored(self, undone: int, reason: str) -> None:
        version = len(self.history) - undone
        was = reduce(evolve, self.history[:version], Order())
        if self.send(RestoreOrder(order_id=ORDER, version=version, reason=reason)):
            assert self.order == was

    @rule()
    def is_created_again(self) -> None:
        assert not self.send(self.create)

    @rule(steps=st.integers(1, 3))
    def is_paid_and_shipped(self, steps: int) -> None:
        self.send_some(steps)

    def send_some(self, steps: int) -> None:
        """What happens to most orders: half is paid, then the rest, and everything is shipped."""
        half = rounded(self.order.due / 2, self.order.currency)
        for amount in (half, self.order.due - half)[:steps]:
            if amount:
                self.send(c.AuthorisePayment(order_id=ORDER, amount=amount, payment_method="card"))
                self.send(c.CapturePayment(order_id=ORDER, payment_id=len(self.order.payments), by=MOVER))
        if steps == 3:
            self.send(c.ShipOrder(order_id=ORDER))

    @rule()
    def refunds_are_settled(self) -> None:
        self.settle_refunds()

    def send(self, command: Any) -> Sequence[OrderEvent]:
        """Add the events of the command to the history and return them. Returns none if the command is refused."""
        decider, before = decider_of(command), codec.encode(self.order)
        allowed = allowed_actions(self.order)
        try:
            # The state of the restore decider is the whole history.
            state = tuple(self.history) if isinstance(command, RestoreOrder) else self.order
            events: Sequence[OrderEvent] = decider.decide(command, state)
        except CommandRefused:
            events = []
        assert codec.encode(self.order) == before
        is_automatic = isinstance(command, c.ExpireOrder) or getattr(command, "by", "") == MOVER
        if events and not is_automatic and not isinstance(command, CreateOrder | RestoreOrder):
            assert name_of(type(command)) in allowed, "an accepted command is among the allowed actions"
        for event in events:
            declared = EVENT_TYPES[type(event)]
            assert codec.decode(declared.name, declared.schema_version, codec.encode(event)) == event
            was, self.order = self.order, evolve(self.order, event)
            require_possible(was, event, self.order)
            self.history.append(event)
        return events

    @invariant()
    def the_order_is_possible(self) -> None:
        if self.order.is_placed:
            assert list(violations(self.order)) == []

    @invariant()
    def discounts_are_at_most_their_terms(self) -> None:
        order = self.order
        for line in order.lines:
            if terms := line.discount_terms:
                assert terms.kind is not DiscountKind.FIXED or line.discount <= terms.amount
                assert terms.most is None or line.discount <= terms.most
            if line.kind is LineKind.SHIPPING:
                assert line.discount_share == 0
        for each in order.discounts:
            assert each.terms.kind is not DiscountKind.FIXED or 0 <= each.amount <= each.terms.amount

    @invariant()
    def restocked_units_are_credited_and_no_others(self) -> None:
        receipts = [event for event in self.history if isinstance(event, ReturnReceived)]
        for line in self.order.lines:
            restocked = sum(units_of(event.restocked, line.line_id) for event in receipts)
            damaged = sum(units_of(event.damaged, line.line_id) for event in receipts)
            assert (line.credited, line.returned) == (restocked, restocked + damaged)

    @invariant()
    def sums_match_the_money_that_moved(self) -> None:
        order = self.order
        received = sum((e.amount for e in self.history if isinstance(e, OrderPaid | PaymentCaptured)), ZERO)
        paid_out = sum((e.amount for e in self.history if isinstance(e, RefundSettled)), ZERO)
        assert (order.captured, order.refunded) == (received, paid_out)

    @invariant()
    def all_captured_money_pays_for_the_order_or_goes_back(self) -> None:
        order = self.order
        for_the_order = min(order.refundable, order.charged)
        assert order.captured == order.refunded + order.refund_pending + for_the_order + order.owed
        assert order.charged == for_the_order + order.due + order.bad_debt
        assert not (order.due and (order.owed or order.due_back)), "the customer never owes and is owed at once"
        assert order.owed <= order.due_back <= order.net_captured
        assert min(order.due, order.due_back, order.bad_debt) >= 0

    @invariant()
    def a_prepared_edit_can_be_made(self) -> None:
        if self.order.staged:
            assert "commit_edit" in allowed_actions(self.order)

    @invariant()
    def statuses_match_the_counters(self) -> None:
        order, has_open_goods = self.order, any(line.open for line in self.order.goods)
        status, fulfilment, payment = order_status(order), fulfilment_status(order), payment_status(order)
        assert (status is OrderStatus.CANCELLED) == order.is_cancelled
        if status is OrderStatus.COMPLETED:
            assert not has_open_goods
            assert order.due == order.due_back == order.refund_pending == 0
        assert (fulfilment in (FulfilmentStatus.UNFULFILLED, FulfilmentStatus.PARTIAL)) == has_open_goods
        assert (payment is PaymentStatus.OVERCHARGED) == bool(order.due_back)
        if payment in (PaymentStatus.PAID, PaymentStatus.REFUNDED):
            assert not order.due or not order.captured or not order.net_captured
        if payment is PaymentStatus.PARTIALLY_PAID:
            assert order.due

    @invariant()
    def a_snapshot_and_the_history_give_the_same_order(self) -> None:
        assert msgspec.json.decode(codec.encode(self.order), type=Order) == self.order
        assert reduce(evolve, self.history, Order()) == self.order

    def teardown(self) -> None:
        """At the end, cancel and refund everything: all sums must be zero."""
        if self.order.is_placed:
            self.cancel_everything()
            self.give_everything_back()
        self.shop.close()

    def cancel_everything(self) -> None:
        for each in self.order.returns:
            if each.is_open:
                assert self.send(c.DeclineReturn(order_id=ORDER, return_id=each.return_id, reason="because"))
        sent = [(line.line_id, line.shipped - line.returned) for line in self.order.goods]
        lines = tuple(LineQuantity(line_id=number, quantity=left) for number, left in sent if left)
        if lines:
            assert self.send(c.RequestReturn(order_id=ORDER, lines=lines))
            number = len(self.order.returns)
            assert self.send(c.ApproveReturn(order_id=ORDER, return_id=number))
            assert self.send(c.ReceiveReturn(order_id=ORDER, return_id=number, restocked=lines))
            assert self.order.returns[-1].status is ReturnStatus.RECEIVED
        self.send(c.CancelOrder(order_id=ORDER, reason="because"))
        assert not any(line.open for line in self.order.goods)

    def give_everything_back(self) -> None:
        for each in self.order.payments:
            if each.capturable:
                assert self.send(c.CapturePayment(order_id=ORDER, payment_id=each.payment_id, by=MOVER))
        if self.order.due:
            assert self.send(c.WriteOff(order_id=ORDER, reason="because"))
        self.settle_refunds()
        for amount in (None, self.order.refundable - self.order.owed):
            self.send(c.RequestRefund(order_id=ORDER, reason="because", amount=amount, by="staff:anna"))
            self.settle_refunds()
        order = self.order
        assert order.captured == order.refunded
        assert order.net_captured == order.due == order.due_back == order.refund_pending == 0
        assert order.charged == order.bad_debt
        for line in order.lines:
            if not line.charged:
                assert line.tax_off == line.tax

    def settle_refunds(self) -> None:
        for each in self.order.refunds:
            number, status = each.refund_id, each.status
            if status is RefundStatus.REQUESTED:
                other = next(person for person in PEOPLE if person != each.requested_by)
                assert self.send(c.ApproveRefund(order_id=ORDER, refund_id=number, by=other))
            if status in (RefundStatus.REQUESTED, RefundStatus.APPROVED):
                assert self.send(c.SettleRefund(order_id=ORDER, refund_id=number, by=MOVER))


def edited(order: Order, quantities: dict[int, int]) -> Order | None:
    """Return the order after an edit of these quantities, or None if the edit is refused."""
    named = tuple(LineQuantity(line_id=number, quantity=quantity) for number, quantity in quantities.items())
    command = c.EditOrder(order_id=ORDER, quantities=named)
    try:
        events: Sequence[OrderEvent] = decider_of(command).decide(command, order)
    except CommandRefused:
        return None
    return reduce(evolve, events, order)


def sold(order: Order) -> list[Any]:
    """Return what the lines cost, and the order."""
    lines = [
        (line.quantity, line.amount, line.discount, line.discount_share, line.tax, line.total, line.charged)
        for line in order.lines
    ]
    return [lines, order.discounts, order.charged, order.tax]


OrderLife.TestCase.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
TestOrderLife = OrderLife.TestCase
