"""Restore an aggregate to an earlier version by appending events that undo the later ones. Nothing is deleted.

Plain Python: domain rules import this module. An event cannot undo what happened in the real world, so each aggregate
decides what may be restored.
"""

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, Protocol, TypeVar

from eventstore.decider import Decider, register
from eventstore.errors import AggregateNotFound, CommandRefused


class RestoreCommand(Protocol):
    """The fields that a restore command must have."""

    @property
    def version(self) -> int:
        """Return the version to restore."""

    @property
    def reason(self) -> str:
        """Return why the aggregate is restored."""


S = TypeVar("S")
E = TypeVar("E")
R = TypeVar("R", bound=RestoreCommand)


def register_restore(
    decider: Decider[S, Any, E], command_type: type[R], restore: Callable[[R, S, S, Sequence[E]], Sequence[E]]
) -> None:
    """Let commands of `command_type` restore aggregates of `decider`.

    `restore(command, target, current, undone)` returns the events that lead from the state `current` back to the state
    `target`. `undone` are the events that led from `target` to `current`. It raises CommandRefused, with a message that
    says which of these events cannot be undone.
    """

    def decide(command: R, events: tuple[E, ...]) -> Sequence[E]:
        if not events:
            raise AggregateNotFound(
                f"{decider.aggregate_type}_not_found",
                "there is no {aggregate_type} {aggregate_id}",
                aggregate_type=decider.aggregate_type,
                aggregate_id=decider.identify(command),
            )
        if not 1 <= command.version < len(events):
            raise CommandRefused(
                "no_earlier_version",
                "{version} is not an earlier version; the current version is {current}",
                version=command.version,
                current=len(events),
            )
        if not command.reason.strip():
            raise CommandRefused("no_reason", "give a reason for restoring it")
        undone = events[command.version :]
        target = reduce(decider.evolve, events[: command.version], decider.initial)
        current = reduce(decider.evolve, undone, target)
        if target == current:
            raise CommandRefused(
                "already_so", "the current state is already that of version {version}", version=command.version
            )
        return restore(command, target, current, undone)

    # The state of this decider is the tuple of all events of the aggregate.
    restorer: Decider[tuple[E, ...], R, E] = Decider(
        aggregate_type=decider.aggregate_type,
        initial=(),
        decide=decide,
        evolve=lambda events, event: (*events, event),
        identify=decider.identify,
        subject=lambda events, key: decider.subject(reduce(decider.evolve, events[:1], decider.initial), key),
    )
    register(restorer, [command_type], main=False)
