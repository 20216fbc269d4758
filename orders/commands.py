"""What can be asked of an order. The API's bodies, their checks and their documentation are made from these classes."""

from dataclasses import field
from decimal import Decimal
from typing import Any
from uuid import UUID

from eventstore.messages import command, value
from orders.events import LineKind


def checked(help_text: str, **limits: Any) -> dict[str, Any]:
    """What an edge (the API, a form) shows and checks of a field before the rules see it."""
    return {"serializer_kwargs": {"help_text": help_text, **limits}}


@value
class NewLine:
    """One thing to buy."""

    sku: str = field(metadata=checked("The shop's code of the article.", max_length=64))
    name: str = field(metadata=checked("Its name as it was shown to the buyer.", max_length=200))
    quantity: int = field(metadata=checked("How many.", min_value=1, max_value=1_000_000_000))
    unit_price: Decimal = field(
        metadata=checked("Price of one; it may be finer than a cent.", max_digits=18, decimal_places=6, min_value=0)
    )
    kind: LineKind = LineKind.GOODS


@command("order.create", incidental=("order_id", "customer_name", "customer_email"))
class CreateOrder:
    order_id: UUID
    customer_id: UUID | None
    customer_name: str = field(metadata=checked("Who buys.", max_length=200))
    customer_email: str = field(metadata=checked("Where to reach them.", max_length=254))
    currency: str = field(metadata=checked("ISO 4217 code, such as GBP.", min_length=3, max_length=3))
    lines: tuple[NewLine, ...] = field(metadata=checked("At least one.", allow_empty=False, max_length=5000))
    country: str = field(default="", metadata=checked("Where it is sent to.", max_length=100))
    reference: str = field(default="", metadata=checked("The buyer's own number for this order.", max_length=64))


@command("order.pay")
class PayOrder:
    order_id: UUID
    amount: Decimal = field(
        metadata=checked("What is paid: exactly what is due.", max_digits=18, decimal_places=4, min_value=0)
    )
    payment_method: str = field(metadata=checked("Such as card or transfer.", max_length=40))
    currency: str = field(
        default="", metadata=checked("If given, it has to be the order's.", min_length=3, max_length=3)
    )
    payment_reference: str = field(default="", metadata=checked("The provider's id of this payment.", max_length=100))


@command("order.ship")
class ShipOrder:
    order_id: UUID
    carrier: str = field(default="", metadata=checked("Who carries it.", max_length=60))
    tracking_code: str = field(default="", metadata=checked("Where to follow it.", max_length=100))


@command("order.cancel")
class CancelOrder:
    order_id: UUID
    reason: str = field(metadata=checked("Why, in words that make sense in a year.", max_length=300))


@command("order.restore")
class RestoreOrder:
    """Bring the order back to what it was at a version; then send what should have happened instead."""

    order_id: UUID
    version: int = field(metadata=checked("The version at which it was right.", min_value=1))
    reason: str = field(metadata=checked("What went wrong, in words that make sense in a year.", max_length=300))


@command("order.expire")
class ExpireOrder:
    """Cancel the order because nobody paid in time; what was paid meanwhile is left alone."""

    order_id: UUID
    days: int


OrderCommand = CreateOrder | PayOrder | ShipOrder | CancelOrder | ExpireOrder
