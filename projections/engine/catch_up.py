"""Keep read models up to date with the log.

Each event takes effect exactly once, even if a worker is killed or woken twice.

The rows of a shard and its checkpoint change in one transaction, under a lock on the checkpoint. The worker reads the
log itself, from the checkpoint to the horizon. Messages only tell it when to look.
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
from projections.engine import taken
from projections.engine.checkpoints import LIVE, Checkpoint, checkpoint_name
from projections.engine.folding import Fold
from projections.engine.projection import Projection
from projections.engine.read_ahead import READ_ON_DEMAND, PageReader, reading_ahead
from projections.reading import notify
from projections.rebuild.retained_tables import erase_in_retained
from projections.rebuild.schemas import use_space

log = logging.getLogger(__name__)

BATCH = 10_000  # most events folded in memory before they are written; a larger batch writes each row less often
HELD_SECONDS = 0.01  # between two looks at a shard that a comparison holds still
RATE_WINDOW = timedelta(seconds=10)  # the shortest time over which the rate is measured
NAMED_CORRELATIONS = 10  # correlation ids named in the log line of a batch


class OutdatedCode(RuntimeError):
    """This code is older than the code that last wrote the read model: it would write other rows, or skip events.

    Restart the worker with the newer release. If a handler or a version was removed on purpose, rebuild.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a catch-up came.

    `position` is the position reached, and `events` is how many events were folded. `caught_up` says that nothing
    settled was left to read. `settled` is false if open transactions hold back a part of the log. `busy` says that
    another worker has locked the checkpoint, or that a comparison holds it still. `reaches_all_shards` says that an
    aggregate of this shard had an event that the other shards take too, so they should be woken.
    """

    position: int = 0
    events: int = 0
    caught_up: bool = True
    settled: bool = True
    busy: bool = False
    reaches_all_shards: bool = False

    def then(self, later: "Progress") -> "Progress":
        """Return the progress of this catch-up and a later one of the same shard together."""
        return Progress(
            position=later.position,
            events=self.events + later.events,
            caught_up=later.caught_up,
            settled=later.settled,
            busy=later.busy,
            reaches_all_shards=self.reaches_all_shards or later.reaches_all_shards,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CatchUpOptions:
    """How to catch up.

    - `space`: the set of tables to write; the live tables by default.
    - `through`: the last position to read; by default everything that is settled.
    - `limit`: the most events in one batch.
    - `wait`: wait for a shard that another worker has locked, instead of returning `busy`.
    - `strict`: raise HandlerFailed for an event that cannot be taken, instead of parking it.
    - `until`: stop after the batch during which `time.monotonic()` passes this.
    - `includes`: fold only the events for which this returns true.
    """

    space: str = LIVE
    through: int | None = None
    limit: int = BATCH
    wait: bool = True
    strict: bool = False
    until: float | None = None
    includes: Callable[[Recorded[Any]], bool] | None = None


def catch_up(projection: Projection, options: CatchUpOptions | None = None, **fields: Any) -> Progress:
    """Catch up every shard. Instead of `options`, the fields of CatchUpOptions may be given.

    Raises OutdatedCode, SpaceGone, HandlerFailed.
    """
    options = options or CatchUpOptions(**fields)
    while True:
        parts = [catch_up_shard(projection, shard, options) for shard in shard_numbers(projection, options.space)]
        if not (options.wait and any(part.busy for part in parts)):
            break  # busy despite waiting: the projection was divided meanwhile
    return Progress(
        position=min(part.position for part in parts),
        events=sum(part.events for part in parts),
        caught_up=all(part.caught_up for part in parts),
        settled=all(part.settled for part in parts),
        busy=any(part.busy for part in parts),
        reaches_all_shards=any(part.reaches_all_shards for part in parts),
    )


def catch_up_shard(projection: Projection, number: int, options: CatchUpOptions) -> Progress:
    """Catch up one shard. Raises as `catch_up`.

    If the shard does not exist any more, the result is `busy` even with `wait`.
    """
    total = Progress()
    with reading_ahead() as pages:
        while True:
            total = total.then(advance(projection, number, options, pages))
            is_over = options.until is not None and time.monotonic() > options.until
            if total.caught_up or is_over or (total.busy and not options.wait):
                return total
            if total.busy:
                if not Checkpoint.objects.filter(name=checkpoint_name(projection.name, number, options.space)).exists():
                    return total
                time.sleep(HELD_SECONDS)


def shard_numbers(projection: Projection, space: str = LIVE) -> Sequence[int]:
    """Return the numbers of the projection's shards. If it never ran, create the checkpoints that it declares."""
    checkpoints = Checkpoint.objects.filter(projection=projection.name, space=space)
    numbers = sorted(checkpoints.values_list("shard", flat=True))
    if numbers:
        return numbers
    create_checkpoints(projection, projection.shards, space=space)
    return range(projection.shards)


def lock_checkpoints(projection: Projection) -> list[Checkpoint]:
    """Lock the live checkpoints until the transaction ends. In one order, so that two callers cannot deadlock."""
    checkpoints = Checkpoint.objects.select_for_update().filter(projection=projection.name, space=LIVE)
    return list(checkpoints.order_by("shard"))


def create_checkpoints(projection: Projection, shard_count: int, *, space: str = LIVE) -> None:
    """Create checkpoints at position 0, unless the projection has checkpoints in this space already."""
    with transaction.atomic(), connection.cursor() as cursor:
        # Two releases that start at once may declare different numbers of shards. The first one's number stands.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [checkpoint_name(projection.name, 0, space)])
        if not Checkpoint.objects.filter(projection=projection.name, space=space).exists():
            write_checkpoints(projection, shard_count, space=space)


