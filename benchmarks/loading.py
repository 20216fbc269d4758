"""Load an aggregate with a long history from its snapshot."""

from uuid import UUID

from benchmarks import samples
from benchmarks.harness import Options, Report, Timing, at_most, cost, interleave, one_by_one
from eventstore.dispatch import current_state
from eventstore.snapshots import take
from orders.order import ORDER

SHORT, LONG, LOADS, ROUNDS = 10, 10_000, 300, 7


def run(options: Options) -> Report:
    """Run the benchmark."""
    short, long, bare = (samples.long_history(events) for events in (SHORT, LONG, LONG))
    take(ORDER.aggregate_type, str(long))

    def loading(order_id: UUID, times: int = LOADS) -> Timing:
        return one_by_one(lambda: current_state(ORDER, order_id), times=times)

    loading(short)
    timings = interleave(
        {
            "ours": lambda: loading(long),
            "10_events": lambda: loading(short),
            "without_snapshot": lambda: loading(bare, times=3),
        },
        rounds=ROUNDS,
    )
    return Report(
        bench="load",
        what=f"Loading an order of {LONG:,} events from its snapshot and the events after it.",
        unit="loads/s",
        sides=timings,
        ratios={
            "10_events": cost(timings["ours"], timings["10_events"], at_most(1.3)),
            "without_snapshot": cost(timings["ours"], timings["without_snapshot"]),
        },
        checks={
            "the state is the same with the snapshot and without": current_state(ORDER, long)
            == current_state(ORDER, bare)
        },
        notes=["The ratios are of times per load."],
    )
