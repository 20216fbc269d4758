"""Accept a command to be done later, and tell what came of it."""

from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from psycopg.types.json import Jsonb

from eventstore import codec, store
from eventstore.decider import decider_of
from eventstore.dispatch import Answer, Context, Refusal
from eventstore.errors import (
    AggregateNotFound,
    CommandRefused,
    ConcurrencyError,
    IdempotencyConflict,
    QueueFull,
    UndeclaredMessage,
)
from eventstore.messages import GUARD_NAMES
from eventstore.models import QueuedCommand
from eventstore.personal_data import encryption
from eventstore.queue.worker import Status, wake_worker


def accept(command: object, context: Context, *, owner: UUID) -> QueuedCommand:
    """Take a command to be done later; sent again, it is the same one. `owner` is whose data it may hold.

    Raises QueueFull, IdempotencyConflict, and SubjectWasErased for an owner who was erased.
    """
    print_ = codec.fingerprint(command)
    queued = QueuedCommand(
        command_id=context.command_id,
        command_type=codec.command_type_of(command).name,
        fingerprint=print_,
        aggregate_id=decider_of(command).identify(command),
        owner_id=owner,
        body=encryption.conceal_bytes(owner, context.command_id, msgspec.json.encode(command)),
        context=_stored(context),
    )
    if _taken(queued):
        transaction.on_commit(wake_worker, robust=True)
        return queued
    known = QueuedCommand.objects.filter(command_id=context.command_id).first() or _done_already(queued)
    if known is None:
        limit = settings.COMMAND_QUEUE_LIMIT
        raise QueueFull(f"{limit:,} commands are waiting, and no more are taken: send it again in a while")
    if bytes(known.fingerprint) != print_:
        raise IdempotencyConflict(context.command_id)
    return known


# One statement, one round trip. Requests at the same moment do not see each other: the limit is passed by no more of
# them than there are.
_TAKE = """
INSERT INTO command_queue (command_id, command_type, fingerprint, aggregate_id, owner_id, body, context, status,
                           refusal, attempts, problem)
SELECT %s, %s, %s, %s, %s, %s, %s, 'waiting', '{}', 0, ''
 WHERE (SELECT count(*) FROM (SELECT FROM command_queue WHERE status = 'waiting' LIMIT %s) waiting) < %s
   AND NOT EXISTS (SELECT FROM command_receipts WHERE command_id = %s)
ON CONFLICT (command_id) DO NOTHING RETURNING id
"""


def _taken(queued: QueuedCommand) -> bool:
    """Whether it is new, and there was room for it."""
    limit = settings.COMMAND_QUEUE_LIMIT
    values: list[Any] = [queued.command_id, queued.command_type, queued.fingerprint, queued.aggregate_id]
    values += [queued.owner_id, queued.body, Jsonb(queued.context), limit, limit, queued.command_id]
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, values)
        row = cursor.fetchone()
    if row:
        queued.pk = row[0]
    return row is not None


def _done_already(queued: QueuedCommand) -> QueuedCommand | None:
    """A row for a command that a request which waited has done, so that its outcome can be read like any other's."""
    receipt = store.receipts([queued.command_id]).get(queued.command_id)
    if receipt is None:
        return None
    queued.aggregate_id, queued.version, queued.fingerprint = receipt.aggregate_id, receipt.version, receipt.fingerprint
    queued.body, queued.status, queued.finished_at = None, Status.DONE, timezone.now()
    QueuedCommand.objects.bulk_create([queued], ignore_conflicts=True)
    return QueuedCommand.objects.get(command_id=queued.command_id)


def outcome_of(queued: QueuedCommand) -> Answer | Refusal | None:
    """What came of a command: what `dispatch` answered or raised; None while it waits, or after it failed."""
    match queued.status, queued.refusal.get("kind"):
        case Status.DONE, _:
            return Answer(command_id=queued.command_id, aggregate_id=queued.aggregate_id, version=queued.version or 0)
        case Status.REFUSED, "conflict":
            return IdempotencyConflict(queued.command_id)
        case Status.REFUSED, "concurrency":
            return ConcurrencyError(queued.aggregate_id, queued.refusal["expected"], queued.refusal["actual"])
        case Status.REFUSED, "not_found":
            return _refused(AggregateNotFound, queued.refusal)
        case Status.REFUSED, _:
            return _refused(CommandRefused, queued.refusal)
        case _:
            return None


def _refused(kind: type[CommandRefused], noted: dict[str, Any]) -> CommandRefused:
    """A refusal as it was noted, before there were templates too."""
    return kind(noted["code"], noted.get("template", noted["message"]), **noted.get("params", {}))


def _stored(context: Context) -> dict[str, Any]:
    stored: dict[str, Any] = {"metadata": msgspec.to_builtins(context.metadata), "expected": context.expected_version}
    if context.guard is not None:
        name = GUARD_NAMES.get(type(context.guard))
        if name is None:
            raise UndeclaredMessage(f"{context.guard!r} cannot be queued: declare it with @guard")
        stored["guard"] = [name, msgspec.to_builtins(context.guard)]
    return stored
