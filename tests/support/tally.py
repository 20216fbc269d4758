"""A small example aggregate: a tally that only goes up, unless it is restored. See `booking` for a larger one."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction

from eventstore import store
from eventstore.codec import Metadata
from eventstore.decider import Decider, register
from eventstore.errors import CommandRefused
from eventstore.ids import new_id
from eventstore.messages import command, event
from eventstore.timetravel.restoring import register_restore


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
"""A count that cannot be restored away."""

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


def written(events: int, tally_id: UUID | None = None) -> store.Write:
    """Return a write that begins a tally with this number of events."""
    return store.Write(
        aggregate_type=TALLY.aggregate_type,
        aggregate_id=tally_id or new_id(),
        expected_version=0,
        events=[Counted(by=1)] * events,
        metadata=Metadata(actor="service:test", command_id=new_id(), correlation_id=new_id()),
    )


def append_tally(events: int = 1) -> UUID:
    """Append a new tally with this number of events; return its id."""
    write = written(events)
    store.append([write])
    return write.aggregate_id


@contextmanager
def open_append() -> Iterator[None]:
    """Append a tally in another connection, which commits only at the end of the block."""
    appended, release = threading.Event(), threading.Event()

    def append() -> None:
        with transaction.atomic():
            append_tally()
            appended.set()
            release.wait(20)
        connection.close()

    writer = threading.Thread(target=append)
    writer.start()
    assert appended.wait(20)
    try:
        yield
    finally:
        release.set()
        writer.join(20)
