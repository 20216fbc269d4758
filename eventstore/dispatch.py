"""The only write path: load, decide, append with a receipt, signal after commit. A new command needs no change here."""

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
from eventstore.decider import Decider, Sender, decider_named, decider_of
from eventstore.errors import CommandRefused, ConcurrencyError, IdempotencyConflict, MixedBatch, SubjectWasErased
from eventstore.ids import new_id
from eventstore.limits import values
from eventstore.snapshots import is_due, shape_of, state_of
from eventstore.state_cache import CachedState, StateCache, load_states

log = logging.getLogger(__name__)

S = TypeVar("S")

events_appended = Signal()
"""Sent after commit with `aggregate_ids`, the last `position`, and the `snapshots` that are due (id to type).

It never carries event data. A failing receiver cannot fail a command."""

Refusal = CommandRefused | IdempotencyConflict | ConcurrencyError
"""Why a command of a batch was not done."""

_Target = tuple[Decider[Any, Any, Any], UUID]
"""The decider of a command, and the id of its aggregate."""

MAX_ATTEMPTS = 12  # each lost race means that another writer succeeded


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Who sends a command, why, and under which id it is done only once.

    A command is done once for each `command_id`. With `expected_version`, the command is refused if the aggregate is at
    another version. `occurred_at` is the business time of something reported late. `guard` is called with the state
    before the rules are, and may raise.
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
        """Return the part of the context that is stored with each event."""
        return Metadata(
            actor=self.actor,
            command_id=self.command_id,
            correlation_id=self.correlation_id,
            causation_id=self.causation_id,
            occurred_at=self.occurred_at,
            extra=self.extra,
        )


class AppendedVersions(NamedTuple):
    """An aggregate and its versions before and after an append."""

    aggregate_id: UUID
    aggregate_type: str
    before: int
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The result of a command: the aggregate and its version. `replayed` is true for a repeat of a done command."""

    command_id: UUID
    aggregate_id: UUID
    version: int
    replayed: bool = False


def dispatch(command: object, context: Context) -> Answer:
    """Do a command once and return its answer.

    Raises CommandRefused when a rule forbids it or a value is outside the limits, ConcurrencyError when the aggregate
    is not at the version that the context names, IdempotencyConflict when the command id belongs to another command. In
    all these cases nothing was written.
    """
    target = decider, aggregate_id = _target_of(command)
    begins = type(command) in decider.begin and context.expected_version is None and not context.guard
    for attempt in range(MAX_ATTEMPTS):
        # A command that begins an aggregate is first decided without reading the log.
        history = store.History() if begins and not attempt else _load(decider, aggregate_id)
        write = None
        try:
            state = state_of(decider, history)
            write = _decide(target, command, context, state, history.version)
            writes = [write, *_accompanying(decider, command, context, state, write)]
            position = store.append(writes)
        except (CommandRefused, ConcurrencyError, SubjectWasErased) as refusal:
            # The reason may be that this command was already done. That is rare, so the receipt is read only now.
            if receipt := store.receipts([context.command_id]).get(context.command_id):
                return _answer_repeat(command, receipt)
            if write is None or not isinstance(refusal, ConcurrencyError):
                raise
            # Another writer was first. Its events may change the decision, so load and decide again.
            sleep(uniform(0, 0.002 * 2 ** min(attempt, 6)))  # noqa: S311 - a jitter, not a secret
        else:
            if appended := [each for each in writes if each.events]:
                _signal_after_commit(appended, position)
            return _answer(write)
    raise ConcurrencyError(aggregate_id, history.version)


def _target_of(command: object) -> _Target:
    decider = decider_of(command)
    return decider, decider.identify(command)


def _load(decider: Decider[Any, Any, Any], aggregate_id: UUID) -> store.History:
    return store.history(aggregate_id, shape=shape_of(decider), personal=decider.reads_personal)


def rehearse(command: object, context: Context) -> Sequence[Any]:
    """Return the events that `dispatch` would append now, without writing. Raises what `dispatch` raises."""
    target = decider, aggregate_id = _target_of(command)
    history = _load(decider, aggregate_id)
    state = state_of(decider, history)
    write = _decide(target, command, context, state, history.version)
    _accompanying(decider, command, context, state, write)
    return write.events


def current_state(decider: Decider[S, Any, Any], aggregate_id: UUID) -> S:
    """Return an aggregate's current state, or the initial state if there is no aggregate with that id."""
    state: S = state_of(decider, _load(decider, aggregate_id))
    return state


def dispatch_batch(
    commands: Sequence[tuple[object, Context]], cache: StateCache | None = None
) -> list[Answer | Refusal]:
    """Do many commands in one transaction. This gives the same result as `dispatch` for each, and is much faster.

    Each command sees the events of the commands before it. A refused command is answered with its refusal and does not
    stop the others. After a lost race the whole batch is decided again, so nothing is done twice. A caller that sends
    several batches passes each the same `cache`: the states after one batch then need not be loaded for the next.

    Raises MixedBatch, also for a command that changes other aggregates too (`Decider.accompany`), and ConcurrencyError
    after too many lost races.
    """
    cache = cache or StateCache()
    targets = [_target_of(command) for command, _ in commands]
    deciders = _deciders_by_aggregate(targets)
    for attempt in range(MAX_ATTEMPTS):
        try:
            answers, writes, states = _decide_all(commands, targets, deciders, cache)
            position = store.append(writes)
        except _StaleDecision:
            continue
        except ConcurrencyError:
            sleep(uniform(0, 0.002 * 2 ** min(attempt, 6)))  # noqa: S311 - a jitter, not a secret
            continue
        transaction.on_commit(partial(cache.put, states))
        if appended := [write for write in writes if write.events]:
            _signal_after_commit(appended, position)
        return answers
    raise ConcurrencyError(None)


