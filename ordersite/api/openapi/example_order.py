"""An example order, run through the real rules, from which the API's examples are made.

Nothing is stored, and neither clock nor database is read: the same code always makes the same examples.
"""

from collections.abc import Callable, Iterator
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache, reduce
from typing import Any
from uuid import UUID, uuid5

from eventstore.codec import Metadata
from eventstore.records import Recorded, type_name
from orders import commands as c
from orders.actions import allowed_actions
from orders.events import EditCommitted, evolve
from orders.order import decide
from orders.policy import Policy
from orders.state import Order
from orders.values import LineQuantity, ReturnReason
from projections.customer.orders import CustomerOrder
from projections.engine.projection import PROJECTIONS
from projections.order_body import order_body
from projections.order_timeline import describe
from projections.staff.api import staff_order_body
from projections.staff.orders import StaffOrder

ORDER_ID = UUID("01932f5e-7b10-7c3a-9d55-3f1f6f0b2a11")
CUSTOMER_ID = UUID("01932f5d-0c00-7e11-8a01-5b7c1d2e3f40")
COMMAND_ID = UUID("5d2b6c1e-3f4a-5b6c-8d7e-9f0a1b2c3d4e")
_PLACED = datetime(2031, 3, 31, 9, 15, tzinfo=UTC)

_MUGS, _LANTERN = 1, 2


def example_commands() -> Iterator[c.OrderCommand]:
    """Yield the commands: place, authorise, capture, ship in two parcels, return one mug and refund it."""
    yield c.CreateOrder(
        order_id=ORDER_ID,
        customer_id=CUSTOMER_ID,
        customer_name="Ada Whitfield",
        customer_email="ada.whitfield@example.com",
        currency="GBP",
        lines=(
            c.NewLine(
                sku="MUG-201",
                name="Stoneware mug, oatmeal",
                quantity=2,
                unit_price=Decimal("9.95"),
                tax_rate=Decimal(20),
            ),
            c.NewLine(
                sku="LNT-014",
                name="Brass storm lantern",
                quantity=1,
                unit_price=Decimal("24.50"),
                tax_rate=Decimal(20),
            ),
        ),
        shipping=(c.NewShipping(name="Standard delivery", price=Decimal("4.90"), tax_rate=Decimal(20)),),
        discounts=(c.NewDiscount(name="WELCOME-5", amount=Decimal("5.00")),),
        shipping_address="12 Harbour Lane\nBristol\nBS1 4RN",
        country="United Kingdom",
        reference="PO-7",
    )
    yield c.AuthorisePayment(
        order_id=ORDER_ID, amount=Decimal("44.30"), payment_method="card", payment_reference="pay_3141"
    )
    yield c.CapturePayment(order_id=ORDER_ID, payment_id=1, reference="cap_3141")
    mugs = (LineQuantity(line_id=_MUGS, quantity=2),)
    yield c.ShipLines(order_id=ORDER_ID, lines=mugs, carrier="DHL", tracking_code="JD0146000068")
    yield c.ShipOrder(order_id=ORDER_ID, carrier="DHL", tracking_code="JD0146000075")
    yield c.ConfirmDelivery(order_id=ORDER_ID, shipment_id=1)
    one = (LineQuantity(line_id=_MUGS, quantity=1),)
    yield c.RequestReturn(order_id=ORDER_ID, lines=one, reason=ReturnReason.UNWANTED, comment="One too many.")
    yield c.ApproveReturn(order_id=ORDER_ID, return_id=1)
    yield c.ReceiveReturn(order_id=ORDER_ID, return_id=1, restocked=one)
    yield c.RequestRefund(order_id=ORDER_ID, reason="One mug came back", by="staff:anna")
    yield c.ApproveRefund(order_id=ORDER_ID, refund_id=1, by="staff:ben")
    yield c.SettleRefund(order_id=ORDER_ID, refund_id=1, reference="re_2718")


def bodies() -> dict[str, dict[str, Any]]:
    """Return the request body of each command, by the name of its class, without fields that have their default."""
    return {type(command).__name__: _body(command) for command in example_commands()}


def _body(command: c.OrderCommand) -> dict[str, Any]:
    def non_default_fields(part: Any) -> dict[str, Any]:
        values = {field.name: getattr(part, field.name) for field in fields(part)}
        defaults = {field.name: field.default for field in fields(part)}
        return {name: _to_json(value, non_default_fields) for name, value in values.items() if value != defaults[name]}

    return non_default_fields(command)


def _to_json(value: Any, part_fields: Callable[[Any], dict[str, Any]]) -> Any:
    if isinstance(value, tuple):
        return [part_fields(part) for part in value]
    return value if isinstance(value, int) else str(value)


@cache
def facts() -> list[Recorded[Any]]:
    """Return the events of the commands as the log would hold them, 61 minutes between two commands."""
    recorded: list[Recorded[Any]] = []
    order = Order()
    for number, command in enumerate(example_commands()):
        at = _PLACED + number * timedelta(hours=1, minutes=1)
        for event in decide(command, order, Policy()):
            order = evolve(order, event)
            recorded.append(_recorded(event, len(recorded) + 1, at))
    return recorded


def _recorded(event: Any, version: int, at: datetime) -> Recorded[Any]:
    return Recorded(
        position=version,
        event_id=uuid5(ORDER_ID, str(version)),
        aggregate_id=ORDER_ID,
        aggregate_type="order",
        version=version,
        timestamp=at,
        metadata=Metadata(actor="example", command_id=COMMAND_ID, correlation_id=COMMAND_ID),
        event=event,
    )


def order() -> dict[str, Any]:
    """Return the order after all commands, as the API shows it to its customer."""
    return order_body(PROJECTIONS["customer"].row_as_of(CustomerOrder, ORDER_ID, facts()))


def staff_order() -> dict[str, Any]:
    """Return the order after all commands, as the API shows it to staff."""
    row = PROJECTIONS["staff"].row_as_of(StaffOrder, ORDER_ID, facts())
    return staff_order_body(row) | {"allowed_actions": allowed_actions(row.state)}


def timeline() -> list[dict[str, Any]]:
    """Return the order's timeline, as the API shows it to its customer."""
    return [
        {
            "version": fact.version,
            "event": type_name(fact.event),
            "words": words,
            "occurred_at": fact.occurred_at.isoformat().replace("+00:00", "Z"),
        }
        for fact in facts()
        if (words := describe(fact.event).for_customer)
    ]


def state_after(commands: int) -> Order:
    """Return the order after its first commands, each of which makes one event."""
    return reduce(evolve, [fact.event for fact in facts()[:commands]], Order())


def rehearsal() -> dict[str, Any]:
    """Return the preview of an edit before anything ships: a third mug."""
    placed = state_after(1)
    edit = c.EditOrder(order_id=ORDER_ID, quantities=(LineQuantity(line_id=_MUGS, quantity=3),))
    (event,) = decide(edit, placed, Policy())
    assert isinstance(event, EditCommitted)
    money = {name: str(getattr(event, name)) for name in ("difference", "due", "due_back")}
    return {"order_id": str(ORDER_ID), "currency": event.currency, **money}
