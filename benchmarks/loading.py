"""`python -m benchmarks.loading`: what a long history costs to load, with and without its snapshot."""

from uuid import UUID

from benchmarks.scratch import database, seconds

SHORT, LONG = 10, 10_000
LIMIT = 3.0  # a long history with its snapshot may cost so many times a short one


def main() -> None:
    with database():
        from eventstore import store  # noqa: PLC0415 - only now there are settings
        from eventstore.snapshots import shape_of, state_of, take  # noqa: PLC0415
        from tests.eventstore.tally import TALLY, written  # noqa: PLC0415

        def begun(events: int) -> UUID:
            write = written(events)
            store.append([write])
            return write.aggregate_id

        def load(tally_id: UUID) -> None:
            for _ in range(20):
                state_of(TALLY, store.history(tally_id, shape=shape_of(TALLY)))

        short, long = begun(SHORT), begun(LONG)
        base = seconds(lambda: load(short))
        bare = seconds(lambda: load(long), times=3)
        take("test.tally", str(long))
        ratio = seconds(lambda: load(long)) / base
        print(f"loading {LONG:,} events / loading {SHORT}: without a snapshot {bare / base:.0f}")
        print(f"loading {LONG:,} events / loading {SHORT}: with a snapshot {ratio:.2f} (limit {LIMIT})")


if __name__ == "__main__":
    main()
