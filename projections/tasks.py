"""The doorbell: a commit wakes a worker, and a sweep finds what a lost message did not announce.

One message wakes whoever brings all views level (`look`), and while it is at work nobody has to ring. A view that needs
more than that, and each shard of one that is divided, has a message of its own (`project`). Messages carry names and
nothing else. One at most waits for each, however fast commits come.
"""

import logging
import time
from collections.abc import Collection, Iterable
from itertools import groupby
from typing import Any
from uuid import UUID

from celery import shared_task
from celery.signals import worker_ready
from django.conf import settings
from django.core.cache import cache
from django.db import Error as DatabaseError
from django.db.models import Count, F
from django.utils import timezone

from eventstore import store
from eventstore.sharding import shard_of
from eventstore.wakeups import wakeup
from eventstore.wakeups.wakeup import Wakeup
from projections.engine import catch_up, joint_catch_up
from projections.engine.catch_up import CatchUpOptions, Progress
from projections.engine.checkpoints import LIVE, Checkpoint
from projections.engine.joint_catch_up import Round
from projections.engine.projection import PROJECTIONS, Projection, projection_named
from projections.monitoring import drift
from projections.rebuild import background
from projections.rebuild.fill import RebuildCancelled, RebuildPaused
from projections.rebuild.run import RebuildRunning

log = logging.getLogger(__name__)

HELD_BACK_SECONDS = 2.0  # how long a worker stays near when writers hold back a part of the log
BUSY_SECONDS = 0.2  # until a worker looks again at a shard that somebody else was working on
NEAR_SECONDS, FAR_SECONDS = 0.002, 0.05  # between two looks of a worker that stays near: from, to
LINGER_SECONDS = 0.2  # for which a worker that has brought all views level waits for the next commit
APART_SECONDS = 1.0  # after which it tries again the views that it left to others
LATER_SECONDS = 0.2  # under load whoever else follows the log is given what came within so long
ALL_SLICE_SECONDS = 30.0  # after which a worker that brings all views level lets other work come first
SLICE_SECONDS = 20.0  # the same of one that catches up with one shard
ANNOUNCED_SECONDS = 0.1  # in which whoever was woken has begun
KNOWN_SECONDS = 5.0  # for which a process remembers into how many shards a projection is divided
SWEPT = "projections:swept"

_known: tuple[float, dict[str, int]] = (0.0, {})


def wakeups(aggregate_ids: Collection[UUID] | None = None) -> list[Wakeup]:
    """What wakes the views that these aggregates concern, all where none are named."""
    found = [_project_all_wakeup()]
    for projection in PROJECTIONS.values():
        of = _divisions().get(projection.name, 0)
        if of != 1:
            of = of or projection.shards
            numbers = range(of) if aggregate_ids is None else sorted({shard_of(key, of) for key in aggregate_ids})
            found += [_project_wakeup(projection.name, number, of) for number in numbers]
    return found


@shared_task(name="projections.tasks.look")
def project_all() -> None:
    """Bring the views level with the log together, and wake whoever else follows it.

    While it is at work nobody has to ring: before it ends it takes the bell down, and looks once more. A view that it
    leaves to a task of its own is woken as long as that lasts, and tried again after a second.
    """
    views = [projection for projection in PROJECTIONS.values() if _divisions().get(projection.name) == 1]
    ours, found = views, Round()
    started = moved = free = parted = time.monotonic()
    reached, pause = -1, NEAR_SECONDS
    while ours:
        began = time.monotonic()
        free = free if found.busy else began
        found = _advance_all(ours)
        now = time.monotonic()
        if reached < 0:
            wakeup.mark_running(_project_all_wakeup())  # not before: somebody may be waiting for what was just brought
        if found.through > reached:
            wakeup.wake_second_wave(countdown=None if reached < 0 else LATER_SECONDS)
            reached, moved, pause = found.through, now, NEAR_SECONDS
            _wake_each(view for view in views if view not in ours)
        own = _need_their_own(found, ours, stuck=began - free)
        _wake_each(own)
        if own:
            ours, parted = [view for view in ours if view not in own], now
        elif now - parted > APART_SECONDS:
            ours = views
        if found.level and found.settled and not found.busy:
            if _is_over(reached, spent=now - started):
                return
        elif now - moved > HELD_BACK_SECONDS:
            break
        else:  # one that took an earlier position is about to commit, or to roll back unheard
            time.sleep(pause)
            pause = min(2 * pause, FAR_SECONDS)
    wakeup.acknowledge(_project_all_wakeup())
    if reached < 0:
        wakeup.wake_second_wave()


