"""The log in hash partitions, compared with one plain table: the same database is measured before and after."""

from collections.abc import Callable

from django.db import connection

from benchmarks import samples
from benchmarks.harness import Options, Report, Timing, cost, one_by_one, timed
from eventstore import store
from eventstore.storage.partitioning import convert

EVENTS, BATCH, PARTITIONS, ROUNDS = 100_000, 4000, 16, 5


def run(options: Options) -> Report:
    """Run the benchmark."""
    sample = []
    for _ in range(EVENTS // BATCH):
        writes = [samples.write(5) for _ in range(BATCH // 5)]
        store.append(writes)
        sample.append(writes[0].aggregate_id)
    works: dict[str, Callable[[], Timing]] = {
        "appending one event": lambda: one_by_one(lambda: store.append([samples.write(1)]), times=400),
        "appending 4,000 at once": lambda: timed(
            lambda: store.append([samples.write(1) for _ in range(BATCH)]), count=BATCH
        ),
        "reading one aggregate": lambda: timed(lambda: [store.read_stream(each) for each in sample], count=len(sample)),
        "a page of the feed": lambda: timed(lambda: store.read_after(EVENTS // 2, limit=1000), count=1000),
    }

    def measured() -> dict[str, list[Timing]]:
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE events")
        return {name: [work() for _ in range(ROUNDS)] for name, work in works.items()}

    plain = measured()
    done = convert(PARTITIONS)
    parted = measured()
    one = store.read_stream(sample[0])
    return Report(
        bench="partitions",
        what=f"The log in {PARTITIONS} hash partitions against one plain table.",
        unit="items/s",
        sides={f"{name}, plain": timings for name, timings in plain.items()}
        | {f"{name}, in partitions": timings for name, timings in parted.items()},
        ratios={name: cost(parted[name], plain[name]) for name in works},
        checks={"an aggregate reads as before": [fact.version for fact in one] == [1, 2, 3, 4, 5]},
        figures={"seconds for which the log was locked to convert it": round(done.locked, 3)},
        notes=["The ratios are of times: in partitions / plain."],
    )
