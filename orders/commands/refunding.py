"""Money goes back."""

from dataclasses import field
from decimal import Decimal
from uuid import UUID

from eventstore.messages import command, value
from orders.commands.fields import checked, money, why
from orders.values import MOST_UNITS

_REFUND = checked("Which of the order's refunds.", min_value=1)


@value
class RefundWish:
    """What to give back for a line: what some units of it cost, or an amount."""

    line_id: int = field(metadata=checked("Which line.", min_value=1))
    quantity: int = field(default=0, metadata=checked("For so many units.", min_value=0, max_value=MOST_UNITS))
    amount: Decimal | None = field(default=None, metadata=money("Or this amount, tax in it.", allow_null=True))


@command("order.request_refund")
class RequestRefund:
    """Ask for money to go back: for lines, an amount, or, where neither is given, all that is owed to the customer."""

    order_id: UUID
    reason: str = field(metadata=why())
    amount: Decimal | None = field(default=None, metadata=money("How much, tax in it.", allow_null=True))
    lines: tuple[RefundWish, ...] = field(default=(), metadata=checked("What for.", max_length=5000))
    to_account: bool = field(
        default=False, metadata=checked("To the customer's account in the shop, not the way it was paid.")
    )
    by: str


@command("order.approve_refund")
class ApproveRefund:
    """Let a refund be paid out; over a limit that takes somebody else than who asked for it."""

    order_id: UUID
    refund_id: int = field(metadata=_REFUND)
    by: str


@command("order.decline_refund")
class DeclineRefund:
    """The money does not go back."""

    order_id: UUID
    refund_id: int = field(metadata=_REFUND)
    reason: str = field(metadata=why())


@command("order.settle_refund")
class SettleRefund:
    """The money is with the customer."""

    order_id: UUID
    refund_id: int = field(metadata=_REFUND)
    reference: str = field(default="", metadata=checked("The provider's id of it.", max_length=100))
    by: str = ""


@command("order.fail_refund")
class FailRefund:
    """The money did not reach the customer."""

    order_id: UUID
    refund_id: int = field(metadata=_REFUND)
    reason: str = field(metadata=why("What the provider says."))
    by: str = ""


@command("order.retry_refund")
class RetryRefund:
    """Try to pay out once more what did not arrive."""

    order_id: UUID
    refund_id: int = field(metadata=_REFUND)
