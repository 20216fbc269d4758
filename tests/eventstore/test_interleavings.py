"""Two writers in any interleaving: some serial order of their commands gives the same log."""

import threading
from functools import reduce
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from eventstore import store
from eventstore.decider import decider_of
from eventstore.dispatch import Answer, Context, _decide, dispatch
from eventstore.errors import CommandRefused, ConcurrencyError
from eventstore.ids import new_id
from eventstore.models import Snapshot
from eventstore.snapshots import shape_of, state_of, take
from eventstore.timetravel.as_of import AsOf, load_as_of
from tests.support.tally import TALLY, Count, Restore

pytestmark = pytest.mark.django_db(transaction=True)

commands_for_any_tally = st.one_of(
    st.builds(Count, tally_id=st.just(UUID(int=0)), by=st.integers(-1, 14)),
    st.builds(Restore, tally_id=st.just(UUID(int=0)), version=st.integers(1, 12)),
)
writers = st.sampled_from(["anna", "ben"])


def addressed_to(tally_id: UUID, template: Any) -> Any:
    return type(template)(**{**{name: getattr(template, name) for name in template.__slots__}, "tally_id": tally_id})


def serially(commands: list[Any]) -> list[object]:
    """Return the events that these commands cause one after the other."""
    events: list[object] = []
    for command in commands:
        decider = decider_of(command)
        events += decider.decide(command, reduce(decider.evolve, events, decider.initial))
    return events


class TwoWriters(RuleBasedStateMachine):
    """Each writer reads and decides, and appends at any later time. A writer that lost the race reads again."""

    @initialize()
    def begin(self) -> None:
        self.tally_id = new_id()
        self.decided: dict[str, tuple[Any, store.Write]] = {}
        self.done: list[Any] = []

    @rule(writer=writers, template=commands_for_any_tally)
    def read_and_decide(self, writer: str, template: Any) -> None:
        command = addressed_to(self.tally_id, template)
        decider = decider_of(command)
        past = store.history(self.tally_id, shape=shape_of(decider))
        self.decided.pop(writer, None)
        try:
            context = Context(actor=f"staff:{writer}")
            write = _decide((decider, self.tally_id), command, context, state_of(decider, past), past.version)
        except CommandRefused:
            return
        self.decided[writer] = command, write

    @precondition(lambda self: self.decided)
    @rule(writer=writers)
    def append(self, writer: str) -> None:
        if writer not in self.decided:
            return
        command, write = self.decided.pop(writer)
        try:
            store.append([write])
        except ConcurrencyError:
            assert len(self.done) > write.expected_version, "a race is lost only when the other writer succeeded"
        else:
            self.done.append(command)

    @rule()
    def snapshot(self) -> None:
        if self.done:
            take("test.tally", str(self.tally_id))

    @rule()
    def lose_the_snapshots(self) -> None:
        Snapshot.objects.all().delete()

    @invariant()
    def the_log_is_what_the_serial_order_gives(self) -> None:
        if not self.done:
            return
        facts = store.read_stream(self.tally_id)
        expected = serially(self.done)
        assert [fact.event for fact in facts] == expected
        assert [fact.version for fact in facts] == list(range(1, len(facts) + 1))
        past = store.history(self.tally_id, shape=shape_of(TALLY))
        whole = reduce(TALLY.evolve, expected, TALLY.initial)  # type: ignore[arg-type]  # only events of the tally
        assert state_of(TALLY, past) == whole == load_as_of(self.tally_id, AsOf()).state
        assert past.version == len(facts)


def test_any_interleaving_of_two_writers_is_explained_by_a_serial_order() -> None:
    run_state_machine_as_test(
        TwoWriters,
        settings=settings(max_examples=60, stateful_step_count=30, deadline=None),
    )


@given(
    st.lists(commands_for_any_tally, min_size=1, max_size=8), st.lists(commands_for_any_tally, min_size=1, max_size=8)
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_two_threads_that_race_through_dispatch_are_explained_by_a_serial_order(first: Any, second: Any) -> None:
    tally_id = new_id()
    done: list[tuple[Answer, Any]] = []
    start = threading.Barrier(2)

    def send(commands: list[Any]) -> None:
        try:
            start.wait(10)
            for template in commands:
                command = addressed_to(tally_id, template)
                try:
                    done.append((dispatch(command, Context(actor="staff:anna")), command))
                except CommandRefused:
                    continue
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(commands,)) for commands in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    done.sort(key=lambda pair: pair[0].version)
    assert [answer.version for answer, _ in done] == list(range(1, len(done) + 1))
    assert [fact.event for fact in store.read_stream(tally_id)] == serially([command for _, command in done])
