"""The loop of the joint catch-up task: when it reads on, whom it wakes, and when it ends.

One worker at a time runs the loop for all undivided projections. While it runs, commits send it no message: the loop
marks its wake-up as running and looks at the log itself. Before it ends, it removes that mark and looks once more, so
that no commit is missed.
"""

import time
from collections.abc import Collection, Iterable
from itertools import groupby

from eventstore import store
from eventstore.wakeups import wakeup
from projections.engine import joint_catch_up
from projections.engine.joint_catch_up import LARGE_PAGE, Round
from projections.engine.projection import PROJECTIONS, Projection
from projections.engine.wakeups import joint_wakeup, shard_counts, shard_wakeup

HELD_BACK_SECONDS = 2.0  # how long the loop goes on without progress while open transactions hold back the log
BUSY_SECONDS = 0.2  # how long a projection may be locked by another worker before a task of its own is woken
MIN_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.002, 0.05  # the pause between two rounds without progress doubles up to this
LINGER_SECONDS = 0.2  # how long the loop waits for the next commit once everything is caught up
APART_SECONDS = 1.0  # after this the loop tries again the projections that it left to tasks of their own
LATER_SECONDS = 0.2  # after its first round, the loop delays the second wave by this, to cover many commits at once
SLICE_SECONDS = 30.0  # after this the loop ends, so that the worker can run other tasks


def run() -> None:
    """Catch up all undivided projections together until no commit follows, and wake the other followers of the log.

    A projection that needs a task of its own is left out of the loop for APART_SECONDS, and its task is woken.
    """
    undivided = [projection for projection in PROJECTIONS.values() if shard_counts().get(projection.name) == 1]
    joint, done = undivided, Round()
    started = moved_at = free_at = parted_at = time.monotonic()
    reached, pause = -1, MIN_PAUSE_SECONDS  # `reached` is -1 until the first round is done
    while joint:
        began = time.monotonic()
        free_at = free_at if done.busy else began
        done = _advance_all(joint, far_behind=not done.caught_up)
        now = time.monotonic()
        if reached < 0:
            wakeup.mark_running(joint_wakeup())  # after the first round, because a reader may be waiting for it
        if done.through > reached:
            wakeup.wake_second_wave(countdown=None if reached < 0 else LATER_SECONDS)
            reached, moved_at, pause = done.through, now, MIN_PAUSE_SECONDS
            _wake_each(projection for projection in undivided if projection not in joint)
        apart = _need_own_task(done, busy_for=began - free_at)
        _wake_each(apart)
        if apart:
            joint, parted_at = [projection for projection in joint if projection not in apart], now
        elif now - parted_at > APART_SECONDS:
            joint = undivided
        if done.caught_up and (done.busy or not done.settled):
            # A transaction with an earlier position will commit soon; if it rolls back, it sends no wake-up.
            if now - moved_at > HELD_BACK_SECONDS:
                break
            time.sleep(pause)
            pause = min(2 * pause, MAX_PAUSE_SECONDS)
        elif _may_end(reached, spent=now - started) if done.caught_up else _must_end_behind(spent=now - started):
            return
    wakeup.acknowledge(joint_wakeup())
    if reached < 0:
        wakeup.wake_second_wave()


def _wake_each(projections: Iterable[Projection]) -> None:
    """Wake a task of its own for each of these undivided projections."""
    wakeup.wake(*(shard_wakeup(projection.name, 0, 1) for projection in projections))


def _may_end(reached: int, *, spent: float) -> bool:
    """Return whether the loop may end now that everything up to `reached` is caught up.

    If so, the running mark is removed, and a commit that came meanwhile has a message. Otherwise the mark is set.
    """
    if spent < SLICE_SECONDS and _more_comes_after(reached):
        wakeup.mark_running(joint_wakeup())
        return False
    wakeup.acknowledge(joint_wakeup())
    if store.latest_position() == reached:
        return True
    if spent > SLICE_SECONDS:
        wakeup.wake(joint_wakeup())
        return True
    return not wakeup.claim_running(joint_wakeup())


def _must_end_behind(*, spent: float) -> bool:
    """Return whether the loop must end for now although it is behind. If so, a message for the rest is sent."""
    if spent <= SLICE_SECONDS:
        wakeup.mark_running(joint_wakeup())
        return False
    wakeup.acknowledge(joint_wakeup())
    wakeup.wake(joint_wakeup())
    return True


def _more_comes_after(position: int) -> bool:
    """Return whether events are appended within LINGER_SECONDS.

    Under load a message would have to wait until a worker is free, so it is faster to stay.
    """
    until = time.monotonic() + LINGER_SECONDS
    while time.monotonic() < until:
        if store.latest_position() > position:
            return True
        time.sleep(MIN_PAUSE_SECONDS)
    return False


def _advance_all(projections: Collection[Projection], *, far_behind: bool = False) -> Round:
    """Advance all of these by one page, rank by rank, and return the sum of the rounds.

    Readers wait for the first rank. It is advanced again between the later ranks if new events have come. Far behind,
    all ranks are advanced at once: together they take less than half of the time.
    """
    first, *later = (list(group) for _, group in groupby(sorted(projections, key=_rank), key=_rank))
    rounds = [] if far_behind else [joint_catch_up.advance(first)]
    if far_behind or not rounds[0].caught_up:
        return joint_catch_up.advance(projections, limit=LARGE_PAGE)
    for number, of_rank in enumerate(later):
        if number and 0 < rounds[0].through < store.latest_position():
            rounds.append(joint_catch_up.advance(first))
        rounds.append(joint_catch_up.advance(of_rank))
    return Round(
        events=sum(each.events for each in rounds),
        through=min((each.through for each in rounds if each.through), default=0),
        caught_up=all(each.caught_up for each in rounds),
        settled=all(each.settled for each in rounds),
        busy=[projection for each in rounds for projection in each.busy],
        special=[projection for each in rounds for projection in each.special],
    )


def _rank(projection: Projection) -> int:
    return projection.rank


def _need_own_task(done: Round, *, busy_for: float) -> list[Projection]:
    """Return the projections that need a task of their own, which tries each by itself for as long as it takes.

    `busy_for` is the time in seconds, from round to round, since which other workers have locked some of them. A single
    round counts as 0, however long it takes.
    """
    return [*done.special, *(done.busy if busy_for > BUSY_SECONDS else ())]
