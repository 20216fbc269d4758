"""What the encryption of texts costs: an order's events with personal texts against the same events in the clear."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from functools import partial
from uuid import UUID

import msgspec

from benchmarks import samples
from benchmarks.harness import Options, Report, Timing, at_most, cost, interleave, one_by_one
from eventstore import store
from eventstore.ids import new_id
from eventstore.messages import EVENT_TYPES, EVENTS
from eventstore.models import Event
from eventstore.personal_data.texts import personal_texts
from eventstore.records import event_rows
from orders import commands as c
from orders.events import OrderEvent
from orders.order import ORDER
from orders.values import LineQuantity

TIMES, ROUNDS = 200, 7
SIDES = ("ours", "in the clear")


def run(options: Options) -> Report:
    """Run the benchmark."""
    history = _history(new_id())
    orders = {side: new_id() for side in SIDES}
    for side, order_id in orders.items():
        with _texts(side):
            _append(order_id, history)
    timings = interleave(
        {f"{work}, {side}": partial(_measured, work, side, orders[side], history) for work in WORKS for side in SIDES},
        rounds=ROUNDS,
    )
    decoded = [fact.event for fact in store.read_stream(orders["ours"])]
    return Report(
        bench="encrypting",
        what=f"An order's {len(history)} events with personal texts, against the same events with all texts public.",
        unit="orders/s",
        sides={"ours": timings["appending, ours"]} | timings,
        ratios={
            work: cost(timings[f"{work}, ours"], timings[f"{work}, in the clear"], bar) for work, bar in WORKS.items()
        },
        checks={
            "ours holds no name in the clear": _stored_names(orders["ours"]) == 0,
            "the other side holds it in the clear": _stored_names(orders["in the clear"]) == 1,
            "what is read is what was appended": decoded == history,
        },
        figures={"texts that are encrypted": _count_of_texts(history)},
        notes=["The ratios are of times. Encoding makes the rows of events without the database."],
    )


WORKS = {"appending": at_most(1.3), "reading": at_most(1.3), "encoding": None}
"""What is measured, and the limit of its cost against the same work in the clear."""


def _measured(work: str, side: str, order_id: UUID, history: Sequence[OrderEvent]) -> Timing:
    """Measure one kind of work on one side."""
    works: dict[str, Callable[[], object]] = {
        "appending": lambda: _append(new_id(), history),
        "reading": lambda: store.read_stream(order_id),
        "encoding": lambda: event_rows([_write(order_id, history)]),
    }
    with _texts(side):
        works[work]()
        return one_by_one(works[work], times=TIMES)


def _append(order_id: UUID, history: Sequence[OrderEvent]) -> None:
    """Append each event in a transaction of its own, as commands do."""
    for number, each in enumerate(history):
        store.append([_write(order_id, [each], after=number)])


def _write(order_id: UUID, events: Sequence[OrderEvent], after: int = 0) -> store.Write:
    return replace(samples.written(order_id, events), expected_version=after, subject_id=samples.OWNER)


def _history(order_id: UUID) -> list[OrderEvent]:
    """Return the events of an order that was placed, paid, held, released, shipped and partly sent back."""
    order, history = ORDER.initial, []
    one = (LineQuantity(line_id=1, quantity=1),)
    for command in (
        samples.placing(order_id, samples.OWNER),
        c.PayOrder(order_id=order_id, amount=Decimal("57.64"), payment_method="card", payment_reference="pay_81723"),
        c.AddNote(order_id=order_id, text="The customer asked for a card with the parcel."),
        c.HoldOrder(order_id=order_id, reason="The address looks wrong"),
        c.ReleaseOrder(order_id=order_id, reason="The customer confirmed the address"),
        c.ShipOrder(order_id=order_id, carrier="Royal Mail", tracking_code="JD0002211234567"),
        c.RequestReturn(order_id=order_id, lines=one, comment="The heart has a scratch on its left side."),
    ):
        for each in ORDER.decide(command, order):
            order = ORDER.evolve(order, each)
            history.append(each)
    return history


@contextmanager
def _texts(side: str) -> Iterator[None]:
    """Declare all texts of all events as public inside the block, except on our side."""
    declared = dict(EVENTS)
    if side == "in the clear":
        for name, each in declared.items():
            public = replace(each, personal=(), parts=())
            EVENTS[name] = EVENT_TYPES[each.cls] = public
    try:
        yield
    finally:
        for name, each in declared.items():
            EVENTS[name] = EVENT_TYPES[each.cls] = each


def _stored_names(order_id: UUID) -> int:
    """Return how many stored events of an order show the customer's name."""
    return Event.objects.filter(aggregate_id=order_id, event_data__customer_name="Ada Whitfield").count()


def _count_of_texts(history: Sequence[OrderEvent]) -> int:
    found = (personal_texts(EVENT_TYPES[type(each)], msgspec.to_builtins(each)) for each in history)
    return sum(len(list(texts)) for texts in found)