def _wake_each(views: Iterable[Projection]) -> None:
    wakeup.wake(*(_project_wakeup(view.name, 0, 1) for view in views))


def _is_over(reached: int, *, spent: float) -> bool:
    """Whether a look that has brought all views level ends, with the bell down; otherwise it is at work as before."""
    if spent < ALL_SLICE_SECONDS and _more_comes_after(reached):
        wakeup.mark_running(_project_all_wakeup())
        return False
    wakeup.acknowledge(_project_all_wakeup())
    if store.latest_position() == reached:
        return True
    if spent > ALL_SLICE_SECONDS:
        wakeup.wake(_project_all_wakeup())
        return True
    return not wakeup.claim_running(_project_all_wakeup())


def _more_comes_after(position: int) -> bool:
    """Whether somebody appends within a moment: under load a message would wait until other tasks make room for it."""
    until = time.monotonic() + LINGER_SECONDS
    while time.monotonic() < until:
        if store.latest_position() > position:
            return True
        time.sleep(NEAR_SECONDS)
    return False


def _advance_all(projections: Collection[Projection]) -> Round:
    """One page for each of them, turn by turn; of the first turn, whose readers wait, also between the later ones."""
    first, *later = (list(group) for _, group in groupby(sorted(projections, key=_rank), key=_rank))
    rounds = [joint_catch_up.advance(first)]
    for number, rank in enumerate(later):
        if number and 0 < rounds[0].through < store.latest_position():
            rounds.append(joint_catch_up.advance(first))
        rounds.append(joint_catch_up.advance(rank))
    return Round(
        events=sum(each.events for each in rounds),
        through=min((each.through for each in rounds if each.through), default=0),
        level=all(each.level for each in rounds),
        settled=all(each.settled for each in rounds),
        busy=[view for each in rounds for view in each.busy],
        special=[view for each in rounds for view in each.special],
    )


def _rank(projection: Projection) -> int:
    return projection.rank


def _need_their_own(found: Round, projections: Collection[Projection], *, stuck: float) -> list[Projection]:
    """The views that need a task of their own: each is then tried by itself, as long as it takes.

    `stuck` is for how many seconds somebody else has been at work on one of them, from glance to glance: one glance,
    however long a round takes, says nothing.
    """
    if not found.level:  # so far behind, each is faster by itself
        return list(projections)
    return [*found.special, *(found.busy if stuck > BUSY_SECONDS else ())]


@shared_task(name="projections.tasks.project")
def project(name: str, number: int = 0, of: int = 1) -> None:
    """Bring one shard level with the log; where somebody else is at it, come back in a moment."""
    wakeup.acknowledge(_project_wakeup(name, number, of))
    projection = projection_named(name)
    numbers = catch_up.shard_numbers(projection)
    if of != len(numbers):  # it was divided anew since whoever rang looked
        forget_divisions()
        wakeup.wake(*(_project_wakeup(name, each, len(numbers)) for each in numbers))
        return
    progress = _catch_up_near(projection, number, seconds=SLICE_SECONDS)
    if progress.reaches_all_shards:
        wakeup.wake(*(_project_wakeup(name, other, of) for other in numbers if other != number))
    if progress.busy:
        wakeup.wake(_project_wakeup(name, number, of), countdown=BUSY_SECONDS)
    elif not progress.level:
        wakeup.wake(_project_wakeup(name, number, of))


@shared_task(name="projections.tasks.build")
def build(name: str) -> None:
    """Go on with a rebuild that somebody began in the background."""
    wakeup.acknowledge(_build_wakeup(name))
    try:
        background.resume(projection_named(name))
    except (RebuildRunning, RebuildPaused, RebuildCancelled) as reason:
        log.info("%s", reason)


