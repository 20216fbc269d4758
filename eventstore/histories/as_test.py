"""A history as a test: given what had happened, when a command came, then this happened. It runs as it is printed."""

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
from eventstore.histories.command_recovery import Before, NotRecovered, recover_command
from eventstore.histories.event_line import Line
from eventstore.histories.python_source import INDENT, WIDTH, Bracketed, Source, laid_out, quoted

FEW = 6  # events that a test names one by one


def module(lines: Iterable[Line]) -> str:
    """A pytest module that tells these histories, with a test for each command, and passes with this code.

    Where no command of today's code brings the recorded events about, a test of the state says so. Raises
    UnknownEventType, MissingUpcaster, NewerSchemaVersion, CorruptEvent, UndeclaredMessage, Unprintable.
    """
    histories: dict[UUID, list[Line]] = {}
    for line in lines:
        histories.setdefault(line.aggregate_id, []).append(line)
    writer = _Writer(several=len(histories) > 1)
    body = "\n\n\n".join(text for history in histories.values() for text in writer.history(history))
    who = ", ".join(f"{history[0].aggregate_type} {key}" for key, history in histories.items())
    about = "\n".join(wrap(f"The history of {who}, from `export_history --as-test`.", WIDTH - 6))
    quotes = '"""'
    return f"{quotes}{about}{quotes}\n\n{writer.source.imports()}\n\n{body}"


class _Writer:
    """Writes histories one after another; the names it gives are unique among them."""

    def __init__(self, *, several: bool) -> None:
        self.source = Source()
        self._given = self.source.imported("tests.support.decider_spec", "given")
        self._several = several
        self._histories = self._events = 0

    def history(self, lines: Sequence[Line]) -> Iterator[str]:
        """The events as constants, then the tests."""
        self._histories += 1
        past = _Past(self._events, [line.event for line in lines], f"HISTORY_{self._histories}")
        self._events += len(lines)
        yield past.constants(self.source)
        decider = decider_named(lines[0].aggregate_type)
        kind = re.sub(r"\W", "_", decider.aggregate_type)
        of = f"_of_{kind}_{self._histories}" if self._several else ""
        commands = [line.cause.command_id for line in lines]
        receipts = store.receipts(commands)
        state, before = decider.initial, 0
        for command_id, group in groupby(commands):
            after = before + len(list(group))
            news = past.events[before:after]
            try:
                new_state = reduce(decider.evolve, news, state)
            except Exception as error:  # noqa: BLE001 - the very bug, perhaps: the test shows it
                why = f"{type(error).__name__}: {error}"
                yield self._unfolded(why, decider, past.names(0, after), f"{of}_at_version_{after}")
                return
            try:
                as_it_was = Before(
                    aggregate_id=lines[0].aggregate_id, decider=decider, past=past.events[:before], state=state
                )
                command = recover_command(as_it_was, news, receipts.get(command_id))
            except NotRecovered as reason:
                why = str(reason)
                yield self._state(why, decider, new_state, past.names(0, after), f"{of}_at_version_{after}")
            else:
                reached = f"version_{after}" if len(news) == 1 else f"versions_{before + 1}_to_{after}"
                yield self._command(command, past.names(0, before), past.names(before, after), f"{of}_brings_{reached}")
            before, state = after, new_state

    def _command(self, command: object, past: str, news: str, name: str) -> str:
        what = re.sub(r"(?<!^)(?=[A-Z])", "_", type(command).__name__).lower()
        return _function(
            f"test_{what}{name}",
            laid_out(self.source.code(command), before="command = ", indent=INDENT),
            f"{self._given}({past}).when(command).then({news})",
        )

    def _state(self, why: str, decider: Decider[Any, Any, Any], state: object, past: str, name: str) -> str:
        return _function(
            f"test_state{name}",
            _comment(f"No command is sent here: {why}."),
            laid_out(self.source.code(state), before="expected = ", indent=INDENT),
            f"{self._given}({past}).leads_to({quoted(decider.aggregate_type)}, expected)",
        )

    def _unfolded(self, why: str, decider: Decider[Any, Any, Any], past: str, name: str) -> str:
        return _function(
            f"test_state{name}",
            _comment(f"Today's code cannot take this: {why}. Put what should come of it in the place of the dots."),
            f"{self._given}({past}).leads_to({quoted(decider.aggregate_type)}, ...)",
        )


@dataclass(frozen=True, slots=True)
class _Past:
    """The events of a history, called E1, E2 … from `start` on, and as a whole by a name that long ones need."""

    start: int
    events: list[Any]
    whole: str

    def constants(self, source: Source) -> str:
        called = [f"E{self.start + number}" for number in range(1, len(self.events) + 1)]
        lines = [
            laid_out(source.code(event), before=f"{name} = ") for name, event in zip(called, self.events, strict=True)
        ]
        if len(called) > FEW:
            lines.append(laid_out(Bracketed("(", tuple(("", name) for name in called), ")"), before=f"{self.whole} = "))
        return "\n".join(lines)

    def names(self, after: int, through: int) -> str:
        """The arguments that give these events to a call."""
        if through - after > FEW:
            return f"*{self.whole}[{after or ''}:{through}]"
        return ", ".join(f"E{self.start + number}" for number in range(after + 1, through + 1))


def _function(name: str, *statements: str) -> str:
    return "\n".join([f"def {name}() -> None:", *(" " * INDENT + statement for statement in statements)])


def _comment(text: str) -> str:
    """On as many lines as it needs, the first not indented."""
    return f"\n{' ' * INDENT}".join(f"# {line}" for line in wrap(text, WIDTH - INDENT - 2))
