"""The commands that request, approve and finish refunds."""

from collections.abc import Iterator
from dataclasses import field
from decimal import Decimal
from typing import Self
from uuid import UUID

from eventstore.messages import command, value
from orders.commands.examples import ACTOR, KEY, TEXT
from orders.commands.fields import checked, money, why
from orders.state import Order
from orders.values import MOST_UNITS, RefundStatus

_REFUND = checked("The number of the refund in this order.", min_value=1)


@value
class RefundWish:
    """The refund of one line: the price of some units, or an amount."""

    line_id: int = field(metadata=checked("The number of the line.", min_value=1))
    quantity: int = field(
        default=0, metadata=checked("Refund the price of this many whole units.", min_value=0, max_value=MOST_UNITS)
    )
    amount: Decimal | None = field(
        default=None, metadata=money("Or refund this amount, tax included.", allow_null=True)
    )


@command("order.request_refund")
class RequestRefund:
    """Request a refund: of lines, of an amount or, without either, of all that is owed to the customer."""

    order_id: UUID
    reason: str = field(metadata=why())
    amount: Decimal | None = field(default=None, metadata=money("The amount to refund, tax included.", allow_null=True))
    lines: tuple[RefundWish, ...] = field(default=(), metadata=checked("The lines to refund.", max_length=5000))
    to_account: bool = field(
        default=False, metadata=checked("Pay into the customer's account in the shop, not back by the payment method.")
    )
    by: str

    @classmethod
    def examples(cls, order: Order) -> Iterator[Self]:
        """Ask for all that can be refunded."""
        yield cls(order_id=KEY, reason=TEXT, amount=order.refundable, by=ACTOR)


@command("order.approve_refund")
class ApproveRefund:
    """Approve a refund, so that it can be paid out. Over the limit, the requester cannot approve it."""

    order_id: UUID
    refund_id: int = field(metadata=_REFUND)
    by: str

    @classmethod
    def examples(cls, order: Order) -> Iterator[Self]:
        """Approve each requested refund."""
        for refund in order.refunds:
            if refund.status is RefundStatus.REQUESTED:
                yield cls(order_id=KEY, refund_id=refund.refund_id, by=ACTOR)


@command("order.decline_refund")
class DeclineRefund:
    """Decline a refund."""

    order_id: UUID
    refund_id: int = field(metadata=_REFUND)
    reason: str = field(metadata=why())

    @classmethod
    def examples(cls, order: Order) -> Iterator[Self]:
        """Decline each refund that is requested or has failed."""
        for refund in order.refunds:
            if refund.status in (RefundStatus.REQUESTED, RefundStatus.FAILED):
                yield cls(order_id=KEY, refund_id=refund.refund_id, reason=TEXT)


@command("order.settle_refund")
class SettleRefund:
    """Record that the customer received the money."""

    order_id: UUID
    refund_id: int = field(metadata=_REFUND)
    reference: str = field(default="", metadata=checked("The provider's id of the refund.", max_length=100))
    by: str = ""

    @classmethod
    def examples(cls, order: Order) -> Iterator[Self]:
        """Settle each approved refund."""
        for refund in order.refunds:
            if refund.status is RefundStatus.APPROVED:
                yield cls(order_id=KEY, refund_id=refund.refund_id)


@command("order.fail_refund")
class FailRefund:
    """Record that the money did not reach the customer."""

    order_id: UUID
    refund_id: int = field(metadata=_REFUND)
    reason: str = field(metadata=why("The reason given by the provider."))
    by: str = ""

    @classmethod
    def examples(cls, order: Order) -> Iterator[Self]:
        """Let each approved refund fail."""
        for refund in order.refunds:
            if refund.status is RefundStatus.APPROVED:
                yield cls(order_id=KEY, refund_id=refund.refund_id, reason=TEXT)


@command("order.retry_refund")
class RetryRefund:
    """Retry a failed refund."""

    order_id: UUID
    refund_id: int = field(metadata=_REFUND)

    @classmethod
    def examples(cls, order: Order) -> Iterator[Self]:
        """Retry each failed refund."""
        for refund in order.refunds:
            if refund.status is RefundStatus.FAILED:
                yield cls(order_id=KEY, refund_id=refund.refund_id)


RefundingCommand = RequestRefund | ApproveRefund | DeclineRefund | SettleRefund | FailRefund | RetryRefund
