"""Accept a command to be done later, compared with doing it at once."""

from uuid import UUID

from benchmarks import samples, scratch
from benchmarks.harness import Options, Report, Timing, cost, interleave, one_by_one, timed
from eventstore.dispatch import dispatch
from eventstore.ids import new_id
from eventstore.queue.acceptance import accept
from eventstore.queue.worker import run as run_queue

COMMANDS, ROUNDS = 300, 5
OWNER = UUID(int=1)


def run(options: Options) -> Report:
    """Run the benchmark."""

    def accepting() -> Timing:
        return one_by_one(
            lambda: accept(samples.placing(new_id(), OWNER), samples.context(), owner=OWNER), times=COMMANDS
        )

    def later() -> Timing:
        run_queue()
        accepting()
        return timed(run_queue, count=COMMANDS)

    timings = interleave(
        {
            "ours": accepting,
            "doing": lambda: one_by_one(
                lambda: dispatch(samples.placing(new_id(), OWNER), samples.context()), times=COMMANDS
            ),
            "doing it from the queue": later,
        },
        rounds=ROUNDS,
    )
    run_queue()
    left = scratch.scalar("SELECT count(*) FROM command_queue WHERE status <> 'done'")
    return Report(
        bench="queueing",
        what="Accepting a command to be done later.",
        unit="commands/s",
        sides=timings,
        ratios={
            "doing": cost(timings["ours"], timings["doing"]),
            "from the queue / at once": cost(timings["doing it from the queue"], timings["doing"]),
        },
        checks={"every accepted command was done": left == 0},
        notes=["The ratios are of times."],
    )
