"""`python -m benchmarks.loading`: what a long history costs to load, with and without its snapshot."""

from uuid import UUID

from benchmarks.scratch import database, seconds

SHORT, LONG = 10, 10_000
LIMIT = 3.0  # a long history with its snapshot may cost so many times a short one


def main() -> None:
    with database():
        from eventstore import store  # noqa: PLC0415 - only now there are settings
        from eventstore.codec import Metadata  # noqa: PLC0415
        from eventstore.ids import new_id  # noqa: PLC0415
        from eventstore.snapshots import shape_of, state_of, take  # noqa: PLC0415
        from tests.eventstore.tally import TALLY, Counted  # noqa: PLC0415

        def tally(events: int) -> UUID:
            tally_id = new_id()
            metadata = Metadata(actor="service:benchmark", command_id=new_id(), correlation_id=new_id())
            write = store.Write(
                aggregate_type="test.tally",
                aggregate_id=tally_id,
                expected_version=0,
                events=[Counted(by=1)] * events,
                metadata=metadata,
            )
            store.append([write])
            return tally_id

        def load(tally_id: UUID) -> None:
            for _ in range(20):
                state_of(TALLY, store.history(tally_id, shape=shape_of(TALLY)))

        short, long = tally(SHORT), tally(LONG)
        base = seconds(lambda: load(short))
        bare = seconds(lambda: load(long), times=3)
        take("test.tally", str(long))
        ratio = seconds(lambda: load(long)) / base
        print(f"loading {LONG:,} events / loading {SHORT}: without a snapshot {bare / base:.0f}")
        print(f"loading {LONG:,} events / loading {SHORT}: with a snapshot {ratio:.2f} (limit {LIMIT})")


if __name__ == "__main__":
    main()
