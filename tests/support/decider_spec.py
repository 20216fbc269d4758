"""Rules as given/when/then: the events so far, the command, what comes of it."""

from collections.abc import Sequence
from functools import reduce
from typing import Any

import pytest

from eventstore.decider import Decider, decider_named, decider_of
from eventstore.errors import CommandRefused


class given:  # noqa: N801 - reads as a sentence
    def __init__(self, *past: object) -> None:
        self.past = past
        self.command: object = None

    def when(self, command: object) -> "given":
        self.command = command
        return self

    def then(self, *expected: object) -> None:
        assert list(self.events()) == list(expected)

    def refused(self, code: str, words: str | None = None) -> None:
        with pytest.raises(CommandRefused, match=words) as refusal:
            self.events()
        assert refusal.value.code == code

    def leads_to(self, aggregate_type: str, expected: object) -> None:
        decider = decider_named(aggregate_type)
        assert reduce(decider.evolve, self.past, decider.initial) == expected

    def events(self) -> Sequence[object]:
        decider: Decider[Any, Any, Any] = decider_of(self.command)
        return decider.decide(self.command, reduce(decider.evolve, self.past, decider.initial))
