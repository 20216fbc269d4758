"""`python -m benchmarks.sealing`: what seals cost, off the path of whoever appends, and how fast a log is verified."""

import time

from benchmarks.scratch import database, seconds

EVENTS, BATCH = 100_000, 2000


def main() -> None:
    with database():
        from django.db import connection  # noqa: PLC0415 - only now there are settings

        from eventstore import store  # noqa: PLC0415
        from eventstore.seals import seal_settled  # noqa: PLC0415
        from eventstore.verification import verify  # noqa: PLC0415
        from tests.eventstore.tally import written  # noqa: PLC0415

        for _ in range(EVENTS // BATCH):
            store.append([written(1) for _ in range(BATCH)])
        single = seconds(lambda: [store.append([written(1)]) for _ in range(500)]) / 500
        start = time.perf_counter()
        seal_settled()
        sealing = (time.perf_counter() - start) / EVENTS
        print(f"sealing an event / appending one by itself: {sealing / single:.4f}")
        one, two = (seconds(lambda workers=workers: verify(workers=workers), times=3) for workers in (1, 2))  # type: ignore[misc]
        print(f"verifying an event / appending one by itself: {one / EVENTS / single:.4f}")
        print(f"verifying with 2 workers / with 1: {two / one:.2f}")
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_total_relation_size('seals')::float / pg_total_relation_size('events')")
            print(f"room of the seals / room of the log: {cursor.fetchone()[0]:.3f}")


if __name__ == "__main__":
    main()
