"""Catch-up of the staff read model, the richest one, in one process.

The same work is also done by PostgreSQL alone, by Django's `bulk_create`, and by the library `eventsourcing`.
"""

from collections.abc import Callable
from typing import LiteralString

from benchmarks import scratch, shop
from benchmarks.harness import Options, Report, Timing, at_least, interleave, speed, timed
from benchmarks.peers import rowwise, setwise
from projections.engine.catch_up import BATCH, catch_up
from projections.engine.projection import projection_named

ROUNDS = 5
OURS, ORM, RUNNER = 25_000, 5_000, 1_500  # events of one round: one or two seconds
SQL = "setwise"  # the schema of its table
SQL_BATCH, ORM_BATCH = 10_000, 2_500


def run(options: Options) -> Report:
    """Run the benchmark."""
    events = ROUNDS * OURS
    shop.fill(events, in_the_clear=True)
    for schema in (SQL, rowwise.ORM, rowwise.RUNNER):
        setwise.create(schema)
    staff = projection_named("staff")
    timings = interleave(
        {
            "ours": _slices(OURS, lambda after, through: catch_up(staff, through=through)),
            "set-based SQL": _slices(
                OURS, lambda after, through: setwise.catch_up(SQL, after, through, batch=SQL_BATCH)
            ),
            "bulk_create": _slices(ORM, lambda after, through: rowwise.bulk_create(after, through, batch=ORM_BATCH)),
            "eventsourcing": _runner(),
        },
        rounds=ROUNDS,
    )
    ours = timings["ours"]
    return Report(
        bench="catchup",
        what=f"Catch-up of the staff read model over {events:,} events of a shop, {BATCH:,} in each transaction.",
        unit="events/s",
        sides=timings,
        ratios={
            "set-based SQL": speed(ours, timings["set-based SQL"], at_least(0.5)),
            "eventsourcing": speed(ours, timings["eventsourcing"], at_least(25)),
            "bulk_create": speed(ours, timings["bulk_create"], at_least(3)),
        },
        checks={
            "every event was handled once": scratch.scalar(_TAKEN) == events == scratch.scalar(_VERSIONS),
            "the SQL makes the same rows, in all its columns": _same("public", SQL, setwise.MADE),
            "bulk_create makes the same rows as the SQL from the same events": _alike(rowwise.ORM, ROUNDS * ORM),
            "eventsourcing too": _alike(rowwise.RUNNER, ROUNDS * RUNNER),
        },
        notes=[
            f"All sides fill the same table with its indexes. The SQL handles {SQL_BATCH:,} events in a statement.",
            "It leaves out the order's state and the times of its parts, and handles only the orders of this log.",
            "The other two use each event by itself. All three peers read unencrypted events.",
        ],
    )


_TAKEN: LiteralString = "SELECT sum(events) FROM projections_checkpoint WHERE projection = 'staff'"
_VERSIONS: LiteralString = "SELECT sum(version) FROM projections_stafforder"


def _slices(size: int, work: Callable[[int, int], object]) -> Callable[[], Timing]:
    """Return a function that handles the next `size` events in each call."""
    reached = 0

    def next_slice() -> Timing:
        nonlocal reached
        after, reached = reached, reached + size
        return timed(lambda: work(after, reached), count=size)

    return next_slice


def _runner() -> Callable[[], Timing]:
    reached = 0

    def next_slice() -> Timing:
        nonlocal reached
        after, reached = reached, reached + RUNNER
        last = rowwise.record(after, reached)
        return timed(lambda: rowwise.run_until(last), count=RUNNER)

    return next_slice


def _same(ours: str, theirs: str, names: str) -> bool:
    """Whether these columns are equal in the tables of two schemas, row by row."""
    mine, others = (", ".join(f"{side}.{name}" for name in names.split(", ")) for side in ("mine", "others"))
    with scratch.connect() as own:
        counts = own.execute(
            f"SELECT count(*), count(*) FILTER (WHERE ({mine}) IS DISTINCT FROM ({others}))"
            f" FROM {ours}.projections_stafforder mine"
            f" FULL JOIN {theirs}.projections_stafforder others USING (order_id)"
        ).fetchone()
    rows, different = counts or (0, 0)
    return bool(rows) and not different


def _alike(schema: str, events: int) -> bool:
    """Whether a peer's rows of the first `events` events equal the rows that the SQL makes of them."""
    checked = f"checked_{schema}"
    setwise.create(checked)
    setwise.catch_up(checked, 0, events, batch=SQL_BATCH)
    return _same(schema, checked, rowwise.MADE)
