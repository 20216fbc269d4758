"""How many events of each type the log holds, by range of positions. A settled range's count never changes.

The counts are stored, so that comparing a read model with the whole log costs little. Each look counts the newest
ranges again, and a few of the others in turn. A range that has changed is a finding: an event was committed below the
horizon, so that readers may have passed it by, or events were removed.
"""

from django.db import connection, transaction
from django.utils import timezone

from eventstore import store
from eventstore.models import LogRange

SIZE = 10_000  # positions in a range: those after number * SIZE, up to and including (number + 1) * SIZE
NEW_RANGES = 200  # counted in one look; a log that was never counted takes several looks
NEWEST, IN_TURN = 10, 10  # ranges counted again in each look: the newest, and those counted longest ago


def number_of(position: int) -> int:
    """Return the number of the range that holds this position."""
    return (position - 1) // SIZE


def start_of(position: int) -> int:
    """Return the position after which the range that holds this position begins."""
    return number_of(max(position, 1)) * SIZE


def look() -> None:
    """Count the ranges that were settled since the last look, and some of the others again."""
    settled = store.horizon() // SIZE  # a range with a lower number is settled
    with transaction.atomic():
        stored = LogRange.objects.select_for_update()
        again = (*stored.order_by("-number")[:NEWEST], *stored.order_by("counted_at")[:IN_TURN])
        known = {each.number: each for each in again}
        for each in known.values():
            _count_again(each)
        first = max(known) + 1 if known else number_of(_first_position())
        LogRange.objects.bulk_create(
            (
                LogRange(number=number, counts=_count(number), counted_at=timezone.now())
                for number in range(first, min(settled, first + NEW_RANGES))
            ),
            ignore_conflicts=True,  # another worker may look at the same time
        )


def accept_changes() -> int:
    """Forget that ranges have changed, once the cause is known; return how many had."""
    return LogRange.objects.exclude(changed="").update(changed="")


def _first_position() -> int:
    """Return the position of the first event; 1 for an empty log."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(min(position), 1) FROM events")
        return int(cursor.fetchone()[0])


def _count_again(stored: LogRange) -> None:
    counts, now = _count(stored.number), timezone.now()
    if counts != stored.counts:
        before, after = sum(stored.counts.values()), sum(counts.values())
        times = f"{stored.counted_at:%Y-%m-%d %H:%M}", f"{now:%Y-%m-%d %H:%M}"
        stored.changed = f"{before:,} events at {times[0]} and {after:,} at {times[1]}"
    stored.counts, stored.counted_at = counts, now
    stored.save()


def _count(number: int) -> dict[str, int]:
    """Return the number of events of each type in a range."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT event_type, count(*) FROM events WHERE position > %s AND position <= %s GROUP BY event_type",
            [number * SIZE, (number + 1) * SIZE],
        )
        return dict(cursor.fetchall())
