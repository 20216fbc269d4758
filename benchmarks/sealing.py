"""The cost of seals, which are made after the appends, and the speed of verifying a log."""

from benchmarks import samples, scratch
from benchmarks.harness import Options, Report, Timing, cost, interleave, one_by_one, speed, timed
from eventstore import store
from eventstore.seals.chain import seal_settled
from eventstore.seals.verification import verify

BATCH, BATCHES, ROUNDS = 2000, 10, 3


def run(options: Options) -> Report:
    """Run the benchmark."""

    def append() -> None:
        for _ in range(BATCHES):
            store.append([samples.write(1) for _ in range(BATCH)])

    def sealing() -> Timing:
        append()
        return timed(seal_settled, count=BATCH * BATCHES)

    def verifying(workers: int) -> Timing:
        return timed(lambda: verify(workers=workers), count=store.latest_position())

    timings = interleave(
        {
            "ours": sealing,
            "appending one": lambda: one_by_one(lambda: store.append([samples.write(1)]), times=500),
            "verifying": lambda: verifying(1),
            "verifying with 2 workers": lambda: verifying(2),
        },
        rounds=ROUNDS,
    )
    seal_settled()
    result = verify()
    room = scratch.scalar("SELECT pg_total_relation_size('seals') / pg_total_relation_size('events')::float")
    return Report(
        bench="sealing",
        what="Sealing settled events, and verifying them.",
        unit="events/s",
        sides=timings,
        ratios={
            "appending one": cost(timings["ours"], timings["appending one"]),
            "verifying with 2 workers": speed(timings["verifying with 2 workers"], timings["verifying"]),
        },
        checks={
            "every event is sealed and unchanged": not (result.findings or result.unsealed),
            "every event was verified": result.events == store.latest_position(),
        },
        figures={"room of the seals in that of the log": round(room, 3)},
        notes=[
            "appending one: the cost of sealing an event, in appends; with 2 workers: how much faster than with one."
        ],
    )
