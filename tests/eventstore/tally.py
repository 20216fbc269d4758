"""A small aggregate of the tests' own: a tally that only goes up, unless it is restored."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from eventstore.decider import Decider, register
from eventstore.errors import CommandRefused
from eventstore.messages import command, event
from eventstore.restoring import register_restore


@event("test.counted")
class Counted:
    by: int


@event("test.restored")
class Restored:
    total: int
    largest: int


@command("test.count")
class Count:
    tally_id: UUID
    by: int


@command("test.restore")
class Restore:
    tally_id: UUID
    version: int
    reason: str = "because"


@dataclass(frozen=True, slots=True)
class Tally:
    total: int = 0
    largest: int = 0


def decide(wish: Count, tally: Tally) -> Sequence[Counted | Restored]:
    if wish.by <= 0:
        raise CommandRefused("not_up", "a tally only goes up")
    return [Counted(by=wish.by)]


def evolve(tally: Tally, fact: Counted | Restored) -> Tally:
    if isinstance(fact, Restored):
        return Tally(fact.total, fact.largest)
    return Tally(tally.total + fact.by, max(tally.largest, fact.by))


def restore(wish: Restore, was: Tally, now: Tally, undone: Sequence[Counted | Restored]) -> list[Restored]:
    if any(isinstance(fact, Counted) and fact.by == UNDENIABLE for fact in undone):
        raise CommandRefused("undeniable", f"{UNDENIABLE} was counted since version {wish.version}")
    return [Restored(total=was.total, largest=was.largest)]


UNDENIABLE = 13

TALLY: Decider[Tally, Count, Counted | Restored] = Decider(
    aggregate_type="test.tally",
    initial=Tally(),
    decide=decide,
    evolve=evolve,
    identify=lambda wish: wish.tally_id,
    snapshot_every=10,
)
register(TALLY, [Count])
register_restore(TALLY, Restore, restore)
