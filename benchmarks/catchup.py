"""Catching up: the staff view, the richest, brought along a shop's log in one process, beside the same work done by
PostgreSQL alone, by Django's `bulk_create` and by the library `eventsourcing`."""

from collections.abc import Callable
from typing import LiteralString

from benchmarks import scratch, shop
from benchmarks.harness import Options, Report, Timing, at_least, interleave, speed, timed
from benchmarks.peers import rowwise, setwise
from projections.engine.catch_up import BATCH, catch_up
from projections.engine.projection import projection_named

ROUNDS = 5
OURS, ORM, RUNNER = 25_000, 5_000, 1_500  # events of one round: about a second or two of each
SQL = "setwise"  # the schema of its table
SQL_BATCH, ORM_BATCH = 10_000, 2_500


def run(options: Options) -> Report:
    events = ROUNDS * OURS
    shop.fill(events, in_the_clear=True)
    for schema in (SQL, rowwise.ORM, rowwise.RUNNER):
        setwise.create(schema)
    staff = projection_named("staff")
    taken = interleave(
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
    ours = taken["ours"]
    return Report(
        bench="catchup",
        what=f"The staff view brought along {events:,} events of a shop's log, {BATCH:,} in a transaction.",
        unit="events/s",
        sides=taken,
        ratios={
            "set-based SQL": speed(ours, taken["set-based SQL"], at_least(0.5)),
            "eventsourcing": speed(ours, taken["eventsourcing"], at_least(25)),
            "bulk_create": speed(ours, taken["bulk_create"], at_least(3)),
        },
        checks={
            "every event taken once": scratch.scalar(_TAKEN) == events == scratch.scalar(_VERSIONS),
            "the SQL's rows are ours, every column that it makes": _same("public", SQL, setwise.MADE),
            "the rows of bulk_create are the SQL's of the same events": _alike(rowwise.ORM, ROUNDS * ORM),
            "those of eventsourcing too": _alike(rowwise.RUNNER, ROUNDS * RUNNER),
        },
        notes=[
            f"All fill the same table with its indexes. The SQL takes {SQL_BATCH:,} events in a statement, leaves out",
            "the order's state and the times of its parts, and knows the lives of this log only.",
            "The other two take from each event what it says by itself. All three read their events unencrypted.",
        ],
    )


_TAKEN: LiteralString = "SELECT sum(events) FROM projections_checkpoint WHERE projection = 'staff'"
_VERSIONS: LiteralString = "SELECT sum(version) FROM projections_stafforder"


def _slices(size: int, work: Callable[[int, int], object]) -> Callable[[], Timing]:
    """Each round the next so many events."""
    reached = 0

    def go_on() -> Timing:
        nonlocal reached
        after, reached = reached, reached + size
        return timed(lambda: work(after, reached), count=size)

    return go_on


def _runner() -> Callable[[], Timing]:
    reached = 0

    def go_on() -> Timing:
        nonlocal reached
        after, reached = reached, reached + RUNNER
        last = rowwise.record(after, reached)
        return timed(lambda: rowwise.run_until(last), count=RUNNER)

    return go_on


def _same(ours: str, theirs: str, names: str) -> bool:
    """Whether these columns are the same in the tables of two schemas, row by row."""
    mine, others = (", ".join(f"{side}.{name}" for name in names.split(", ")) for side in ("mine", "others"))
    with scratch.connect() as own:
        found = own.execute(
            f"SELECT count(*), count(*) FILTER (WHERE ({mine}) IS DISTINCT FROM ({others}))"
            f" FROM {ours}.projections_stafforder mine"
            f" FULL JOIN {theirs}.projections_stafforder others USING (order_id)"
        ).fetchone()
    rows, different = found or (0, 0)
    return bool(rows) and not different


def _alike(schema: str, events: int) -> bool:
    """Whether the rows that a peer made of the log's first so many events are those that the SQL makes of them."""
    checked = f"checked_{schema}"
    setwise.create(checked)
    setwise.catch_up(checked, 0, events, batch=SQL_BATCH)
    return _same(schema, checked, rowwise.MADE)
