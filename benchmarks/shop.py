"""Fill the log with a shop's events: complete orders by the rules, with personal data, many open at the same time."""

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import reduce
from itertools import islice
from random import Random
from typing import Any, get_args
from uuid import UUID

import psycopg

from benchmarks import scratch
from eventstore import codec, store
from eventstore.codec import Metadata
from eventstore.ids import new_id
from orders import commands as c
from orders.events import OrderEvent, evolve
from orders.order import ORDER
from orders.state import Order
from orders.values import LineQuantity

OPEN_AT_ONCE = 400  # orders with events still to come
TEMPLATES = 300  # different orders; each is used many times with other ids, names and references
BATCH = 2000  # events in one append
BEGINNING = datetime(2025, 1, 6, 8, tzinfo=UTC)
_ORDER = UUID(int=1)
_PEOPLE = ("Ada Whitfield", "Grace Hopkins", "Émile Durand", "Jörg Weiß", "Mary Okafor", "Li Na", "Tom Baker")
_COUNTRIES = ("United Kingdom",) * 8 + ("France", "Germany", "Ireland")


def fill(events: int, *, in_the_clear: bool = False, seed: int = 7) -> int:
    """Append `events` events in a realistic order. Return the number of orders.

    With `in_the_clear`, also write them to the table `clear_events`, for peers that cannot decrypt personal data.
    """
    lives = _interleaved(events, Random(seed))  # noqa: S311 - a sample, not a secret
    numbered = enumerate(lives)
    orders: set[UUID] = set()
    with scratch.connect() as own:
        if in_the_clear:
            own.execute(_CLEAR)
        while batch := list(islice(numbered, BATCH)):
            orders.update(life.order_id for _, (life, _) in batch)
            at = [BEGINNING + timedelta(seconds=40 * number) for number, _ in batch]
            writes = [life.write(version, when) for (_, (life, version)), when in zip(batch, at, strict=True)]
            last = store.append(writes)
            if in_the_clear:
                _copy(own, writes, at, last - len(writes) + 1)
        if in_the_clear:
            own.execute("ANALYZE clear_events")
        own.execute("ANALYZE events")
    return len(orders)


_CLEAR = """
CREATE TABLE clear_events (
    position bigint PRIMARY KEY, aggregate_id uuid NOT NULL, version int NOT NULL, event_type text NOT NULL,
    at timestamptz NOT NULL, event_data jsonb NOT NULL)
"""


def _copy(own: psycopg.Connection, writes: Sequence[store.Write], at: Sequence[datetime], first: int) -> None:
    with own.cursor() as cursor, cursor.copy("COPY clear_events FROM STDIN") as copy:
        for place, (write, when) in enumerate(zip(writes, at, strict=True)):
            (event,) = write.events
            values = (write.aggregate_id, write.expected_version + 1, codec.type_of(event).name, when)
            copy.write_row((first + place, *values, codec.encode(event)))


