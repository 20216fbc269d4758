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
from projections.engine.read_ahead import READ_ON_DEMAND, PageReader, reading_ahead
from projections.reading import notify
from projections.rebuild.retained_tables import erase_in_retained
from projections.rebuild.schemas import use_space

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
    holds it still. `reaches_all_shards` tells that an event of this shard's came that the other shards take too.
    """

    position: int = 0
    events: int = 0
    level: bool = True
    settled: bool = True
    busy: bool = False
    reaches_all_shards: bool = False

    def then(self, later: "Progress") -> "Progress":
        return Progress(
            position=later.position,
            events=self.events + later.events,
            level=later.level,
            settled=later.settled,
            busy=later.busy,
            reaches_all_shards=self.reaches_all_shards or later.reaches_all_shards,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CatchUpOptions:
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


def catch_up(projection: Projection, options: CatchUpOptions | None = None, **given: Any) -> Progress:
    """Bring every shard to the end of what is settled, or to the position `through`. `given` is what Work takes.

    Raises OutdatedCode, SpaceGone, HandlerFailed.
    """
    options = options or CatchUpOptions(**given)
    while True:
        parts = [catch_up_shard(projection, shard, options) for shard in shard_numbers(projection, options.space)]
        if not (options.wait and any(part.busy for part in parts)):
            break  # else it was divided anew meanwhile
    return Progress(
        position=min(part.position for part in parts),
        events=sum(part.events for part in parts),
        level=all(part.level for part in parts),
        settled=all(part.settled for part in parts),
        busy=any(part.busy for part in parts),
        reaches_all_shards=any(part.reaches_all_shards for part in parts),
    )


def catch_up_shard(projection: Projection, number: int, options: CatchUpOptions) -> Progress:
    """As `catch_up`, one shard. It is `busy` although we wait where there is no such shard any more."""
    so_far = Progress()
    with reading_ahead() as ahead:
        while True:
            so_far = so_far.then(advance(projection, number, options, ahead))
            is_over = options.until is not None and time.monotonic() > options.until
            if so_far.level or is_over or (so_far.busy and not options.wait):
                return so_far
            if so_far.busy:
                if not Checkpoint.objects.filter(name=checkpoint_name(projection.name, number, options.space)).exists():
                    return so_far
                time.sleep(HELD_SECONDS)


def shard_numbers(projection: Projection, space: str = LIVE) -> Sequence[int]:
    """The numbers of the shards the projection is divided into now; where it never ran, as many as it declares."""
    found = Checkpoint.objects.filter(projection=projection.name, space=space)
    numbers = sorted(found.values_list("shard", flat=True))
    if numbers:
        return numbers
    create_checkpoints(projection, projection.shards, space=space)
    return range(projection.shards)


def lock_checkpoints(projection: Projection) -> list[Checkpoint]:
    """The live checkpoints, locked until the transaction ends, in one order for all who lock several."""
    marks = Checkpoint.objects.select_for_update().filter(projection=projection.name, space=LIVE)
    return list(marks.order_by("shard"))


def create_checkpoints(projection: Projection, of: int, *, space: str = LIVE) -> None:
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


def advance(
    projection: Projection, number: int, options: CatchUpOptions, ahead: PageReader = READ_ON_DEMAND
) -> Progress:
    """Fold and commit one batch of one shard; where somebody else is at it, wait or give way. Raises as `catch_up`."""
    with use_space(options.space):
        name = checkpoint_name(projection.name, number, options.space)
        mark = Checkpoint.objects.select_for_update(skip_locked=not options.wait).filter(name=name).first()
        if mark is None or (mark.held_until and mark.held_until > timezone.now()):
            return Progress(busy=True, level=False)
        before = (mark.position, mark.last_error, mark.rebuild_wanted, mark.level_at)
        require_current_code(projection, mark)
        shard = projection.shard(number, mark.of)
        wanted = {
            "event_types": projection.event_types,
            "shard": shard,
            "through": options.through,
            "limit": options.limit,
        }
        page, is_fresh = ahead.page(position=mark.position, **wanted)
        facts = page.events if options.includes is None else [fact for fact in page.events if options.includes(fact)]
        if facts:
            Fold(projection=projection, space=options.space, shard=shard, strict=options.strict).take(facts)
            if options.space == LIVE:
                erase_in_retained(projection, shard, facts)
                notify.announce(projection, {fact.aggregate_id: fact.version for fact in facts})
                log_batch(projection, shard, facts)
        level = is_fresh and len(page.events) < options.limit
        mark.position, mark.last_error = page.through, ""
        mark.level_at = mark.level_at or (timezone.now() if level else None)
        if before != (mark.position, mark.last_error, mark.rebuild_wanted, mark.level_at):
            count_events(mark, len(facts))
            mark.save()
    return Progress(
        position=page.through,
        events=len(facts),
        level=level,
        settled=page.settled,
        reaches_all_shards=any(
            _is_in_every_shard(projection, fact) and shard.holds(fact.aggregate_id) for fact in facts
        ),
    )


def require_current_code(projection: Projection, mark: Checkpoint) -> None:
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


def _is_in_every_shard(projection: Projection, fact: Recorded[Any]) -> bool:
    return getattr(projection.handlers.get(type(fact.event)), "in_every_shard", False)


def log_batch(projection: Projection, shard: Shard, facts: Sequence[Recorded[Any]]) -> None:
    """Whoever reads the worker's log learns of a batch once it is committed."""
    correlations = dict.fromkeys(fact.metadata.correlation_id for fact in facts[: 10 * NAMED_CORRELATIONS])
    told = {
        "projection": projection.name,
        "shard": f"{shard.number}/{shard.shard_count}",
        "events": len(facts),
        "position": facts[-1].position,
        "correlation_ids": [str(each) for each in islice(correlations, NAMED_CORRELATIONS)],
    }
    transaction.on_commit(lambda: log.info("projected", extra=told))


def count_events(mark: Checkpoint, events: int) -> None:
    """Events taken, and how many a second of late."""
    now = timezone.now()
    mark.events += events
    if mark.rate_since is None:
        mark.rate_since, mark.rate_events = now, mark.events - events
    elif now - mark.rate_since > RATE_WINDOW:
        mark.rate = (mark.events - mark.rate_events) / (now - mark.rate_since).total_seconds()
        mark.rate_since, mark.rate_events = now, mark.events
