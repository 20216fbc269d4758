"""What can be asked of an order. API bodies, admin forms, their checks and documentation are made from these.

Fields named `by` say who asks, as the actor of the event will; whoever sends the command supplies them.
"""

from dataclasses import field
from decimal import Decimal
from typing import Any
from uuid import UUID

from eventstore.messages import command, value
from orders.values import MOST_UNITS, LineKind, LineQuantity, ReturnReason


def checked(help_text: str, **limits: Any) -> dict[str, Any]:
    """What an edge (the API, a form) shows and checks of a field before the rules see it."""
    return {"serializer_kwargs": {"help_text": help_text, **limits}}


def _money(help_text: str, **limits: Any) -> dict[str, Any]:
    return checked(help_text, max_digits=18, decimal_places=4, min_value=0, **limits)


def _why(help_text: str = "Why, in words that make sense in a year.", **limits: Any) -> dict[str, Any]:
    return checked(help_text, max_length=300, **limits)


_RATE = checked("Tax on it, in per cent.", max_digits=7, decimal_places=4, min_value=0, max_value=100)
_ADDRESS = checked("As it is written on a parcel, line by line.", max_length=500)
_COUNTRY = checked("Where it is sent to.", max_length=100)
_CURRENCY = checked("If given, it has to be the order's.", min_length=3, max_length=3)
_LINES = checked("Which lines, and how many units of each.", allow_empty=False, max_length=5000)


@value
class NewLine:
    """One thing to buy."""

    sku: str = field(metadata=checked("The shop's code of the article.", max_length=64))
    name: str = field(metadata=checked("Its name as it was shown to the buyer.", max_length=200))
    quantity: int = field(metadata=checked("How many.", min_value=1, max_value=MOST_UNITS))
    unit_price: Decimal = field(
        metadata=checked("Price of one; it may be finer than a cent.", max_digits=18, decimal_places=6, min_value=0)
    )
    kind: LineKind = LineKind.GOODS
    discount: Decimal = field(default=Decimal(0), metadata=_money("Taken off this line."))
    tax_rate: Decimal = field(default=Decimal(0), metadata=_RATE)


@value
class NewShipping:
    """A way of sending, and what it costs."""

    name: str = field(metadata=checked("Such as standard delivery.", max_length=200))
    price: Decimal = field(metadata=_money("What it costs."))
    tax_rate: Decimal = field(default=Decimal(0), metadata=_RATE)
    code: str = field(default="SHIPPING", metadata=checked("The shop's code of it.", max_length=64))


@value
class NewDiscount:
    """Taken off the whole order: off its lines, in proportion to what they cost; not off shipping."""

    name: str = field(metadata=checked("What it is called, such as a voucher's code.", max_length=100))
    amount: Decimal = field(metadata=_money("How much."))


@command("order.create", incidental=("order_id", "customer_name", "customer_email"))
class CreateOrder:
    """Place an order."""

    order_id: UUID
    customer_id: UUID | None
    customer_name: str = field(metadata=checked("Who buys.", max_length=200))
    customer_email: str = field(metadata=checked("Where to reach them.", max_length=254))
    currency: str = field(metadata=checked("ISO 4217 code, such as GBP.", min_length=3, max_length=3))
    lines: tuple[NewLine, ...] = field(metadata=checked("At least one.", allow_empty=False, max_length=5000))
    shipping: tuple[NewShipping, ...] = field(default=(), metadata=checked("How it is sent.", max_length=20))
    discounts: tuple[NewDiscount, ...] = field(default=(), metadata=checked("Off the whole order.", max_length=20))
    prices_include_tax: bool = field(
        default=True, metadata=checked("Whether tax is in the prices, as in a shop window, or comes on top.")
    )
    shipping_address: str = field(default="", metadata=_ADDRESS)
    billing_address: str = field(default="", metadata=_ADDRESS)
    country: str = field(default="", metadata=_COUNTRY)
    reference: str = field(default="", metadata=checked("The buyer's own number for this order.", max_length=64))


# --- paying ----------------------------------------------------------------------------------------------------------


@command("order.pay")
class PayOrder:
    """Pay at once all that is due."""

    order_id: UUID
    amount: Decimal = field(metadata=_money("What is paid: exactly what is due."))
    payment_method: str = field(metadata=checked("Such as card or transfer.", max_length=40))
    currency: str = field(default="", metadata=_CURRENCY)
    payment_reference: str = field(default="", metadata=checked("The provider's id of this payment.", max_length=100))


@command("order.authorise_payment")
class AuthorisePayment:
    """A provider promised money, to be captured later."""

    order_id: UUID
    amount: Decimal = field(metadata=_money("What is promised; it may be more than is due."))
    payment_method: str = field(metadata=checked("Such as card or transfer.", max_length=40))
    currency: str = field(default="", metadata=_CURRENCY)
    payment_reference: str = field(default="", metadata=checked("The provider's id of this payment.", max_length=100))


