"""States of aggregates that are known without loading them: what one batch of commands leaves for the next."""

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Any
from uuid import UUID

from eventstore import store
from eventstore.decider import Decider
from eventstore.snapshots import shape_of, state_of


class KnownState:
    """An aggregate's state at a version. Events only count once somebody asks: often nobody does."""

    __slots__ = ("_later", "_past", "_state", "decider", "version")

    def __init__(self, decider: Decider[Any, Any, Any], past: store.History) -> None:
        self.decider = decider
        self.version = past.version
        self._past: store.History | None = past
        self._state: Any = None
        self._later: list[Any] = []

    @property
    def state(self) -> Any:
        if self._past is not None:
            self._state, self._past = state_of(self.decider, self._past), None
        if self._later:
            self._state, self._later = reduce(self.decider.evolve, self._later, self._state), []
        return self._state

    def take(self, events: Sequence[Any]) -> None:
        """What happened next."""
        self._later += events
        self.version += len(events)


class StateCache:
    """The states that were needed last, at most so many of them.

    A state at a version never changes, and no version is taken twice. So nothing is ever written that was decided on a
    state which others have since moved on from: its append is refused. What is *not* written, because a rule refuses it
    or nothing is to be done, has to be decided on the log as it is.
    """

    def __init__(self, most: int = 500) -> None:
        self._most = most
        self._states: dict[UUID, KnownState] = {}  # the one needed last stands last

    def take_out(self, deciders: Mapping[UUID, Decider[Any, Any, Any]]) -> dict[UUID, KnownState]:
        """Those of these aggregates that are known. Nothing here knows them any more until they are kept again."""
        found = {key: self._states.pop(key) for key in deciders.keys() & self._states.keys()}
        return {key: known for key, known in found.items() if known.decider is deciders[key]}

    def keep(self, states: Mapping[UUID, KnownState]) -> None:
        """Only what is committed: a version that was rolled back is taken by another event."""
        self._states |= states
        for key in list(self._states)[: -self._most]:
            del self._states[key]


def load_states(deciders: Mapping[UUID, Decider[Any, Any, Any]], besides: Iterable[UUID]) -> dict[UUID, KnownState]:
    """These aggregates as the log has them, but for those `besides`. Raises what `store.histories` raises."""
    wanted = {key: decider for key, decider in deciders.items() if key not in besides}
    pasts = store.histories({key: shape_of(decider) for key, decider in wanted.items()})
    return {key: KnownState(decider, pasts[key]) for key, decider in wanted.items()}
