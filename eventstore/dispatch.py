"""The one write path: receipt -> load -> decide -> append -> signal after commit. Never edited for a new command."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from random import uniform
from time import sleep
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from django.db import transaction
from django.dispatch import Signal

from eventstore import codec, store
from eventstore.codec import Metadata
from eventstore.decider import Decider, decider_named, decider_of
from eventstore.errors import CommandRefused, ConcurrencyError, IdempotencyConflict, MixedBatch, SubjectWasErased
from eventstore.ids import new_id
from eventstore.snapshots import is_due, shape_of, state_of
from eventstore.state_cache import KnownState, StateCache, load_states

log = logging.getLogger(__name__)

S = TypeVar("S")

events_appended = Signal()
"""Sent after commit with `aggregate_ids`, the last `position`, and the `snapshots` that are due (id to type).

Never with data. No receiver can fail a command."""

Refusal = CommandRefused | IdempotencyConflict | ConcurrencyError
"""Why a command of a batch was not done."""

ATTEMPTS = 12  # lost races before the caller is told; each one means that somebody else got through


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Who sends a command, why, and under what name it is done only once.

    `command_id` makes it done once; `expected_version` refuses it if the aggregate has moved on; `occurred_at` is the
    business time of what is told late; `guard` sees the state before the rules do and may raise.
    """

    actor: str
    command_id: UUID = field(default_factory=new_id)
    correlation_id: UUID = field(default_factory=new_id)
    causation_id: UUID | None = None
    expected_version: int | None = None
    occurred_at: datetime | None = None
    extra: dict[str, str] = field(default_factory=dict)
    guard: Callable[[Any], None] | None = None

    @property
    def metadata(self) -> Metadata:
        return Metadata(
            actor=self.actor,
            command_id=self.command_id,
            correlation_id=self.correlation_id,
            causation_id=self.causation_id,
            occurred_at=self.occurred_at,
            extra=self.extra,
        )


class AppendedVersions(NamedTuple):
    """An aggregate, and its versions before and after an append."""

    aggregate_id: UUID
    aggregate_type: str
    before: int
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command's sender learns: which aggregate, at which version now, and whether this was only a repeat."""

    command_id: UUID
    aggregate_id: UUID
    version: int
    replayed: bool = False


def dispatch(command: object, context: Context) -> Answer:
    """Do a command once and say what came of it.

    Raises CommandRefused when a rule forbids it, ConcurrencyError when the context names a version that is no longer
    the aggregate's, IdempotencyConflict when its command id belongs to another command. In none of these cases was
    anything written.
    """
    decider = decider_of(command)
    aggregate_id = decider.identify(command)
    for attempt in range(ATTEMPTS):
        past, write = _past(command, context, attempt), None
        try:
            write = _decide(command, context, state_of(decider, past), past.version)
            position = store.append([write])
        except (CommandRefused, ConcurrencyError, SubjectWasErased) as refusal:
            # Where it was done before, that is why: asked only now, because it seldom was.
            if receipt := store.receipts([context.command_id]).get(context.command_id):
                return _repeat(command, receipt)
            if write is None or not isinstance(refusal, ConcurrencyError):
                raise
            # Somebody was first, and what they did may change what the rules say: look again.
            sleep(uniform(0, 0.002 * 2 ** min(attempt, 6)))  # noqa: S311 - a jitter, not a secret
        else:
            if write.events:
                _signal_after_commit([write], position)
            return _answer(write)
    raise ConcurrencyError(aggregate_id, past.version)


def _past(command: object, context: Context, attempt: int) -> store.History:
    """What the command is decided on; nothing at first for one that begins an aggregate."""
    decider = decider_of(command)
    if not attempt and type(command) in decider.begin and context.expected_version is None and not context.guard:
        return store.History()
    return _loaded(decider, decider.identify(command))


def _loaded(decider: Decider[Any, Any, Any], aggregate_id: UUID) -> store.History:
    return store.history(aggregate_id, shape=shape_of(decider), personal=decider.reads_personal)


def rehearse(command: object, context: Context) -> Sequence[Any]:
    """The events that `dispatch` would append now. Nothing is written. Raises what `dispatch` raises."""
    decider = decider_of(command)
    past = _loaded(decider, decider.identify(command))
    return _decide(command, context, state_of(decider, past), past.version).events


def current_state(decider: Decider[S, Any, Any], aggregate_id: UUID) -> S:
    """The state of an aggregate as the log has it now; the initial one where there is none of that id."""
    state: S = state_of(decider, _loaded(decider, aggregate_id))
    return state


