"""Cache states of aggregates from one batch of commands to the next, so that they need not be loaded again."""

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Any
from uuid import UUID

from eventstore import store
from eventstore.decider import Decider
from eventstore.snapshots import shape_of, state_of


class CachedState:
    """An aggregate's state at a version.

    Events are folded into the state only when `state` is read, because often it is not read.
    """

    __slots__ = ("_history", "_later", "_state", "decider", "version")

    def __init__(self, decider: Decider[Any, Any, Any], history: store.History) -> None:
        self.decider = decider
        self.version = history.version
        self._history: store.History | None = history
        self._state: Any = None
        self._later: list[Any] = []

    @property
    def state(self) -> Any:
        """Return the state at `version`."""
        if self._history is not None:
            self._state, self._history = state_of(self.decider, self._history), None
        if self._later:
            self._state, self._later = reduce(self.decider.evolve, self._later, self._state), []
        return self._state

    def append(self, events: Sequence[Any]) -> None:
        """Add the next events."""
        self._later += events
        self.version += len(events)


class StateCache:
    """The most recently used states, at most `max_size` of them.

    A cached state may be older than the log. An append that was decided on an old state is refused, because its version
    is already taken. So an append may be decided on a cached state. A refusal, or a decision to append nothing, must be
    decided again on the log's current state.
    """

    def __init__(self, max_size: int = 500) -> None:
        self._max_size = max_size
        self._states: dict[UUID, CachedState] = {}  # the most recently used state is last

    def pop(self, deciders: Mapping[UUID, Decider[Any, Any, Any]]) -> dict[UUID, CachedState]:
        """Remove and return the cached states of these aggregates. A state of a different decider is dropped."""
        cached = {key: self._states.pop(key) for key in deciders.keys() & self._states.keys()}
        return {key: aggregate for key, aggregate in cached.items() if aggregate.decider is deciders[key]}

    def put(self, states: Mapping[UUID, CachedState]) -> None:
        """Cache these states.

        Call it only after their events were committed: after a rollback, another event takes the same version.
        """
        self._states |= states
        for key in list(self._states)[: -self._max_size]:
            del self._states[key]


def load_states(deciders: Mapping[UUID, Decider[Any, Any, Any]], exclude: Iterable[UUID]) -> dict[UUID, CachedState]:
    """Load these aggregates from the log, except those in `exclude`. Raises what `store.histories` raises."""
    wanted = {key: decider for key, decider in deciders.items() if key not in exclude}
    histories = store.histories({key: shape_of(decider) for key, decider in wanted.items()})
    return {key: CachedState(decider, histories[key]) for key, decider in wanted.items()}
