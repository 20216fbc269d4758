"""What is bought, and by whom."""

from dataclasses import field
from decimal import Decimal
from uuid import UUID

from eventstore.messages import command, value
from orders.commands.fields import ADDRESS, checked, money
from orders.values import MOST_UNITS, LineKind

_RATE = checked("Tax on it, in per cent.", max_digits=7, decimal_places=4, min_value=0, max_value=100)
_COUNTRY = checked("Where it is sent to.", max_length=100)


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
    discount: Decimal = field(default=Decimal(0), metadata=money("Taken off this line."))
    tax_rate: Decimal = field(default=Decimal(0), metadata=_RATE)


@value
class NewShipping:
    """A way of sending, and what it costs."""

    name: str = field(metadata=checked("Such as standard delivery.", max_length=200))
    price: Decimal = field(metadata=money("What it costs."))
    tax_rate: Decimal = field(default=Decimal(0), metadata=_RATE)
    code: str = field(default="SHIPPING", metadata=checked("The shop's code of it.", max_length=64))


@value
class NewDiscount:
    """Taken off the whole order: off its lines, in proportion to what they cost; not off shipping."""

    name: str = field(metadata=checked("What it is called, such as a voucher's code.", max_length=100))
    amount: Decimal = field(metadata=money("How much."))


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
    shipping_address: str = field(default="", metadata=ADDRESS)
    billing_address: str = field(default="", metadata=ADDRESS)
    country: str = field(default="", metadata=_COUNTRY)
    reference: str = field(default="", metadata=checked("The buyer's own number for this order.", max_length=64))