@command("order.pay_from_account")
class PayFromAccount:
    """Take what is due, or a part of it, from what the customer has in the shop."""

    order_id: UUID
    amount: Decimal | None = field(default=None, metadata=_money("If not given: what is due.", allow_null=True))


@command("order.capture_payment")
class CapturePayment:
    """Promised money came, or a part of it."""

    order_id: UUID
    payment_id: int = field(metadata=checked("Which of the order's payments.", min_value=1))
    amount: Decimal | None = field(
        default=None, metadata=_money("If not given: all that is still promised.", allow_null=True)
    )
    reference: str = field(default="", metadata=checked("The provider's id of this capture.", max_length=100))
    by: str = ""


@command("order.void_payment")
class VoidPayment:
    """Let go of what is promised and was not captured."""

    order_id: UUID
    payment_id: int = field(metadata=checked("Which of the order's payments.", min_value=1))
    reason: str = field(metadata=_why())


@command("order.record_payment_failure")
class RecordPaymentFailure:
    """Money did not come."""

    order_id: UUID
    amount: Decimal = field(metadata=_money("What should have come."))
    payment_method: str = field(metadata=checked("Such as card or transfer.", max_length=40))
    reason: str = field(metadata=_why("What the provider says."))
    payment_id: int = field(default=0, metadata=checked("Which payment, if it was promised before.", min_value=0))
    payment_reference: str = field(default="", metadata=checked("The provider's id of this payment.", max_length=100))
    by: str = ""


@command("order.write_off")
class WriteOff:
    """Give up what is due: nobody will pay it."""

    order_id: UUID
    reason: str = field(metadata=_why())
    amount: Decimal | None = field(default=None, metadata=_money("If not given: all that is due.", allow_null=True))


# --- shipping --------------------------------------------------------------------------------------------------------


@command("order.ship")
class ShipOrder:
    """Everything that is still to be sent leaves, in one parcel."""

    order_id: UUID
    carrier: str = field(default="", metadata=checked("Who carries it.", max_length=60))
    tracking_code: str = field(default="", metadata=checked("Where to follow it.", max_length=100))


@command("order.ship_lines")
class ShipLines:
    """A parcel with a part of the order leaves."""

    order_id: UUID
    lines: tuple[LineQuantity, ...] = field(metadata=_LINES)
    carrier: str = field(default="", metadata=checked("Who carries it.", max_length=60))
    tracking_code: str = field(default="", metadata=checked("Where to follow it.", max_length=100))


@command("order.confirm_delivery")
class ConfirmDelivery:
    """A parcel arrived."""

    order_id: UUID
    shipment_id: int = field(metadata=checked("Which of the order's parcels.", min_value=1))


# --- cancelling ------------------------------------------------------------------------------------------------------


@command("order.cancel")
class CancelOrder:
    """Nothing more of the order is sold: all of it or, once a parcel left, what was not sent."""

    order_id: UUID
    reason: str = field(metadata=_why())


@command("order.cancel_lines")
class CancelLines:
    """Some units are no longer sold."""

    order_id: UUID
    lines: tuple[LineQuantity, ...] = field(metadata=_LINES)
    reason: str = field(metadata=_why())


@command("order.expire")
class ExpireOrder:
    """Cancel the order because nobody paid in time; what was paid meanwhile is left alone."""

    order_id: UUID
    days: int


@command("order.restore")
class RestoreOrder:
    """Bring the order back to what it was at a version; then send what should have happened instead."""

    order_id: UUID
    version: int = field(metadata=checked("The version at which it was right.", min_value=1))
    reason: str = field(metadata=_why("What went wrong, in words that make sense in a year."))


# --- refunding -------------------------------------------------------------------------------------------------------


@value
class RefundWish:
    """What to give back for a line: what some units of it cost, or an amount."""

    line_id: int = field(metadata=checked("Which line.", min_value=1))
    quantity: int = field(default=0, metadata=checked("For so many units.", min_value=0, max_value=MOST_UNITS))
    amount: Decimal | None = field(default=None, metadata=_money("Or this amount, tax in it.", allow_null=True))


@command("order.request_refund")
class RequestRefund:
    """Ask for money to go back: for lines, an amount, or, where neither is given, all that is owed to the customer."""

    order_id: UUID
    reason: str = field(metadata=_why())
    amount: Decimal | None = field(default=None, metadata=_money("How much, tax in it.", allow_null=True))
    lines: tuple[RefundWish, ...] = field(default=(), metadata=checked("What for.", max_length=5000))
    to_account: bool = field(
        default=False, metadata=checked("To the customer's account in the shop, not the way it was paid.")
    )
    by: str


@command("order.approve_refund")
class ApproveRefund:
    """Let a refund be paid out; over a limit that takes somebody else than who asked for it."""

    order_id: UUID
    refund_id: int = field(metadata=checked("Which of the order's refunds.", min_value=1))
    by: str


@command("order.decline_refund")
class DeclineRefund:
    """The money does not go back."""

    order_id: UUID
    refund_id: int = field(metadata=checked("Which of the order's refunds.", min_value=1))
    reason: str = field(metadata=_why())


