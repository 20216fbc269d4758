"""The commands that pay, authorise, capture, void, fail and write off."""

from collections.abc import Iterator
from dataclasses import field
from decimal import Decimal
from typing import Self
from uuid import UUID

from eventstore.messages import command
from orders.commands.examples import KEY, TEXT
from orders.commands.fields import CURRENCY, PAYMENT_METHOD, PAYMENT_REFERENCE, checked, money, why
from orders.state import Order

_PAYMENT = checked("The number of the payment in this order.", min_value=1)


@command("order.pay")
class PayOrder:
    """Pay the whole amount due at once."""

    order_id: UUID
    amount: Decimal = field(metadata=money("The amount paid. It must be the amount due."))
    payment_method: str = field(metadata=PAYMENT_METHOD)
    currency: str = field(default="", metadata=CURRENCY)
    payment_reference: str = field(default="", metadata=PAYMENT_REFERENCE)

    @classmethod
    def examples(cls, order: Order) -> Iterator[Self]:
        """Pay what is due."""
        yield cls(order_id=KEY, amount=order.due, payment_method=TEXT)


@command("order.authorise_payment")
class AuthorisePayment:
    """Record an amount that a provider authorised, to be captured later."""

    order_id: UUID
    amount: Decimal = field(metadata=money("The authorised amount; it may be more than the amount due."))
    payment_method: str = field(metadata=PAYMENT_METHOD)
    currency: str = field(default="", metadata=CURRENCY)
    payment_reference: str = field(default="", metadata=PAYMENT_REFERENCE)

    @classmethod
    def examples(cls, order: Order) -> Iterator[Self]:
        """Authorise a small amount."""
        yield cls(order_id=KEY, amount=Decimal(1), payment_method=TEXT)


@command("order.pay_from_account")
class PayFromAccount:
    """Pay the amount due, or a part of it, from the customer's account in the shop."""

    order_id: UUID
    amount: Decimal | None = field(
        default=None, metadata=money("The amount to pay. Default: all that is due and not authorised.", allow_null=True)
    )

    @classmethod
    def examples(cls, order: Order) -> Iterator[Self]:
        """Pay what is due."""
        yield cls(order_id=KEY)


@command("order.capture_payment")
class CapturePayment:
    """Capture an authorised payment, or a part of it."""

    order_id: UUID
    payment_id: int = field(metadata=_PAYMENT)
    amount: Decimal | None = field(
        default=None, metadata=money("The amount to capture. Default: all that is left.", allow_null=True)
    )
    reference: str = field(default="", metadata=checked("The provider's id of this capture.", max_length=100))
    by: str = ""

    @classmethod
    def examples(cls, order: Order) -> Iterator[Self]:
        """Capture each payment."""
        for payment in order.payments:
            yield cls(order_id=KEY, payment_id=payment.payment_id)


@command("order.void_payment")
class VoidPayment:
    """Give up the part of an authorised payment that is not captured."""

    order_id: UUID
    payment_id: int = field(metadata=_PAYMENT)
    reason: str = field(metadata=why())

    @classmethod
    def examples(cls, order: Order) -> Iterator[Self]:
        """Void each payment."""
        for payment in order.payments:
            yield cls(order_id=KEY, payment_id=payment.payment_id, reason=TEXT)


@command("order.record_payment_failure")
class RecordPaymentFailure:
    """Record that a payment failed."""

    order_id: UUID
    amount: Decimal = field(metadata=money("The amount that was not paid."))
    payment_method: str = field(metadata=PAYMENT_METHOD)
    reason: str = field(metadata=why("The reason given by the provider."))
    payment_id: int = field(
        default=0, metadata=checked("The number of the payment, if it was authorised before; else 0.", min_value=0)
    )
    payment_reference: str = field(default="", metadata=PAYMENT_REFERENCE)
    by: str = ""

    @classmethod
    def examples(cls, order: Order) -> Iterator[Self]:
        """Record a small failed payment."""
        yield cls(order_id=KEY, amount=Decimal(1), payment_method=TEXT, reason=TEXT)


@command("order.write_off")
class WriteOff:
    """Write off an amount due as bad debt."""

    order_id: UUID
    reason: str = field(metadata=why())
    amount: Decimal | None = field(
        default=None,
        metadata=money("The amount to write off. Default: all that is due and not authorised.", allow_null=True),
    )

    @classmethod
    def examples(cls, order: Order) -> Iterator[Self]:
        """Write off what is due."""
        yield cls(order_id=KEY, reason=TEXT)


PayingCommand = (
    PayOrder | PayFromAccount | AuthorisePayment | CapturePayment | VoidPayment | RecordPaymentFailure | WriteOff
)
