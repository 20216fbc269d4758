"""Test rules as given/when/then: given earlier events, when a command, then new events or a refusal."""

from collections.abc import Sequence
from functools import reduce
from typing import Any

import pytest

from eventstore.decider import Decider, decider_named, decider_of
from eventstore.errors import CommandRefused


class given:  # noqa: N801 - reads as a sentence
    """The earlier events of an aggregate."""

    def __init__(self, *past: object) -> None:
        self.past = past
        self.command: object = None

    def when(self, command: object) -> "given":
        """Set the command."""
        self.command = command
        return self

    def then(self, *expected: object) -> None:
        """Assert that the command leads to exactly these events."""
        assert list(self.events()) == list(expected)

    def refused(self, code: str, words: str | None = None) -> None:
        """Assert that the command is refused with this code, and with a message that matches `words`."""
        with pytest.raises(CommandRefused, match=words) as refusal:
            self.events()
        assert refusal.value.code == code

    def leads_to(self, aggregate_type: str, expected: object) -> None:
        """Assert that the earlier events lead to this state."""
        decider = decider_named(aggregate_type)
        assert reduce(decider.evolve, self.past, decider.initial) == expected

    def events(self) -> Sequence[object]:
        """Return the events that the command leads to. Raises CommandRefused."""
        decider: Decider[Any, Any, Any] = decider_of(self.command)
        return decider.decide(self.command, reduce(decider.evolve, self.past, decider.initial))