class _Life:
    """An order with the events of a template, and with its own customer and ids."""

    def __init__(self, template: list[Any], number: int, random: Random) -> None:
        self.order_id, self.events = new_id(), template
        person = random.choice(_PEOPLE)
        self.customer_id = UUID(int=random.randrange(2000, 2000 + max(number // 3, 1))) if number % 8 else None
        self._own: dict[str, Any] = {
            "order_id": self.order_id,
            "customer_id": self.customer_id,
            "reference": f"W-{number}",
            "customer_name": person,
            "customer_email": f"{person.split()[0].lower()}.{number}@example.com",
            "shipping_address": f"{number} High Street\nLeeds LS{number % 20} 4DY",
            "billing_address": "",
            "payment_reference": f"pay_{number}",
            "tracking_code": f"JD{number:08}",
        }

    def write(self, version: int, at: datetime) -> store.Write:
        event = self.events[version]
        own = {name: value for name, value in self._own.items() if name in _NAMES[type(event)]}
        if "reference" in own and "customer_email" not in own:  # the payment provider's reference, not the order's
            own["reference"] = self._own["payment_reference"]
        command_id = new_id()
        return store.Write(
            aggregate_type="order",
            aggregate_id=self.order_id,
            expected_version=version,
            events=[replace(event, **own)],
            metadata=Metadata(actor="service:shop", command_id=command_id, correlation_id=command_id, occurred_at=at),
            subject_id=self._own.get("customer_id") or self.order_id,
        )


_NAMES = {cls: frozenset(each.name for each in fields(cls)) for cls in get_args(OrderEvent)}


def _interleaved(events: int, random: Random) -> Iterator[tuple[_Life, int]]:
    """Yield which order has its next event, and the version before it."""
    templates = [_template(random) for _ in range(TEMPLATES)]
    open_lives: list[tuple[_Life, int]] = []
    placed = 0
    for _ in range(events):
        if len(open_lives) < OPEN_AT_ONCE:
            placed += 1
            open_lives.append((_Life(random.choice(templates), placed, random), 0))
            index = len(open_lives) - 1
        else:
            index = random.randrange(len(open_lives))
        life, version = open_lives[index]
        yield life, version
        if version + 1 < len(life.events):
            open_lives[index] = (life, version + 1)
        else:
            open_lives[index] = open_lives[-1]
            open_lives.pop()


def _template(random: Random) -> list[Any]:
    """Return the events of one order."""
    lines = tuple(
        c.NewLine(
            sku=f"{random.randrange(20000, 24000)}{random.choice(['', 'A', 'B'])}",
            name=random.choice(["White hanging heart", "Regency cakestand", "Jumbo bag", "Paper chain kit"]),
            quantity=random.randrange(1, 13),
            unit_price=Decimal(random.randrange(42, 1995)) / 100,
            tax_rate=Decimal(20),
        )
        for _ in range(random.choice([1, 2, 2, 3, 3, 4, 5, 8]))
    )
    life = _Story(
        c.CreateOrder(
            order_id=_ORDER,
            customer_id=_ORDER,
            customer_name="x",
            customer_email="x",
            currency="GBP",
            country=random.choice(_COUNTRIES),
            lines=lines,
            shipping=(c.NewShipping(name="Standard delivery", price=Decimal("4.90"), tax_rate=Decimal(20)),),
            discounts=(c.NewDiscount(name="SPRING", amount=Decimal("0.20")),) if random.random() < 0.2 else (),
            shipping_address="x",
        )
    )
    chance = random.random()
    if chance < 0.08:
        life.go_on(c.CancelOrder(order_id=_ORDER, reason="Ordered twice"))
        return life.events
    if chance < 0.7:
        life.go_on(c.AuthorisePayment(order_id=_ORDER, amount=life.order.due, payment_method="card"))
        life.go_on(c.CapturePayment(order_id=_ORDER, payment_id=1))
    else:
        life.go_on(c.PayOrder(order_id=_ORDER, amount=life.order.due, payment_method="bank transfer"))
    if chance > 0.96:
        life.go_on(c.CancelOrder(order_id=_ORDER, reason="Out of stock"))
        life.refund()
        return life.events
    life.go_on(c.ShipOrder(order_id=_ORDER, carrier="Royal Mail", tracking_code="x"))
    if random.random() < 0.6:
        life.go_on(c.ConfirmDelivery(order_id=_ORDER, shipment_id=1))
    if 0.6 < chance < 0.68:
        back = (LineQuantity(line_id=1, quantity=1),)
        life.go_on(c.RequestReturn(order_id=_ORDER, lines=back, comment="Chipped"))
        life.go_on(c.ApproveReturn(order_id=_ORDER, return_id=1))
        life.go_on(c.ReceiveReturn(order_id=_ORDER, return_id=1, restocked=back))
        life.refund()
    return life.events


class _Story:
    def __init__(self, created: c.OrderCommand) -> None:
        self.events: list[Any] = []
        self.go_on(created)

    @property
    def order(self) -> Order:
        return reduce(evolve, self.events, Order())

    def go_on(self, command: c.OrderCommand) -> None:
        self.events += ORDER.decide(command, self.order)

    def refund(self) -> None:
        self.go_on(c.RequestRefund(order_id=_ORDER, reason="Money back", by="staff:anna"))
        self.go_on(c.ApproveRefund(order_id=_ORDER, refund_id=1, by="staff:ben"))
        self.go_on(c.SettleRefund(order_id=_ORDER, refund_id=1, reference="re_1"))
