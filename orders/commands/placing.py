"""The command that places an order."""

from collections.abc import Iterator
from dataclasses import field
from decimal import Decimal
from typing import Self
from uuid import UUID

from eventstore.messages import command, value
from orders.commands.fields import ADDRESS, checked, money
from orders.state import Order
from orders.values import MOST_UNITS, UNITS, DiscountKind, LineKind, OrderDiscountKind

_RATE = checked("The tax rate in per cent.", max_digits=7, decimal_places=4, min_value=0, max_value=100)
_COUNTRY = checked("The country of delivery.", max_length=100)


@value
class NewLine:
    """A line of a new order."""

    sku: str = field(metadata=checked("The shop's code of the article.", max_length=64))
    name: str = field(metadata=checked("The name of the article, as shown to the buyer.", max_length=200))
    quantity: int = field(metadata=checked(UNITS, min_value=1, max_value=MOST_UNITS))
    unit_price: Decimal = field(
        metadata=checked(
            "The price of one unit. It may have more decimals than the currency.",
            max_digits=18,
            decimal_places=6,
            min_value=0,
        )
    )
    kind: LineKind = LineKind.GOODS
    tax_rate: Decimal = field(default=Decimal(0), metadata=_RATE)
    discount: Decimal = field(
        default=Decimal(0), metadata=money("The discount on this line; `discount_kind` says what the number means.")
    )
    discount_kind: DiscountKind = field(
        default=DiscountKind.FIXED,
        metadata=checked(
            "`fixed`: an amount for the whole line. `per_unit`: an amount for each unit. `percent`: per cent of the"
            " price. An edit of the quantity applies it again.",
            added_later=True,
        ),
    )
    discount_most: Decimal | None = field(
        default=None,
        metadata=money(
            "The most that the discount takes off the line. Without it, at most the price.",
            added_later=True,
            allow_null=True,
        ),
    )


@value
class NewShipping:
    """A shipping method and its price."""

    name: str = field(metadata=checked("The name of the method, such as standard delivery.", max_length=200))
    price: Decimal = field(metadata=money("The price of shipping."))
    tax_rate: Decimal = field(default=Decimal(0), metadata=_RATE)
    code: str = field(default="SHIPPING", metadata=checked("The shop's code of the method.", max_length=64))


@value
class NewDiscount:
    """A discount on the whole order, divided among its lines in proportion to their prices. Shipping has no share.

    An edit of the order applies it again. It never takes off more than the lines cost.
    """

    name: str = field(metadata=checked("The name of the discount, such as a voucher code.", max_length=100))
    amount: Decimal = field(metadata=money("The discount; `kind` says what the number means."))
    kind: OrderDiscountKind = field(
        default=OrderDiscountKind.FIXED,
        metadata=checked(
            "`fixed`: an amount for the whole order. `percent`: per cent of the price of the lines after their own"
            " discounts, without shipping.",
            added_later=True,
        ),
    )
    most: Decimal | None = field(
        default=None,
        metadata=money(
            "The most that the discount takes off. Without it, at most the price.", added_later=True, allow_null=True
        ),
    )


@command("order.create", incidental=("order_id", "customer_name", "customer_email"))
class CreateOrder:
    """Place an order."""

    order_id: UUID
    customer_id: UUID | None
    customer_name: str = field(metadata=checked("The name of the buyer.", max_length=200))
    customer_email: str = field(metadata=checked("The email address of the buyer.", max_length=254))
    currency: str = field(metadata=checked("ISO 4217 code, such as GBP.", min_length=3, max_length=3))
    lines: tuple[NewLine, ...] = field(
        metadata=checked("The lines of the order, at least one.", allow_empty=False, max_length=5000)
    )
    shipping: tuple[NewShipping, ...] = field(
        default=(), metadata=checked("The shipping methods and their prices.", max_length=20)
    )
    discounts: tuple[NewDiscount, ...] = field(
        default=(), metadata=checked("The discounts on the whole order.", max_length=20)
    )
    prices_include_tax: bool = field(
        default=True, metadata=checked("True if the prices include tax; false if tax is added.")
    )
    shipping_address: str = field(default="", metadata=ADDRESS)
    billing_address: str = field(default="", metadata=ADDRESS)
    country: str = field(default="", metadata=_COUNTRY)
    reference: str = field(default="", metadata=checked("The buyer's own number for this order.", max_length=64))

    @classmethod
    def examples(cls, order: Order) -> Iterator[Self]:
        """None: the order is there already."""
        return iter(())


PlacingCommand = CreateOrder
