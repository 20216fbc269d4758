"""The example order of the tests: two mugs and a throw, 25.00 GBP."""

from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from orders.commands import CancelOrder, CreateOrder, NewLine, PayOrder, ShipOrder
from orders.events import OrderCancelled, OrderCreated, OrderPaid, OrderRestored, OrderShipped
from orders.values import LineAmount, OrderLine

ORDER = UUID(int=1)
BUYER = UUID(int=2)

PAY = PayOrder(order_id=ORDER, amount=Decimal("25.00"), payment_method="card", payment_reference="pay_1")
SHIP = ShipOrder(order_id=ORDER, carrier="DHL", tracking_code="JD01")
CANCEL = CancelOrder(order_id=ORDER, reason="Ordered twice")
MUGS = NewLine(sku="MUG", name="Mug", quantity=2, unit_price=Decimal("7.50"))
THROW = NewLine(sku="THR", name="Throw", quantity=1, unit_price=Decimal("10.00"))
CREATE = CreateOrder(
    order_id=ORDER,
    customer_id=BUYER,
    customer_name="Ada Whitfield",
    customer_email="ada@example.com",
    country="United Kingdom",
    currency="GBP",
    lines=(MUGS, THROW),
    reference="W-1",
)

CREATED = OrderCreated(
    order_id=ORDER,
    reference="W-1",
    customer_id=BUYER,
    customer_name="Ada Whitfield",
    customer_email="ada@example.com",
    shipping_address="",
    billing_address="",
    country="United Kingdom",
    currency="GBP",
    prices_include_tax=True,
    lines=(
        OrderLine(
            line_id=1,
            sku="MUG",
            name="Mug",
            quantity=2,
            unit_price=Decimal("7.50"),
            amount=Decimal("15.00"),
            total=Decimal("15.00"),
        ),
        OrderLine(
            line_id=2,
            sku="THR",
            name="Throw",
            quantity=1,
            unit_price=Decimal("10.00"),
            amount=Decimal("10.00"),
            total=Decimal("10.00"),
        ),
    ),
    discounts=(),
    tax=Decimal(0),
    total=Decimal("25.00"),
)
PAID = OrderPaid(
    order_id=ORDER,
    payment_id=1,
    payment_method="card",
    payment_reference="pay_1",
    amount=Decimal("25.00"),
    currency="GBP",
)
SHIPPED = OrderShipped(order_id=ORDER, shipment_id=1, carrier="DHL", tracking_code="JD01")
ALL_UNITS = (
    LineAmount(line_id=1, quantity=2, amount=Decimal("15.00"), tax=Decimal(0)),
    LineAmount(line_id=2, quantity=1, amount=Decimal("10.00"), tax=Decimal(0)),
)
CANCELLED = OrderCancelled(
    order_id=ORDER,
    reason="Ordered twice",
    lines=ALL_UNITS,
    amount=Decimal("25.00"),
    due_back=Decimal(0),
    currency="GBP",
)
CANCELLED_AFTER_PAYMENT = replace(
    CANCELLED, lines=tuple(replace(line, due_back=line.amount) for line in ALL_UNITS), due_back=Decimal("25.00")
)
RESTORED = OrderRestored(
    order_id=ORDER,
    version=1,
    reason="Cancelled by mistake",
    status="open",
    lines=ALL_UNITS,
    sold_again=Decimal("25.00"),
    not_due_back=Decimal(0),
    due=Decimal("25.00"),
    currency="GBP",
)
RESTORED_AFTER_PAYMENT = replace(
    RESTORED,
    version=2,
    lines=CANCELLED_AFTER_PAYMENT.lines,
    not_due_back=Decimal("25.00"),
    due=Decimal(0),
)

TOO_MUCH = replace(CREATED, lines=(replace(CREATED.lines[0], total=Decimal(10) ** 27),))
"""An event that no rule allows: its amount is too large for the columns of the read models."""
