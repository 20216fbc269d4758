"""Append to the log with eight writers at once: one event per transaction, and ten."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from django.db import connection

from benchmarks import samples, scratch
from benchmarks.harness import Bar, Options, Report, Timing, at_least, interleave, speed
from benchmarks.peers import es, orm, pgbench, raw
from benchmarks.watching import watched
from benchmarks.writers import WARM_UP, WRITERS, side_by_side
from eventstore import store
from eventstore.ids import new_id

ROUNDS = 4


def append1(options: Options) -> Report:
    """Measure one event per transaction."""
    bars = {"raw": at_least(0.85), "eventsourcing": at_least(4), "bulk_create": at_least(2.5)}
    return _appending("append1", 1, bars)


def append10(options: Options) -> Report:
    """Measure ten events per transaction."""
    return _appending("append10", 10, {"raw": at_least(0.75), "eventsourcing": at_least(4)})


def _appending(name: str, events: int, bars: dict[str, Bar]) -> Report:
    for peer in (raw, orm, es):
        peer.create()

    def running(open_writer: Callable[[int], AbstractContextManager[Callable[[], object]]]) -> Callable[[], Timing]:
        return lambda: side_by_side(lambda: open_writer(events), items=events)

    timings = interleave(
        {
            "ours": running(ours),
            "raw": running(raw.appending),
            "pgbench": lambda: pgbench.appending(events, writers=WRITERS),
            "bulk_create": running(orm.appending),
            "eventsourcing": running(es.appending),
        },
        rounds=ROUNDS,
    )
    checks = {
        f"{side}: every acknowledged event is stored": scratch.scalar(f"SELECT count(*) FROM {table}")
        == _acknowledged(timings, events, *sides)
        for side, table, *sides in (
            ("ours", "events", "ours"),
            ("raw and pgbench", raw.TABLE, "raw", "pgbench"),
            ("bulk_create", orm.TABLE, "bulk_create"),
            ("eventsourcing", es.TABLE, "eventsourcing"),
        )
    }
    feed = watched(lambda: side_by_side(lambda: ours(events), items=events))
    return Report(
        bench=name,
        what=f"Appending {events} event{'s' * (events > 1)} per transaction, {WRITERS} writers, durable commits.",
        unit="events/s",
        sides=timings,
        ratios={
            side: speed(timings["ours"], rounds, bars.get(side)) for side, rounds in timings.items() if side != "ours"
        },
        checks=checks | {NO_HOLES: scratch.scalar(HOLES) == 0} | feed.checks,
        figures={"bytes of JSON an event": len(samples.encoded()[0])},
        notes=["raw: the same columns, keys and indexes; data is encoded beforehand; without the guarantees of a log."],
    )


@contextmanager
def ours(events: int) -> Iterator[Callable[[], object]]:
    """Append `events` events of a new aggregate by `store.append`. They are always equal, as in the raw INSERT."""
    same_events = [samples.event(new_id())] * events
    metadata = samples.metadata()
    yield lambda: store.append([samples.written(new_id(), same_events, metadata)])
    connection.close()


NO_HOLES = "ours: the versions of each aggregate are 1, 2, 3 …"
HOLES = "SELECT count(*) FROM (SELECT FROM events GROUP BY aggregate_id HAVING max(version) <> count(*)) AS holes"


def _acknowledged(timings: dict[str, list[Timing]], events: int, *sides: str) -> int:
    """Return the number of events that these sides stored, with the warm-up calls. pgbench has no warm-up."""
    warm_up = sum(ROUNDS * WRITERS * WARM_UP * events for side in sides if side != "pgbench")
    return warm_up + sum(timing.count for side in sides for timing in timings[side])