def dispatch_batch(
    commands: Sequence[tuple[object, Context]], known: StateCache | None = None
) -> list[Answer | Refusal]:
    """Do many commands in one transaction: what `dispatch` would do one by one, at a fraction of the cost.

    A command sees what the ones before it did. A refused command is answered with its refusal and does not stop the
    others; a lost race makes the whole batch look again, so nothing is done twice. Whoever sends batch after batch
    gives the same `known` with each: what one has left need not be loaded for the next. Raises MixedBatch.
    """
    known = known or StateCache()
    for attempt in range(ATTEMPTS):
        try:
            answers, writes, states = _decide_all(commands, known)
            position = store.append(writes)
        except _Outdated:
            continue
        except ConcurrencyError:
            sleep(uniform(0, 0.002 * 2 ** min(attempt, 6)))  # noqa: S311 - a jitter, not a secret
            continue
        transaction.on_commit(partial(known.keep, states))
        if grown := [write for write in writes if write.events]:
            _signal_after_commit(grown, position)
        return answers
    raise ConcurrencyError(None)


class _Outdated(Exception):
    """Nothing is to be written for a command, and that was decided on a state that others may have moved on from."""


def _decide_all(
    commands: Sequence[tuple[object, Context]], known: StateCache
) -> tuple[list[Answer | Refusal], list[store.Write], dict[UUID, KnownState]]:
    """The answers, what has to be written for them, and the states after it. Raises _Outdated."""
    deciders = _deciders(commands)
    remembered = known.take_out(deciders)
    states = remembered | load_states(deciders, besides=remembered)
    # After the histories: what was done in between is then known for a repeat, and a lost race only tries again.
    done = store.receipts(context.command_id for _, context in commands)
    answers: list[Answer | Refusal] = []
    writes = []
    for command, context in commands:
        aggregate_id = decider_of(command).identify(command)
        aggregate = states[aggregate_id]
        try:
            if receipt := done.get(context.command_id):
                answers.append(_repeat(command, receipt))
                continue
            write = _decide(command, context, aggregate.state, aggregate.version)
        except (CommandRefused, IdempotencyConflict, ConcurrencyError) as refusal:
            if aggregate_id in remembered:
                raise _Outdated from refusal
            answers.append(refusal)
            continue
        if not write.events and aggregate_id in remembered:
            raise _Outdated
        assert write.receipt
        aggregate.take(write.events)
        done[context.command_id] = write.receipt
        writes.append(write)
        answers.append(_answer(write))
    return answers, writes, states


def _deciders(commands: Sequence[tuple[object, Context]]) -> dict[UUID, Decider[Any, Any, Any]]:
    """Whose rules each aggregate of a batch is decided by. Raises MixedBatch."""
    deciders: dict[UUID, Decider[Any, Any, Any]] = {}
    for command, _ in commands:
        decider = decider_of(command)
        key = decider.identify(command)
        if deciders.setdefault(key, decider) is not decider:
            raise MixedBatch(f"{key} is restored and changed in one batch: send that in two")
    return deciders


def _decide(command: object, context: Context, state: Any, version: int) -> store.Write:
    """What has to be written for the command."""
    decider = decider_of(command)
    if (
        context.guard
    ):  # before anything else is told: to whom the aggregate is none of their business, it has no version
        context.guard(state)
    if context.expected_version is not None and context.expected_version != version:
        raise ConcurrencyError(decider.identify(command), context.expected_version, version)
    events = decider.decide(command, state)
    receipt = store.Receipt(
        command_id=context.command_id,
        command_type=codec.command_type_of(command).name,
        fingerprint=codec.fingerprint(command),
        aggregate_id=decider.identify(command),
        version=version + len(events),
    )
    return store.Write(
        aggregate_type=decider.aggregate_type,
        aggregate_id=receipt.aggregate_id,
        expected_version=version,
        events=events,
        metadata=context.metadata,
        receipt=receipt,
    )


def _repeat(command: object, receipt: store.Receipt) -> Answer:
    if receipt.fingerprint != codec.fingerprint(command):
        raise IdempotencyConflict(receipt.command_id)
    return Answer(
        command_id=receipt.command_id, aggregate_id=receipt.aggregate_id, version=receipt.version, replayed=True
    )


def _answer(write: store.Write) -> Answer:
    assert write.receipt
    return Answer(command_id=write.receipt.command_id, aggregate_id=write.aggregate_id, version=write.receipt.version)


def _signal_after_commit(writes: Sequence[store.Write], position: int) -> None:
    signal_after_commit(
        [
            AppendedVersions(
                write.aggregate_id,
                write.aggregate_type,
                write.expected_version,
                write.expected_version + len(write.events),
            )
            for write in writes
        ],
        position,
    )


def signal_after_commit(grown: Sequence[AppendedVersions], position: int) -> None:
    """Send `events_appended` once this transaction has committed."""
    aggregate_ids = {each.aggregate_id for each in grown}
    snapshots = {
        each.aggregate_id: each.aggregate_type
        for each in grown
        if is_due(decider_named(each.aggregate_type), each.before, each.after)
    }

    def ring() -> None:
        news = {"aggregate_ids": aggregate_ids, "position": position, "snapshots": snapshots}
        for receiver, outcome in events_appended.send_robust(None, **news):
            if isinstance(outcome, Exception):
                log.warning("events are committed up to %s, but %r failed: %s", position, receiver, outcome)

    transaction.on_commit(ring)
