"""How the read models are doing: for the admin, for `manage.py projections`, for metrics."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count
from django.utils import timezone

from eventstore import store
from projections.engine import catch_up
from projections.engine.checkpoints import LIVE, Checkpoint, ParkedEvent
from projections.engine.projection import PROJECTIONS

IDLE = timedelta(seconds=60)  # after which the rate of a projection that takes nothing is no longer told
COUNT_TO = 10_000  # events behind, beyond which nobody counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """One shard of a projection. `behind` counts events it has to take, as far as COUNT_TO; `late` is how long the
    first of them has been waiting, in seconds; `rate` is events a second, lately.
    """

    projection: str
    shard: int
    of: int
    state: str
    position: int
    behind: int
    late: float
    rate: float
    events: int
    failures: int
    parked: int
    problem: str

    @property
    def behind_in_words(self) -> str:
        return f"{COUNT_TO:,} or more" if self.behind >= COUNT_TO else f"{self.behind:,}"


def statuses() -> list[Status]:
    """Of every shard of every projection that the code declares."""
    for projection in PROJECTIONS.values():
        catch_up.shard_numbers(projection)
    marks = Checkpoint.objects.filter(space=LIVE, projection__in=PROJECTIONS).order_by("projection", "shard")
    return list(statuses_of(list(marks)))


def statuses_of(marks: list[Checkpoint]) -> Iterator[Status]:
    """In the order of `marks`, which are of projections that the code declares."""
    counted = ParkedEvent.objects.filter(space=LIVE).values_list("projection", "shard").annotate(Count("pk")).order_by()
    parked = {(name, shard): count for name, shard, count in counted}
    for mark in marks:
        projection = PROJECTIONS[mark.projection]
        behind, since = store.unread(
            mark.position,
            event_types=projection.event_types,
            shard=projection.shard(mark.shard, mark.of),
            count_to=COUNT_TO,
        )
        now = timezone.now()
        yield Status(
            projection=mark.projection,
            shard=mark.shard,
            of=mark.of,
            state=_state(mark, behind, parked.get((mark.projection, mark.shard), 0)),
            position=mark.position,
            behind=behind,
            late=max((now - since).total_seconds(), 0.0) if since else 0.0,
            rate=mark.rate if now - mark.updated_at < IDLE else 0.0,
            events=mark.events,
            failures=mark.failures,
            parked=parked.get((mark.projection, mark.shard), 0),
            problem=mark.last_error or mark.rebuild_wanted,
        )


def _state(mark: Checkpoint, behind: int, parked: int) -> str:
    if mark.last_error:
        return "failing"
    if mark.level_at is None and behind:
        return "building"
    if mark.rebuild_wanted:
        return "rebuild wanted"
    if parked:
        return "parked"
    return "behind" if behind else "level"
