"""Typical orders and events, to be written many times."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import cycle, islice
from uuid import UUID

from eventstore import codec, store
from eventstore.codec import Metadata
from eventstore.dispatch import Context
from eventstore.ids import new_id
from orders import commands as c
from orders.events import EditStaged, OrderEvent, OrderHeld, OrderReleased
from orders.order import ORDER
from orders.values import OrderLine

LINE = OrderLine(
    line_id=1,
    sku="85123A",
    name="WHITE HANGING HEART T-LIGHT HOLDER, SET OF SIX IN A GIFT BOX, WITH A RIBBON AND A CARD WITH WORDS YOU CHOOSE",
    quantity=6,
    unit_price=Decimal("2.55"),
    amount=Decimal("15.30"),
    tax_rate=Decimal(20),
    tax=Decimal("2.55"),
    total=Decimal("15.30"),
)
OWNER = new_id()
NEW_LINES = tuple(
    c.NewLine(sku=sku, name=name, quantity=quantity, unit_price=Decimal(price), tax_rate=Decimal(20))
    for sku, name, quantity, price in (
        ("85123A", "WHITE HANGING HEART T-LIGHT HOLDER", 6, "2.55"),
        ("71053", "WHITE METAL LANTERN", 6, "3.39"),
        ("84406B", "CREAM CUPID HEARTS COAT HANGER", 8, "2.75"),
    )
)


def event(order_id: UUID) -> EditStaged:
    """Return an event of about 420 bytes of JSON, without personal data."""
    return EditStaged(discounts=(), order_id=order_id, lines=(LINE,), difference=Decimal("15.30"), currency="GBP")


def metadata() -> Metadata:
    """Return metadata with new ids."""
    return Metadata(actor="customer:1", command_id=new_id(), correlation_id=new_id())


def encoded() -> tuple[str, str]:
    """Return the JSON of that event and of its metadata, as the log stores them."""
    return codec.encode(event(new_id())), codec.encode(metadata())


def write(events: int) -> store.Write:
    """Return a write of a new order with `events` such events."""
    order_id = new_id()
    return written(order_id, [event(order_id)] * events)


def written(order_id: UUID, events: Sequence[OrderEvent], same: Metadata | None = None) -> store.Write:
    """Return a write of a new order with these events, with the metadata `same` or new ones."""
    return store.Write(
        aggregate_type=ORDER.aggregate_type,
        aggregate_id=order_id,
        expected_version=0,
        events=events,
        metadata=same or metadata(),
        subject_id=order_id,
    )


def placing(order_id: UUID, customer_id: UUID) -> c.CreateOrder:
    """Return a command that places an order of three lines."""
    return c.CreateOrder(
        order_id=order_id,
        customer_id=customer_id,
        customer_name="Ada Whitfield",
        customer_email="ada.whitfield@example.com",
        currency="GBP",
        lines=NEW_LINES,
    )


def placed(order_id: UUID) -> store.Write:
    """Return a write of an order that was only placed."""
    return written(order_id, ORDER.decide(placing(order_id, OWNER), ORDER.initial))


def long_history(events: int) -> UUID:
    """Append an order with `events` events: placed, then held and released again and again. Return its id."""
    order_id = new_id()
    first = ORDER.decide(placing(order_id, OWNER), ORDER.initial)
    held = OrderHeld(order_id=order_id, reason="address to be checked")
    released = OrderReleased(order_id=order_id, reason="address checked")
    later: list[OrderEvent] = list(islice(cycle((held, released)), events - len(first)))
    store.append([written(order_id, [*first, *later])])
    return order_id


def context() -> Context:
    """Return a customer's context."""
    return Context(actor="customer:1")
