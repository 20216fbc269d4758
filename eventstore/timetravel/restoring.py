"""Bring an aggregate back to what it was at a version: by appending what undoes the rest, never by deleting.

Plain Python: the rules of a domain import it. What was done in the world cannot be undone in a log, so an aggregate
says for itself what may be restored.
"""

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, Protocol, TypeVar

from eventstore.decider import Decider, register
from eventstore.errors import AggregateNotFound, CommandRefused


class RestoreCommand(Protocol):
    """What a command has to say to restore: back to which version, and why."""

    @property
    def version(self) -> int: ...
    @property
    def reason(self) -> str: ...


S = TypeVar("S")
E = TypeVar("E")
R = TypeVar("R", bound=RestoreCommand)


def register_restore(
    decider: Decider[S, Any, E], command: type[R], restore: Callable[[R, S, S, Sequence[E]], Sequence[E]]
) -> None:
    """Let `command` restore aggregates of `decider`.

    `restore(command, was, now, undone)` gives the events that lead from the state `now` to `was`, which the events
    `undone` had left behind; or raises CommandRefused, in words that say which of them cannot be undone.
    """

    def decide(wish: R, past: tuple[E, ...]) -> Sequence[E]:
        if not past:
            raise AggregateNotFound(
                f"{decider.aggregate_type}_not_found",
                "there is no {aggregate_type} {aggregate_id}",
                aggregate_type=decider.aggregate_type,
                aggregate_id=decider.identify(wish),
            )
        if not 1 <= wish.version < len(past):
            raise CommandRefused(
                "no_earlier_version",
                "{version} is no earlier version; the current one is {current}",
                version=wish.version,
                current=len(past),
            )
        if not wish.reason.strip():
            raise CommandRefused("no_reason", "say why it is restored")
        undone = past[wish.version :]
        was = reduce(decider.evolve, past[: wish.version], decider.initial)
        now = reduce(decider.evolve, undone, was)
        if was == now:
            raise CommandRefused("already_so", "it is as it was at version {version} already", version=wish.version)
        return restore(wish, was, now, undone)

    # To whoever restores, the state of an aggregate is its whole past.
    past: Decider[tuple[E, ...], R, E] = Decider(
        aggregate_type=decider.aggregate_type,
        initial=(),
        decide=decide,
        evolve=lambda past, event: (*past, event),
        identify=decider.identify,
    )
    register(past, [command], main=False)
