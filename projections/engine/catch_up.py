"""Keep read models in step with the log: each event takes effect exactly once, whatever is killed or sent twice.

A shard's rows and its checkpoint change in one transaction, under a lock on the checkpoint. The worker reads the log
itself, from the checkpoint to the horizon: messages only say that it is time to look.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from eventstore import store
from eventstore.sharding import Shard
from eventstore.store import Recorded
from projections.engine.checkpoints import LIVE, Checkpoint, checkpoint_name
from projections.engine.folding import Fold
from projections.engine.projection import Projection
from projections.engine.read_ahead import NOT_AHEAD, Ahead, reading_ahead
from projections.reading import notify
from projections.rebuild.retained_tables import erase_in_kept
from projections.rebuild.schemas import inside

log = logging.getLogger(__name__)

BATCH = 10_000  # events folded in memory at most before they are written: fewer, larger batches write fewer rows
HELD_SECONDS = 0.01  # until whoever waits looks again at a shard that is held still
RATE_WINDOW = timedelta(seconds=10)  # over which events a second are counted
NAMED_CORRELATIONS = 10  # of a batch, in the line that the log has of it


class OutdatedCode(RuntimeError):
    """This code is older than the code that kept the read model so far: it would write other rows, or skip events.

    Restart the worker with the newer release. Where a handler or a version was taken back on purpose, rebuild.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a catch-up came.

    `settled` is false when writers still hold back a part of the log, `busy` true when somebody else is at work or
    holds it still. `everywhere` tells that an event of this shard's came that the other shards take too.
    """

    position: int = 0
    events: int = 0
    level: bool = True
    settled: bool = True
    busy: bool = False
    everywhere: bool = False

    def then(self, later: "Progress") -> "Progress":
        return Progress(
            position=later.position,
            events=self.events + later.events,
            level=later.level,
            settled=later.settled,
            busy=later.busy,
            everywhere=self.everywhere or later.everywhere,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """How to catch up: in which space, through which position, how many events at once, and what else.

    `wait` is for whoever is at work there; `strict` stops at an event that cannot be taken; `until` (of
    `time.monotonic`) ends it between two batches; of the events only those that `includes` lets through are taken.
    """

    space: str = LIVE
    through: int | None = None
    limit: int = BATCH
    wait: bool = True
    strict: bool = False
    until: float | None = None
    includes: Callable[[Recorded[Any]], bool] | None = None


def catch_up(projection: Projection, work: Work | None = None, **how: Any) -> Progress:
    """Bring every shard to the end of what is settled, or to the position `through`. `how` is what Work takes.

    Raises OutdatedCode, SpaceGone, HandlerFailed.
    """
    work = work or Work(**how)
    while True:
        parts = [catch_up_shard(projection, shard, work) for shard in shards(projection, work.space)]
        if not (work.wait and any(part.busy for part in parts)):
            break  # else it was divided anew meanwhile
    return Progress(
        position=min(part.position for part in parts),
        events=sum(part.events for part in parts),
        level=all(part.level for part in parts),
        settled=all(part.settled for part in parts),
        busy=any(part.busy for part in parts),
        everywhere=any(part.everywhere for part in parts),
    )


def catch_up_shard(projection: Projection, number: int, work: Work) -> Progress:
    """As `catch_up`, one shard. It is `busy` although we wait where there is no such shard any more."""
    so_far = Progress()
    with reading_ahead() as ahead:
        while True:
            so_far = so_far.then(advance(projection, number, work, ahead))
            is_over = work.until is not None and time.monotonic() > work.until
            if so_far.level or is_over or (so_far.busy and not work.wait):
                return so_far
            if so_far.busy:
                if not Checkpoint.objects.filter(name=checkpoint_name(projection.name, number, work.space)).exists():
                    return so_far
                time.sleep(HELD_SECONDS)


def shards(projection: Projection, space: str = LIVE) -> Sequence[int]:
    """The numbers of the shards the projection is divided into now; where it never ran, as many as it declares."""
    found = Checkpoint.objects.filter(projection=projection.name, space=space)
    numbers = sorted(found.values_list("shard", flat=True))
    if numbers:
        return numbers
    begin(projection, projection.shards, space=space)
    return range(projection.shards)


def hold(projection: Projection) -> list[Checkpoint]:
    """The live checkpoints, locked until the transaction ends, in one order for all who lock several."""
    marks = Checkpoint.objects.select_for_update().filter(projection=projection.name, space=LIVE)
    return list(marks.order_by("shard"))


def begin(projection: Projection, of: int, *, space: str = LIVE) -> None:
    """Checkpoints at the very beginning, unless there are some."""
    with transaction.atomic(), connection.cursor() as cursor:
        # Two releases that begin at once may declare different numbers of shards: the first one's stands.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [checkpoint_name(projection.name, 0, space)])
        if not Checkpoint.objects.filter(projection=projection.name, space=space).exists():
            write_checkpoints(projection, of, space=space)


def write_checkpoints(projection: Projection, of: int, *, space: str = LIVE, **more: Any) -> None:
    fresh: dict[str, Any] = {"event_types": projection.event_types, "code_version": projection.version}
    Checkpoint.objects.bulk_create(
        Checkpoint(
            name=checkpoint_name(projection.name, number, space),
            projection=projection.name,
            space=space,
            shard=number,
            of=of,
            **(fresh | more),
        )
        for number in range(of)
    )


def advance(projection: Projection, number: int, work: Work, ahead: Ahead = NOT_AHEAD) -> Progress:
    """Fold and commit one batch of one shard; where somebody else is at it, wait or give way. Raises as `catch_up`."""
    with inside(work.space):
        name = checkpoint_name(projection.name, number, work.space)
        mark = Checkpoint.objects.select_for_update(skip_locked=not work.wait).filter(name=name).first()
        if mark is None or (mark.held_until and mark.held_until > timezone.now()):
            return Progress(busy=True, level=False)
        before = (mark.position, mark.last_error, mark.rebuild_wanted, mark.level_at)
        fence(projection, mark)
        shard = projection.shard(number, mark.of)
        wanted = {"event_types": projection.event_types, "shard": shard, "through": work.through, "limit": work.limit}
        page, is_fresh = ahead.page(position=mark.position, **wanted)
        facts = page.events if work.includes is None else [fact for fact in page.events if work.includes(fact)]
        if facts:
            Fold(projection=projection, space=work.space, shard=shard, strict=work.strict).take(facts)
            if work.space == LIVE:
                erase_in_kept(projection, shard, facts)
                notify.announce(projection, {fact.aggregate_id: fact.version for fact in facts})
                note(projection, shard, facts)
        level = is_fresh and len(page.events) < work.limit
        mark.position, mark.last_error = page.through, ""
        mark.level_at = mark.level_at or (timezone.now() if level else None)
        if before != (mark.position, mark.last_error, mark.rebuild_wanted, mark.level_at):
            count(mark, len(facts))
            mark.save()
    return Progress(
        position=page.through,
        events=len(facts),
        level=level,
        settled=page.settled,
        everywhere=any(_is_everywhere(projection, fact) and shard.holds(fact.aggregate_id) for fact in facts),
    )


def fence(projection: Projection, mark: Checkpoint) -> None:
    """Raises OutdatedCode for older code; of newer code, notes what it would have made otherwise or not passed over."""
    known, handled = set(mark.event_types), set(projection.event_types)
    if mark.code_version > projection.version:
        raise OutdatedCode(
            f"{mark} is kept by version {mark.code_version} of its code, and this is {projection.version}: restart with"
            f" the newer release; where it was taken back on purpose, rebuild_projections {projection.name}"
        )
    if known - handled:
        names = ", ".join(sorted(known - handled))
        raise OutdatedCode(
            f"{mark} was kept by code that handles {names} too: restart with the newer release; where a handler"
            f" was removed on purpose, rebuild_projections {projection.name}"
        )
    added = sorted(handled - known)
    if mark.code_version < projection.version and mark.position:
        mark.rebuild_wanted = f"made by version {mark.code_version} of its code; this is {projection.version}"
    elif added and store.has_before(mark.position, added):
        mark.rebuild_wanted = f"not shown: {', '.join(added)} up to {mark.position}"
    mark.code_version, mark.event_types = projection.version, sorted(handled)


def _is_everywhere(projection: Projection, fact: Recorded[Any]) -> bool:
    return getattr(projection.handlers.get(type(fact.event)), "in_every_shard", False)


def note(projection: Projection, shard: Shard, facts: Sequence[Recorded[Any]]) -> None:
    """Whoever reads the worker's log learns of a batch once it is committed."""
    correlations = dict.fromkeys(fact.metadata.correlation_id for fact in facts[: 10 * NAMED_CORRELATIONS])
    told = {
        "projection": projection.name,
        "shard": f"{shard.number}/{shard.of}",
        "events": len(facts),
        "position": facts[-1].position,
        "correlation_ids": [str(each) for each in islice(correlations, NAMED_CORRELATIONS)],
    }
    transaction.on_commit(lambda: log.info("projected", extra=told))


def count(mark: Checkpoint, events: int) -> None:
    """Events taken, and how many a second of late."""
    now = timezone.now()
    mark.events += events
    if mark.rate_since is None:
        mark.rate_since, mark.rate_events = now, mark.events - events
    elif now - mark.rate_since > RATE_WINDOW:
        mark.rate = (mark.events - mark.rate_events) / (now - mark.rate_since).total_seconds()
        mark.rate_since, mark.rate_events = now, mark.events
