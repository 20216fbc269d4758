"""Refuse imported events that their aggregate cannot have had, before a read model would have to park them."""

from collections import OrderedDict
from typing import Any
from uuid import UUID

from eventstore.decider import decider_named
from eventstore.errors import CorruptEvent
from eventstore.histories.event_line import EventLine, line_of
from eventstore.histories.staging import Incoming
from eventstore.snapshots import fold

MOST_STATES = 5_000  # aggregates whose state is held in memory: more than a batch has, so that none is read half staged


class States:
    """The state of each aggregate of a file, as far as the file is read."""

    def __init__(self, incoming: Incoming) -> None:
        self._incoming = incoming
        self._states: OrderedDict[UUID, tuple[int, Any]] = OrderedDict()

    def take(self, line: EventLine) -> None:
        """Let the next event of an aggregate happen. Raises CorruptEvent if it cannot follow the earlier ones.

        Raises WrongKey and the like if the earlier events are in this log and cannot be read.
        """
        decider, event, before = decider_named(line.aggregate_type), line.event, line.version - 1
        beginnings, id_field = decider.history.begun_by, decider.history.id_field
        if beginnings and isinstance(event, beginnings) == bool(before):
            raise CorruptEvent(
                f"{line.event_type} cannot be version {line.version}: a history of {decider.aggregate_type} begins with"
                f" {' or '.join(each.__name__ for each in beginnings)}, once"
            )
        if id_field and getattr(event, id_field, None) != line.aggregate_id:
            raise CorruptEvent(
                f"{line.event_type} has another {id_field} than the aggregate {line.aggregate_id}, or none"
            )
        state = self._state_before(line)
        after = fold(decider, [event], state)
        if decider.history.require_possible:
            decider.history.require_possible(state, event, after)
        self._remember(line, after)

    def _state_before(self, line: EventLine) -> Any:
        """Return the state before an event. It is read from this log and the file if it is not in memory."""
        version, state = self._states.get(line.aggregate_id, (0, None))
        if version and version == line.version - 1:
            return state
        decider = decider_named(line.aggregate_type)
        earlier = self._incoming.history(line.aggregate_id) if line.version > 1 else []
        return fold(decider, (line_of(row).event for row in earlier), decider.initial)

    def _remember(self, line: EventLine, state: Any) -> None:
        self._states[line.aggregate_id] = line.version, state
        self._states.move_to_end(line.aggregate_id)
        if len(self._states) > MOST_STATES:
            self._states.popitem(last=False)
