"""Accept a command to be done later, and report its outcome."""

from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from psycopg.types.json import Jsonb

from eventstore import codec, store
from eventstore.decider import decider_of
from eventstore.dispatch import Answer, Context, Refusal, require_accepted
from eventstore.errors import (
    AggregateNotFound,
    CommandRefused,
    ConcurrencyError,
    IdempotencyConflict,
    QueueFull,
    QueueShareFull,
    UndeclaredMessage,
)
from eventstore.messages import GUARD_NAMES
from eventstore.models import QueuedCommand
from eventstore.personal_data import encryption
from eventstore.queue.refusals import refusal_from_json
from eventstore.queue.worker import Status, wake_worker


def accept(command: object, context: Context, *, owner: UUID) -> QueuedCommand:
    """Accept a command to be done later. A repeat of a command returns the same row.

    `owner` is the subject of the personal data that the command may hold.

    Raises QueueShareFull, QueueFull, IdempotencyConflict, SubjectWasErased if the owner was erased, and LimitExceeded.
    """
    require_accepted(command, context)
    fingerprint = codec.fingerprint(command)
    queued = QueuedCommand(
        command_id=context.command_id,
        command_type=codec.command_type_of(command).name,
        fingerprint=fingerprint,
        aggregate_id=decider_of(command).identify(command),
        owner_id=owner,
        body=encryption.encrypt_bytes(owner, context.command_id, msgspec.json.encode(command)),
        context=_context_to_json(context),
    )
    if _insert_if_room(queued):
        transaction.on_commit(wake_worker, robust=True)
        return queued
    earlier = QueuedCommand.objects.filter(command_id=context.command_id).first() or _insert_done(queued)
    if earlier is None:
        raise _full(owner)
    if bytes(earlier.fingerprint) != fingerprint:
        raise IdempotencyConflict(context.command_id)
    return earlier


def _full(owner: UUID) -> QueueFull:
    """Return why the command was not accepted."""
    own = QueuedCommand.objects.filter(status=Status.WAITING, owner_id=owner)[: settings.COMMAND_QUEUE_EACH].count()
    if own >= settings.COMMAND_QUEUE_EACH:
        return QueueShareFull(f"{own:,} of your commands are waiting, and no more are accepted: send it again later")
    limit = settings.COMMAND_QUEUE_LIMIT
    return QueueFull(f"{limit:,} commands are waiting, and no more are accepted: send it again later")


# One statement, one round trip. Concurrent requests do not see each other's rows, so together they may exceed the limit
# by at most their number.
_INSERT_IF_ROOM = """
INSERT INTO command_queue (command_id, command_type, fingerprint, aggregate_id, owner_id, body, context, status,
                           refusal, attempts, problem)
SELECT %s, %s, %s, %s, %s, %s, %s, 'waiting', '{}', 0, ''
 WHERE (SELECT count(*) < %s AND count(*) FILTER (WHERE waiting.owner_id = %s) < %s
          FROM (SELECT owner_id FROM command_queue WHERE status = 'waiting' LIMIT %s) waiting)
   AND NOT EXISTS (SELECT FROM command_receipts WHERE command_id = %s)
ON CONFLICT (command_id) DO NOTHING RETURNING id
"""


def _insert_if_room(queued: QueuedCommand) -> bool:
    """Insert the row and return true, unless the command is a repeat, or the queue or its owner's share is full."""
    limit = settings.COMMAND_QUEUE_LIMIT
    values: list[Any] = [queued.command_id, queued.command_type, queued.fingerprint, queued.aggregate_id]
    values += [queued.owner_id, queued.body, Jsonb(queued.context)]
    values += [limit, queued.owner_id, settings.COMMAND_QUEUE_EACH, limit, queued.command_id]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT_IF_ROOM, values)
        row = cursor.fetchone()
    if row:
        queued.pk = row[0]
    return row is not None


def _insert_done(queued: QueuedCommand) -> QueuedCommand | None:
    """Insert and return a row for a command that was already done without the queue. None if it was not done.

    Its outcome can then be read like that of any queued command.
    """
    receipt = store.receipts([queued.command_id]).get(queued.command_id)
    if receipt is None:
        return None
    queued.aggregate_id, queued.version, queued.fingerprint = receipt.aggregate_id, receipt.version, receipt.fingerprint
    queued.body, queued.status, queued.finished_at = None, Status.DONE, timezone.now()
    QueuedCommand.objects.bulk_create([queued], ignore_conflicts=True)
    return QueuedCommand.objects.get(command_id=queued.command_id)


def outcome_of(queued: QueuedCommand) -> Answer | Refusal | None:
    """Return what `dispatch` returned or raised for the command. None while it waits or after it failed."""
    match queued.status, queued.refusal.get("kind"):
        case Status.DONE, _:
            return Answer(command_id=queued.command_id, aggregate_id=queued.aggregate_id, version=queued.version or 0)
        case Status.REFUSED, "conflict":
            return IdempotencyConflict(queued.command_id)
        case Status.REFUSED, "concurrency":
            return ConcurrencyError(queued.aggregate_id, queued.refusal["expected"], queued.refusal["actual"])
        case Status.REFUSED, "not_found":
            return refusal_from_json(AggregateNotFound, queued.refusal)
        case Status.REFUSED, _:
            return refusal_from_json(CommandRefused, queued.refusal)
        case _:
            return None


def _context_to_json(context: Context) -> dict[str, Any]:
    stored: dict[str, Any] = {"metadata": msgspec.to_builtins(context.metadata), "expected": context.expected_version}
    if context.guard is not None:
        name = GUARD_NAMES.get(type(context.guard))
        if name is None:
            raise UndeclaredMessage(f"{context.guard!r} cannot be queued: declare it with @guard")
        stored["guard"] = [name, msgspec.to_builtins(context.guard)]
    return stored
