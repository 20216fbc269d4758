"""The state of each shard of the read models, for the admin, for `manage.py projections`, and for metrics."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count
from django.utils import timezone

from eventstore import store
from eventstore.models import ConsumerCheckpoint
from projections.engine import catch_up
from projections.engine.checkpoints import LIVE, Checkpoint, DriftFlag, ParkedEvent
from projections.engine.projection import PROJECTIONS

IDLE = timedelta(seconds=60)  # a shard without events for so long has the rate 0
COUNT_TO = 10_000  # events behind are not counted beyond this


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The state of one shard of a projection.

    `behind` counts the events that it has not read yet, up to COUNT_TO. `late` is how many seconds the first of them
    has been waiting. `rate` is events a second, measured lately. `state` is a label in metrics, too.
    `missing` counts the events that the log holds and the whole projection has passed by, or took twice.
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
    missing: int
    problem: str

    @property
    def behind_in_words(self) -> str:
        """The number of events behind, as operators read it."""
        return f"{COUNT_TO:,} or more" if self.behind >= COUNT_TO else f"{self.behind:,}"

    @property
    def state_in_words(self) -> str:
        """The state, as operators read it."""
        return "caught up" if self.state == "level" else self.state


def stopped() -> set[str]:
    """Return the names of the projections and other followers of the log whose last attempt failed."""
    failing = Checkpoint.objects.filter(space=LIVE, projection__in=PROJECTIONS).exclude(last_error="")
    stuck = ConsumerCheckpoint.objects.exclude(problem="")
    return {*failing.values_list("projection", flat=True), *stuck.values_list("name", flat=True)}


def statuses() -> list[Status]:
    """Return the state of every shard of every projection that the code declares."""
    for projection in PROJECTIONS.values():
        catch_up.shard_numbers(projection)
    checkpoints = Checkpoint.objects.filter(space=LIVE, projection__in=PROJECTIONS).order_by("projection", "shard")
    return list(statuses_of(list(checkpoints)))


def statuses_of(checkpoints: list[Checkpoint]) -> Iterator[Status]:
    """Yield the state of each of these live checkpoints, in their order. The code must declare their projections."""
    counted = ParkedEvent.objects.filter(space=LIVE).values_list("projection", "shard").annotate(Count("pk")).order_by()
    parked = {(name, shard): count for name, shard, count in counted}
    gaps: dict[str, list[DriftFlag]] = {}
    for flag in DriftFlag.objects.filter(missing__isnull=False):
        gaps.setdefault(flag.projection, []).append(flag)
    for checkpoint in checkpoints:
        own_gaps = gaps.get(checkpoint.projection, [])
        projection = PROJECTIONS[checkpoint.projection]
        behind, since = store.unread(
            checkpoint.position,
            event_types=projection.event_types,
            shard=projection.shard(checkpoint.shard, checkpoint.of),
            count_to=COUNT_TO,
        )
        now = timezone.now()
        yield Status(
            projection=checkpoint.projection,
            shard=checkpoint.shard,
            of=checkpoint.of,
            state=_state(checkpoint, behind, parked.get((checkpoint.projection, checkpoint.shard), 0), own_gaps),
            position=checkpoint.position,
            behind=behind,
            late=max((now - since).total_seconds(), 0.0) if since else 0.0,
            rate=checkpoint.rate if now - checkpoint.updated_at < IDLE else 0.0,
            events=checkpoint.events,
            failures=checkpoint.failures,
            parked=parked.get((checkpoint.projection, checkpoint.shard), 0),
            missing=sum(abs(gap.missing or 0) for gap in own_gaps),
            problem=checkpoint.last_error
            or "; ".join(f"{gap.where}: {gap.words}" for gap in own_gaps)
            or checkpoint.rebuild_wanted,
        )


def _state(checkpoint: Checkpoint, behind: int, parked: int, gaps: list[DriftFlag]) -> str:
    """Return the state as metrics name it."""
    if checkpoint.last_error:
        return "failing"
    if gaps:
        return "incomplete"
    if checkpoint.level_at is None and behind:
        return "building"
    if checkpoint.rebuild_wanted:
        return "rebuild wanted"
    if parked:
        return "parked"
    return "behind" if behind else "level"