@shared_task(name="projections.tasks.check_some")
def check_sample() -> None:
    """Does what is shown still follow from the log? A few aggregates, at random; a flag for what does not."""
    for projection in PROJECTIONS.values():
        drift.look_for_drift(projection, count=settings.DRIFT_SAMPLE)


def wake_build(name: str) -> None:
    """Wake a worker for a rebuild in the background."""
    wakeup.wake(_build_wakeup(name))


@shared_task(name="projections.tasks.sweep")
def sweep() -> None:
    """Catch up whatever is behind, whether or not a message came. One projection's trouble is not the others'.

    What whoever brings the views level together is about to show, is left to them.
    """
    latest = store.latest_position()
    if any(_behind(latest)):
        time.sleep(ANNOUNCED_SECONDS)
    is_looked_at = wakeup.is_running(_project_all_wakeup())
    for projection, number, of in _behind(latest):
        if of == 1 and is_looked_at:
            continue
        try:
            progress = _catch_up_near(projection, number, seconds=HELD_BACK_SECONDS)
        except Exception:
            log.exception("the sweep cannot bring %s level", projection.name)
        else:
            if not progress.level and not progress.busy:
                wakeup.wake(_project_wakeup(projection.name, number, of))
    if settings.REBUILD_BY_ITSELF:
        background.begin_wanted_rebuilds()
    for name in background.running_builds():  # whoever was at it may have died
        wake_build(name)
    cache.set(SWEPT, timezone.now().isoformat(), timeout=None)


def _behind(position: int) -> Iterable[tuple[Projection, int, int]]:
    """The shards that have not come so far, each with how many there are of its projection."""
    positions = dict(Checkpoint.objects.filter(space=LIVE).values_list("name", "position"))
    for name, projection in PROJECTIONS.items():
        numbers = catch_up.shard_numbers(projection)
        for number in numbers:
            if positions.get(f"{name}/{number}", 0) < position:
                yield projection, number, len(numbers)


def _catch_up_near(projection: Projection, number: int, *, seconds: float) -> Progress:
    """Catch up, for a while, and stay near for a moment while writers hold back a part of the log."""
    now = time.monotonic()
    work = CatchUpOptions(wait=False, until=now + seconds)
    so_far = Progress()
    try:
        while True:
            so_far = so_far.then(catch_up.catch_up_shard(projection, number, work))
            if so_far.settled or so_far.busy or not so_far.level or time.monotonic() > now + HELD_BACK_SECONDS:
                return so_far
            time.sleep(0.005)  # one that took an earlier position is about to commit, or to roll back unheard
    except Exception as error:
        if not isinstance(error, DatabaseError):
            failing = Checkpoint.objects.filter(projection=projection.name, space=LIVE, shard=number)
            failing.update(last_error=f"{type(error).__name__}: {error}", failures=F("failures") + 1)
        raise


@worker_ready.connect
def _sweep_at_start(**signal: Any) -> None:
    sweep.apply_async(retry=False)


def _divisions() -> dict[str, int]:
    """Into how many shards each projection that ever ran is divided, as of a moment ago.

    A bell that is rung for a shard that is gone wakes all there are.
    """
    global _known  # noqa: PLW0603 - remembered by the process
    looked, found = _known
    if time.monotonic() - looked > KNOWN_SECONDS:
        live = Checkpoint.objects.filter(space=LIVE).order_by().values("projection")
        found = dict(live.annotate(number=Count("pk")).values_list("projection", "number"))
        _known = time.monotonic(), found
    return found


def forget_divisions() -> None:
    """Look anew at the next commit."""
    global _known  # noqa: PLW0603 - the same
    _known = 0.0, {}


def _project_all_wakeup() -> Wakeup:
    return Wakeup("views", project_all)


def _build_wakeup(name: str) -> Wakeup:
    return Wakeup(f"build:{name}", build, (name,))


def _project_wakeup(name: str, number: int, of: int) -> Wakeup:
    return Wakeup(f"projection:{name}/{number}", project, (name, number, of))