def write_checkpoints(projection: Projection, shard_count: int, *, space: str = LIVE, **columns: Any) -> None:
    """Insert one checkpoint for each shard. `columns` override the code version and event types of today's code."""
    current: dict[str, Any] = {"event_types": projection.event_types, "code_version": projection.version}
    Checkpoint.objects.bulk_create(
        Checkpoint(
            name=checkpoint_name(projection.name, number, space),
            projection=projection.name,
            space=space,
            shard=number,
            of=shard_count,
            **(current | columns),
        )
        for number in range(shard_count)
    )


def advance(
    projection: Projection, number: int, options: CatchUpOptions, pages: PageReader = READ_ON_DEMAND
) -> Progress:
    """Fold one batch of one shard and commit it. If another worker has locked the shard, wait or return `busy`.

    Raises as `catch_up`.
    """
    with use_space(options.space):
        name = checkpoint_name(projection.name, number, options.space)
        checkpoint = Checkpoint.objects.select_for_update(skip_locked=not options.wait).filter(name=name).first()
        if checkpoint is None or (checkpoint.held_until and checkpoint.held_until > timezone.now()):
            return Progress(busy=True, caught_up=False)
        before = (checkpoint.position, checkpoint.last_error, checkpoint.rebuild_wanted, checkpoint.level_at)
        require_current_code(projection, checkpoint)
        shard = projection.shard(number, checkpoint.of)
        query = {
            "event_types": projection.event_types,
            "shard": shard,
            "through": options.through,
            "limit": options.limit,
        }
        page, is_fresh = pages.page(position=checkpoint.position, **query)
        facts = page.events if options.includes is None else [fact for fact in page.events if options.includes(fact)]
        if facts:
            Fold(projection=projection, space=options.space, shard=shard, strict=options.strict).take(facts)
            if options.space == LIVE:
                erase_in_retained(projection, shard, facts)
                notify.announce(projection, {fact.aggregate_id: fact.version for fact in facts})
                log_batch(projection, shard, facts)
            if options.includes is None:
                taken.record(taken.counts(projection, facts, space=options.space, shard=shard))
        caught_up = is_fresh and len(page.events) < options.limit
        checkpoint.position, checkpoint.last_error = page.through, ""
        checkpoint.level_at = checkpoint.level_at or (timezone.now() if caught_up else None)
        if before != (checkpoint.position, checkpoint.last_error, checkpoint.rebuild_wanted, checkpoint.level_at):
            count_events(checkpoint, len(facts))
            checkpoint.save()
    return Progress(
        position=page.through,
        events=len(facts),
        caught_up=caught_up,
        settled=page.settled,
        reaches_all_shards=any(
            _is_in_every_shard(projection, fact) and shard.holds(fact.aggregate_id) for fact in facts
        ),
    )


def require_current_code(projection: Projection, checkpoint: Checkpoint) -> None:
    """Refuse to go on if newer code wrote the rows of this checkpoint; if older code did, take them over.

    The caller saves the checkpoint. `rebuild_wanted` then says what a rebuild would change: rows made by an older
    version of the code, or events that the older code did not handle. Raises OutdatedCode.
    """
    recorded, handled = set(checkpoint.event_types), set(projection.event_types)
    if checkpoint.code_version > projection.version:
        raise OutdatedCode(
            f"{checkpoint} was written by version {checkpoint.code_version} of its code; this is version"
            f" {projection.version}: restart with the newer release, or run rebuild_projections {projection.name} if"
            " the newer version was taken back on purpose"
        )
    if recorded - handled:
        names = ", ".join(sorted(recorded - handled))
        raise OutdatedCode(
            f"{checkpoint} was written by code that also handles {names}: restart with the newer release, or run"
            f" rebuild_projections {projection.name} if a handler was removed on purpose"
        )
    added = sorted(handled - recorded)
    if checkpoint.code_version < projection.version and checkpoint.position:
        made_by = checkpoint.code_version
        checkpoint.rebuild_wanted = f"made by version {made_by} of its code; this is {projection.version}"
    elif added and store.has_before(checkpoint.position, added):
        checkpoint.rebuild_wanted = f"not shown: {', '.join(added)} up to {checkpoint.position}"
        checkpoint.counted_from = checkpoint.position
    checkpoint.code_version, checkpoint.event_types = projection.version, sorted(handled)


def _is_in_every_shard(projection: Projection, fact: Recorded[Any]) -> bool:
    return getattr(projection.handlers.get(type(fact.event)), "in_every_shard", False)


def log_batch(projection: Projection, shard: Shard, facts: Sequence[Recorded[Any]]) -> None:
    """Write one log line about the batch, once its transaction is committed."""
    correlations = dict.fromkeys(fact.metadata.correlation_id for fact in facts[: 10 * NAMED_CORRELATIONS])
    fields = {
        "projection": projection.name,
        "shard": f"{shard.number}/{shard.shard_count}",
        "events": len(facts),
        "position": facts[-1].position,
        "correlation_ids": [str(each) for each in islice(correlations, NAMED_CORRELATIONS)],
    }
    transaction.on_commit(lambda: log.info("projected", extra=fields))


def count_events(checkpoint: Checkpoint, events: int) -> None:
    """Add to the checkpoint's count of events, and measure its rate in events a second. The caller saves it."""
    now = timezone.now()
    checkpoint.events += events
    if checkpoint.rate_since is None:
        checkpoint.rate_since, checkpoint.rate_events = now, checkpoint.events - events
    elif now - checkpoint.rate_since > RATE_WINDOW:
        checkpoint.rate = (checkpoint.events - checkpoint.rate_events) / (now - checkpoint.rate_since).total_seconds()
        checkpoint.rate_since, checkpoint.rate_events = now, checkpoint.events
