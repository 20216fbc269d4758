"""`python -m benchmarks.partitions`: the log in hash partitions against one plain table."""

from benchmarks.scratch import database, seconds

EVENTS, BATCH, PARTITIONS = 400_000, 4000, 16


def main() -> None:
    with database():
        from django.db import connection  # noqa: PLC0415 - only now there are settings

        from eventstore import store  # noqa: PLC0415
        from eventstore.partitioning import convert  # noqa: PLC0415
        from tests.eventstore.tally import written  # noqa: PLC0415

        known = []
        for _ in range(EVENTS // BATCH):
            writes = [written(5) for _ in range(BATCH // 5)]
            store.append(writes)
            known.append(writes[0].aggregate_id)

        def measured() -> dict[str, float]:
            with connection.cursor() as cursor:
                cursor.execute("VACUUM ANALYZE events")
                cursor.execute(
                    "SELECT sum(pg_indexes_size(relid)) FROM pg_partition_tree('events') WHERE isleaf"
                    " UNION ALL SELECT pg_indexes_size('events')"
                )
                indexes = max(row[0] or 0 for row in cursor.fetchall())
            return {
                "appending one event": seconds(lambda: [store.append([written(1)]) for _ in range(400)]),
                "appending 4,000 at once": seconds(lambda: store.append([written(1) for _ in range(BATCH)])),
                "reading one aggregate": seconds(lambda: [store.read_stream(each) for each in known]),
                "a page of the feed": seconds(lambda: store.read_after(EVENTS // 2, limit=1000)),
                "room of the indexes": float(indexes),
            }

        plain = measured()
        done = convert(PARTITIONS)
        parted = measured()
        print(f"{EVENTS:,} events, {PARTITIONS} partitions / one plain table:")
        for what, figure in plain.items():
            print(f"  {what}: {parted[what] / figure:.2f}")
        single = plain["appending one event"] / 400
        print(f"  locking the log to convert it / appending one event: {done.locked / single:.0f}")


if __name__ == "__main__":
    main()
