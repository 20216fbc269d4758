"""A small aggregate of the tests' own: a tally that only goes up."""

from dataclasses import dataclass
from uuid import UUID

from eventstore.decider import Decider, register
from eventstore.errors import CommandRefused
from eventstore.messages import command, event


@event("test.counted")
class Counted:
    by: int


@command("test.count")
class Count:
    tally_id: UUID
    by: int


@dataclass(frozen=True, slots=True)
class Tally:
    total: int = 0
    largest: int = 0


def decide(wish: Count, tally: Tally) -> list[Counted]:
    if wish.by <= 0:
        raise CommandRefused("not_up", "a tally only goes up")
    return [Counted(by=wish.by)]


def evolve(tally: Tally, fact: Counted) -> Tally:
    return Tally(tally.total + fact.by, max(tally.largest, fact.by))


TALLY: Decider[Tally, Count, Counted] = Decider(
    aggregate_type="test.tally",
    initial=Tally(),
    decide=decide,
    evolve=evolve,
    identify=lambda wish: wish.tally_id,
    snapshot_every=10,
)
register(TALLY, [Count])