@command("order.settle_refund")
class SettleRefund:
    """The money is with the customer."""

    order_id: UUID
    refund_id: int = field(metadata=checked("Which of the order's refunds.", min_value=1))
    reference: str = field(default="", metadata=checked("The provider's id of it.", max_length=100))
    by: str = ""


@command("order.fail_refund")
class FailRefund:
    """The money did not reach the customer."""

    order_id: UUID
    refund_id: int = field(metadata=checked("Which of the order's refunds.", min_value=1))
    reason: str = field(metadata=_why("What the provider says."))
    by: str = ""


@command("order.retry_refund")
class RetryRefund:
    """Try to pay out once more what did not arrive."""

    order_id: UUID
    refund_id: int = field(metadata=checked("Which of the order's refunds.", min_value=1))


# --- returning -------------------------------------------------------------------------------------------------------


@command("order.request_return")
class RequestReturn:
    """Ask to send goods back."""

    order_id: UUID
    lines: tuple[LineQuantity, ...] = field(metadata=_LINES)
    reason: ReturnReason = field(default=ReturnReason.OTHER, metadata=checked("Why."))
    comment: str = field(default="", metadata=checked("In your own words.", max_length=1000))


@command("order.approve_return")
class ApproveReturn:
    """Let the goods come back."""

    order_id: UUID
    return_id: int = field(metadata=checked("Which of the order's returns.", min_value=1))


@command("order.decline_return")
class DeclineReturn:
    """Nothing more of it is to come back."""

    order_id: UUID
    return_id: int = field(metadata=checked("Which of the order's returns.", min_value=1))
    reason: str = field(metadata=_why())


@command("order.receive_return")
class ReceiveReturn:
    """Goods are back: what can be sold again is owed to the customer; what is damaged is not, by itself."""

    order_id: UUID
    return_id: int = field(metadata=checked("Which of the order's returns.", min_value=1))
    restocked: tuple[LineQuantity, ...] = field(default=(), metadata=checked("What can be sold again."))
    damaged: tuple[LineQuantity, ...] = field(default=(), metadata=checked("What cannot."))


# --- editing, holding, noting ----------------------------------------------------------------------------------------


@command("order.stage_edit")
class StageEdit:
    """Prepare another quantity of lines that nothing was done with yet (0: none), and lines that come in addition."""

    order_id: UUID
    quantities: tuple[LineQuantity, ...] = field(
        default=(), metadata=checked("Lines, and how many units each has from here on.", max_length=5000)
    )
    added: tuple[NewLine, ...] = field(default=(), metadata=checked("Lines that come in addition.", max_length=5000))


@command("order.edit")
class EditOrder:
    """Change quantities of lines that nothing was done with yet (0: none), and add lines, at once."""

    order_id: UUID
    quantities: tuple[LineQuantity, ...] = field(
        default=(), metadata=checked("Lines, and how many units each has from here on.", max_length=5000)
    )
    added: tuple[NewLine, ...] = field(default=(), metadata=checked("Lines that come in addition.", max_length=5000))


@command("order.commit_edit")
class CommitEdit:
    """Make what was staged so."""

    order_id: UUID


@command("order.discard_edit")
class DiscardEdit:
    """Forget what was staged."""

    order_id: UUID


@command("order.hold")
class HoldOrder:
    """Let nothing be sent until it is released."""

    order_id: UUID
    reason: str = field(metadata=_why())


@command("order.release")
class ReleaseOrder:
    """Let it be sent again."""

    order_id: UUID
    reason: str = field(default="", metadata=_why())


@command("order.add_note")
class AddNote:
    """Remember something about the order; the customer sees it only where that is said."""

    order_id: UUID
    text: str = field(metadata=checked("What to remember.", max_length=2000))
    visible: bool = field(default=False, metadata=checked("Whether the customer sees it, too."))


@command("order.change_address")
class ChangeAddress:
    """Send what is still to be sent to another address."""

    order_id: UUID
    shipping_address: str = field(metadata=_ADDRESS)
    country: str = field(default="", metadata=checked("If given, where it is sent to from now on.", max_length=100))


OrderCommand = (
    CreateOrder
    | PayOrder
    | ShipOrder
    | CancelOrder
    | ExpireOrder
    | AuthorisePayment
    | PayFromAccount
    | CapturePayment
    | VoidPayment
    | RecordPaymentFailure
    | WriteOff
    | ShipLines
    | ConfirmDelivery
    | CancelLines
    | RequestRefund
    | ApproveRefund
    | DeclineRefund
    | SettleRefund
    | FailRefund
    | RetryRefund
    | RequestReturn
    | ApproveReturn
    | DeclineReturn
    | ReceiveReturn
    | EditOrder
    | StageEdit
    | CommitEdit
    | DiscardEdit
    | HoldOrder
    | ReleaseOrder
    | AddNote
    | ChangeAddress
)
