"""A whole command: its receipt looked for, the order loaded, the rule asked, event and receipt appended, committed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle

from django.db import connection

from benchmarks import samples, scratch
from benchmarks.harness import Options, Report, at_least, interleave, speed
from benchmarks.peers import raw
from benchmarks.watching import watched
from benchmarks.writers import WARMING, WRITERS, side_by_side
from eventstore import store
from eventstore.dispatch import dispatch
from eventstore.ids import new_id
from orders import commands as c

ROUNDS = 6
ORDERS = 100  # of each writer


def run(options: Options) -> Report:
    raw.create()
    timings = interleave(
        {"ours": lambda: side_by_side(ours), "raw": lambda: side_by_side(lambda: raw.appending(1))}, rounds=ROUNDS
    )
    seen = watched(lambda: side_by_side(ours))
    begun = ROUNDS * WRITERS * WARMING + sum(timing.count for timing in timings["ours"])
    events = scratch.scalar("SELECT count(*) FROM events WHERE event_type IN ('order.held', 'order.released')")
    receipts = scratch.scalar("SELECT count(*) FROM command_receipts")
    return Report(
        bench="dispatch",
        what=f"A whole command by `dispatch`, {WRITERS} writers, durable commits.",
        unit="commands/s",
        sides=timings,
        ratios={"raw": speed(timings["ours"], timings["raw"], at_least(0.5))},
        checks={"every command has one event and one receipt": events == receipts >= begun} | seen.checks,
        notes=["Orders are held and released in turn; raw is one INSERT of one event."],
    )


@contextmanager
def ours() -> Iterator[Callable[[], object]]:
    """Goes round a hundred orders: each time round one is held, or released."""
    placed = [samples.placed(new_id()) for _ in range(ORDERS)]
    store.append(placed)
    turns = cycle([(change, write) for change in (c.HoldOrder, c.ReleaseOrder) for write in placed])

    def send() -> None:
        change, write = next(turns)
        dispatch(change(order_id=write.aggregate_id, reason="address to be checked"), samples.context())

    yield send
    connection.close()
