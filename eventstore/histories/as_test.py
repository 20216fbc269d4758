"""Write histories as a pytest module: given earlier events, when a command, then the events it caused.

The module runs as it is printed.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import groupby
from textwrap import wrap
from typing import Any
from uuid import UUID

from eventstore import store
from eventstore.decider import Decider, decider_named
from eventstore.histories.command_recovery import AggregateBefore, NotRecovered, recover_command
from eventstore.histories.event_line import EventLine
from eventstore.histories.python_source import INDENT, WIDTH, Bracketed, Source, lay_out, quote

MAX_NAMED = 6  # events that a test names one by one; more are a slice of the history's constant


def module_source(lines: Iterable[EventLine]) -> str:
    """Return the source of a pytest module with one test for each command. The tests pass with the current code.

    If no command of the current code leads to the recorded events, a test of the state takes its place and says why.
    Raises UnknownEventType, MissingUpcaster, NewerSchemaVersion, CorruptEvent, UndeclaredMessage, Unprintable.
    """
    histories: dict[UUID, list[EventLine]] = {}
    for line in lines:
        histories.setdefault(line.aggregate_id, []).append(line)
    writer = _Writer(several=len(histories) > 1)
    body = "\n\n\n".join(text for history in histories.values() for text in writer.history(history))
    aggregates = ", ".join(f"{history[0].aggregate_type} {key}" for key, history in histories.items())
    docstring = "\n".join(wrap(f"The history of {aggregates}, from `export_history --as-test`.", WIDTH - 6))
    quotes = '"""'
    return f"{quotes}{docstring}{quotes}\n\n{writer.source.imports()}\n\n{body}"


class _Writer:
    """Writes histories one after another. The names it assigns are unique in the module."""

    def __init__(self, *, several: bool) -> None:
        self.source = Source()
        self._given = self.source.imported("tests.support.decider_spec", "given")
        self._several = several
        self._histories = self._events = 0

    def history(self, lines: Sequence[EventLine]) -> Iterator[str]:
        """Yield the events of one history as constants, then its tests."""
        self._histories += 1
        constants = _Constants(self._events, [line.event for line in lines], f"HISTORY_{self._histories}")
        self._events += len(lines)
        yield constants.definitions(self.source)
        decider = decider_named(lines[0].aggregate_type)
        aggregate_type = re.sub(r"\W", "_", decider.aggregate_type)
        suffix = f"_of_{aggregate_type}_{self._histories}" if self._several else ""
        commands = [line.cause.command_id for line in lines]
        receipts = store.receipts(commands)
        state, before = decider.initial, 0
        for command_id, group in groupby(commands):
            after = before + len(list(group))
            new_events = constants.events[before:after]
            try:
                new_state = reduce(decider.evolve, new_events, state)
            except Exception as error:  # noqa: BLE001 - this may be the bug that the test is meant to show
                reason = f"{type(error).__name__}: {error}"
                yield self._broken_state_test(
                    reason, decider, constants.names(0, after), f"{suffix}_at_version_{after}"
                )
                return
            try:
                aggregate = AggregateBefore(
                    aggregate_id=lines[0].aggregate_id, decider=decider, events=constants.events[:before], state=state
                )
                command = recover_command(aggregate, new_events, receipts.get(command_id))
            except NotRecovered as error:
                yield self._state_test(
                    str(error), decider, new_state, constants.names(0, after), f"{suffix}_at_version_{after}"
                )
            else:
                versions = f"version_{after}" if len(new_events) == 1 else f"versions_{before + 1}_to_{after}"
                yield self._command_test(
                    command, constants.names(0, before), constants.names(before, after), f"{suffix}_brings_{versions}"
                )
            before, state = after, new_state

    def _command_test(self, command: object, past: str, expected: str, name: str) -> str:
        command_name = re.sub(r"(?<!^)(?=[A-Z])", "_", type(command).__name__).lower()
        return _function(
            f"test_{command_name}{name}",
            lay_out(self.source.code(command), before="command = ", indent=INDENT),
            f"{self._given}({past}).when(command).then({expected})",
        )

    def _state_test(self, reason: str, decider: Decider[Any, Any, Any], state: object, past: str, name: str) -> str:
        return _function(
            f"test_state{name}",
            _comment(f"No command is sent here: {reason}."),
            lay_out(self.source.code(state), before="expected = ", indent=INDENT),
            f"{self._given}({past}).leads_to({quote(decider.aggregate_type)}, expected)",
        )

    def _broken_state_test(self, reason: str, decider: Decider[Any, Any, Any], past: str, name: str) -> str:
        return _function(
            f"test_state{name}",
            _comment(
                f"The current code cannot apply these events: {reason}. Replace the dots with the expected state."
            ),
            f"{self._given}({past}).leads_to({quote(decider.aggregate_type)}, ...)",
        )


@dataclass(frozen=True, slots=True)
class _Constants:
    """The events of a history as constants E1, E2 …, numbered after `start`.

    `whole` is the name of the tuple of all of them, which only a long history needs.
    """

    start: int
    events: list[Any]
    whole: str

    def definitions(self, source: Source) -> str:
        """Return the assignments."""
        names = [f"E{self.start + number}" for number in range(1, len(self.events) + 1)]
        lines = [
            lay_out(source.code(event), before=f"{name} = ") for name, event in zip(names, self.events, strict=True)
        ]
        if len(names) > MAX_NAMED:
            lines.append(lay_out(Bracketed("(", tuple(("", name) for name in names), ")"), before=f"{self.whole} = "))
        return "\n".join(lines)

    def names(self, after: int, through: int) -> str:
        """Return the events after version `after` up to version `through`, as the arguments of a call."""
        if through - after > MAX_NAMED:
            return f"*{self.whole}[{after or ''}:{through}]"
        return ", ".join(f"E{self.start + number}" for number in range(after + 1, through + 1))


def _function(name: str, *statements: str) -> str:
    return "\n".join([f"def {name}() -> None:", *(" " * INDENT + statement for statement in statements)])


def _comment(text: str) -> str:
    """Return the text as comment lines; the first is not indented."""
    return f"\n{' ' * INDENT}".join(f"# {line}" for line in wrap(text, WIDTH - INDENT - 2))
