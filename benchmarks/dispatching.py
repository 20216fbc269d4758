"""Dispatch whole commands: look for the receipt, load the order, decide, append event and receipt, commit."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle

from django.db import connection

from benchmarks import samples, scratch
from benchmarks.harness import Options, Report, at_least, interleave, speed
from benchmarks.peers import raw
from benchmarks.watching import watched
from benchmarks.writers import WRITERS, side_by_side
from eventstore import store
from eventstore.dispatch import dispatch, events_appended
from eventstore.ids import new_id
from orders import commands as c
from projections.tasks import sweep

ROUNDS = 4
ORDERS = 100  # for each writer


def run(options: Options) -> Report:
    """Run the benchmark."""
    raw.create()
    sweep()  # the read models have checkpoints, as on any site
    timings = interleave(
        {
            "ours": lambda: side_by_side(without_signal),
            "raw": lambda: side_by_side(lambda: raw.appending(1)),
            "ours, with the doorbell": lambda: side_by_side(ours),
            "ours, a new order each": lambda: side_by_side(placing),
        },
        rounds=ROUNDS,
    )
    feed = watched(lambda: side_by_side(ours))
    done = sum(timing.count for side, rounds in timings.items() if side.startswith("ours") for timing in rounds)
    placed = ORDERS * WRITERS * (2 * ROUNDS + 1)  # appended without a command
    events = scratch.scalar("SELECT count(*) FROM events") - placed
    receipts = scratch.scalar("SELECT count(*) FROM command_receipts")
    return Report(
        bench="dispatch",
        what=f"A whole command by `dispatch`, {WRITERS} writers, durable commits.",
        unit="commands/s",
        sides=timings,
        ratios={
            "raw": speed(timings["ours"], timings["raw"], at_least(0.5)),
            "raw, with the doorbell": speed(timings["ours, with the doorbell"], timings["raw"]),
            "raw, a new order each": speed(timings["ours, a new order each"], timings["raw"]),
        },
        checks={"every command has one event and one receipt": events == receipts >= done} | feed.checks,
        notes=[
            "Orders are held and released in turn. A new order takes one statement. Raw is an INSERT of one event.",
            "The doorbell is the wake-up of the workers after the commit: one round trip to Valkey.",
        ],
    )


@contextmanager
def ours() -> Iterator[Callable[[], object]]:
    """Hold each of a hundred orders, then release each, again and again."""
    orders = [samples.placed(new_id()) for _ in range(ORDERS)]
    store.append(orders)
    turns = cycle([(change, write.aggregate_id) for change in (c.HoldOrder, c.ReleaseOrder) for write in orders])

    def send() -> None:
        change, order_id = next(turns)
        dispatch(change(order_id=order_id, reason="address to be checked"), samples.context())

    yield send
    connection.close()


@contextmanager
def without_signal() -> Iterator[Callable[[], object]]:
    """Do the same without wake-ups."""
    events_appended.receivers = []
    events_appended.sender_receivers_cache.clear()
    with ours() as send:
        yield send


@contextmanager
def placing() -> Iterator[Callable[[], object]]:
    """Place orders of three lines, with wake-ups."""
    customer_id = new_id()
    yield lambda: dispatch(samples.placing(new_id(), customer_id), samples.context())
    connection.close()
