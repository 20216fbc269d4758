"""Money comes in, is promised, or does not come."""

from dataclasses import field
from decimal import Decimal
from uuid import UUID

from eventstore.messages import command
from orders.commands.fields import CURRENCY, PAYMENT_METHOD, PAYMENT_REFERENCE, checked, money, why

_PAYMENT = checked("Which of the order's payments.", min_value=1)


@command("order.pay")
class PayOrder:
    """Pay at once all that is due."""

    order_id: UUID
    amount: Decimal = field(metadata=money("What is paid: exactly what is due."))
    payment_method: str = field(metadata=PAYMENT_METHOD)
    currency: str = field(default="", metadata=CURRENCY)
    payment_reference: str = field(default="", metadata=PAYMENT_REFERENCE)


@command("order.authorise_payment")
class AuthorisePayment:
    """A provider promised money, to be captured later."""

    order_id: UUID
    amount: Decimal = field(metadata=money("What is promised; it may be more than is due."))
    payment_method: str = field(metadata=PAYMENT_METHOD)
    currency: str = field(default="", metadata=CURRENCY)
    payment_reference: str = field(default="", metadata=PAYMENT_REFERENCE)


@command("order.pay_from_account")
class PayFromAccount:
    """Take what is due, or a part of it, from what the customer has in the shop."""

    order_id: UUID
    amount: Decimal | None = field(default=None, metadata=money("If not given: what is due.", allow_null=True))


@command("order.capture_payment")
class CapturePayment:
    """Promised money came, or a part of it."""

    order_id: UUID
    payment_id: int = field(metadata=_PAYMENT)
    amount: Decimal | None = field(
        default=None, metadata=money("If not given: all that is still promised.", allow_null=True)
    )
    reference: str = field(default="", metadata=checked("The provider's id of this capture.", max_length=100))
    by: str = ""


@command("order.void_payment")
class VoidPayment:
    """Let go of what is promised and was not captured."""

    order_id: UUID
    payment_id: int = field(metadata=_PAYMENT)
    reason: str = field(metadata=why())


@command("order.record_payment_failure")
class RecordPaymentFailure:
    """Money did not come."""

    order_id: UUID
    amount: Decimal = field(metadata=money("What should have come."))
    payment_method: str = field(metadata=PAYMENT_METHOD)
    reason: str = field(metadata=why("What the provider says."))
    payment_id: int = field(default=0, metadata=checked("Which payment, if it was promised before.", min_value=0))
    payment_reference: str = field(default="", metadata=PAYMENT_REFERENCE)
    by: str = ""


@command("order.write_off")
class WriteOff:
    """Give up what is due: nobody will pay it."""

    order_id: UUID
    reason: str = field(metadata=why())
    amount: Decimal | None = field(default=None, metadata=money("If not given: all that is due.", allow_null=True))