class _StaleDecision(Exception):
    """A command is to write nothing, but that was decided on a cached state, which may be older than the log."""


def _decide_all(
    commands: Sequence[tuple[object, Context]],
    targets: Sequence[_Target],
    deciders: dict[UUID, Decider[Any, Any, Any]],
    cache: StateCache,
) -> tuple[list[Answer | Refusal], list[store.Write], dict[UUID, CachedState]]:
    """Return the answers, the writes they need, and the states after these writes. Raises _StaleDecision."""
    cached = cache.pop(deciders)
    states = cached | load_states(deciders, exclude=cached)
    # After the histories: a command done in between is then recognised as a repeat. A lost race only tries again.
    receipts = store.receipts(context.command_id for _, context in commands)
    answers: list[Answer | Refusal] = []
    writes = []
    for (command, context), target in zip(commands, targets, strict=True):
        _, aggregate_id = target
        aggregate = states[aggregate_id]
        try:
            if receipt := receipts.get(context.command_id):
                answers.append(_answer_repeat(command, receipt))
                continue
            write = _decide(target, command, context, aggregate.state, aggregate.version)
            if _accompanying(target[0], command, context, aggregate.state, write):
                raise MixedBatch(f"{command!r} changes other aggregates too: send it with dispatch")
        except (CommandRefused, IdempotencyConflict, ConcurrencyError) as refusal:
            if aggregate_id in cached:
                raise _StaleDecision from refusal
            answers.append(refusal)
            continue
        if not write.events and aggregate_id in cached:
            raise _StaleDecision
        assert write.receipt
        aggregate.append(write.events)
        receipts[context.command_id] = write.receipt
        writes.append(write)
        answers.append(_answer(write))
    return answers, writes, states


def _deciders_by_aggregate(targets: Sequence[_Target]) -> dict[UUID, Decider[Any, Any, Any]]:
    """Return the one decider for each aggregate of a batch. Raises MixedBatch."""
    deciders: dict[UUID, Decider[Any, Any, Any]] = {}
    for decider, aggregate_id in targets:
        if deciders.setdefault(aggregate_id, decider) is not decider:
            raise MixedBatch(f"{aggregate_id} is both restored and changed in one batch: send two batches")
    return deciders


def _decide(target: _Target, command: object, context: Context, state: Any, version: int) -> store.Write:
    """Return what is to be written for the command."""
    decider, aggregate_id = target
    if context.guard:  # guard first: a sender who may not see the aggregate must not learn its version
        context.guard(state)
    if context.expected_version is not None and context.expected_version != version:
        raise ConcurrencyError(aggregate_id, context.expected_version, version)
    require_accepted(command, context)
    events = decider.decide(command, state)
    receipt = store.Receipt(
        command_id=context.command_id,
        command_type=codec.command_type_of(command).name,
        fingerprint=codec.fingerprint(command),
        aggregate_id=aggregate_id,
        version=version + len(events),
    )
    return store.Write(
        aggregate_type=decider.aggregate_type,
        aggregate_id=aggregate_id,
        expected_version=version,
        events=events,
        metadata=context.metadata,
        receipt=receipt,
        subject_id=decider.subject(state, aggregate_id),
    )


def _accompanying(
    decider: Decider[Any, Any, Any], command: object, context: Context, state: Any, write: store.Write
) -> list[store.Write]:
    """Return what is to be written to other aggregates in the same transaction. Raises CommandRefused."""
    if decider.accompany is None:
        return []
    assert write.receipt
    sender = Sender(
        actor=context.actor,
        extra=context.extra,
        occurred_at=context.occurred_at,
        fingerprint=write.receipt.fingerprint.hex(),
    )
    return [_companion(each, context) for each in decider.accompany(command, state, write.events, sender)]


def _companion(command: object, context: Context) -> store.Write:
    decider, aggregate_id = _target_of(command)
    history = _load(decider, aggregate_id)
    require_accepted(command, context)
    return store.Write(
        aggregate_type=decider.aggregate_type,
        aggregate_id=aggregate_id,
        expected_version=history.version,
        events=decider.decide(command, state_of(decider, history)),
        metadata=context.metadata,
    )


def require_accepted(command: object, context: Context) -> None:
    """Raise LimitExceeded if the log does not accept a value of the command or of its context."""
    values.require_accepted(command)
    values.require_accepted({"actor": context.actor, "extra": context.extra, "occurred_at": context.occurred_at})


def _answer_repeat(command: object, receipt: store.Receipt) -> Answer:
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


def signal_after_commit(appended: Sequence[AppendedVersions], position: int) -> None:
    """Send `events_appended` after this transaction has committed."""
    aggregate_ids = {each.aggregate_id for each in appended}
    snapshots = {
        each.aggregate_id: each.aggregate_type
        for each in appended
        if is_due(decider_named(each.aggregate_type), each.before, each.after)
    }

    def send() -> None:
        payload = {"aggregate_ids": aggregate_ids, "position": position, "snapshots": snapshots}
        for receiver, outcome in events_appended.send_robust(None, **payload):
            if isinstance(outcome, Exception):
                log.warning("events up to %s are committed, but receiver %r failed: %s", position, receiver, outcome)

    transaction.on_commit(send)
