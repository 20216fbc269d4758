"""`python -m benchmarks.queueing`: accepting a command to be done later, against doing it."""

from uuid import UUID

from benchmarks.scratch import database, seconds

COMMANDS = 300
OWNER = UUID(int=1)


def main() -> None:
    with database():
        from eventstore.dispatch import Context, dispatch  # noqa: PLC0415 - only now there are settings
        from eventstore.ids import new_id  # noqa: PLC0415
        from eventstore.queue import accept, run  # noqa: PLC0415
        from tests.eventstore.tally import Count  # noqa: PLC0415

        def context() -> Context:
            return Context(actor="customer:1")

        def done() -> None:
            for _ in range(COMMANDS):
                dispatch(Count(tally_id=new_id(), by=1), context())

        def taken() -> None:
            for _ in range(COMMANDS):
                accept(Count(tally_id=new_id(), by=1), context(), owner=OWNER)

        at_once, accepted = seconds(done, times=5), seconds(taken, times=5)
        run()
        taken()
        later = seconds(run, times=1)
        print(f"accepting a command / doing it: {accepted / at_once:.2f}")
        print(f"doing one from the queue / doing it at once: {later / at_once:.2f}")


if __name__ == "__main__":
    main()
