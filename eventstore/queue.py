"""The command queue: a command that is accepted is done, once, whatever dies meanwhile.

Accepted means committed here, in the database; the broker carries nothing but a doorbell. A worker does a command and
notes the outcome in one transaction, and the command id is the sender's, so even that may be repeated. The commands
to one aggregate are done in the order in which they came.
"""

import logging
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from celery import shared_task
from celery.signals import worker_ready
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from psycopg.types.json import Jsonb

from eventstore import bell, codec, personal, store
from eventstore.bell import Bell
from eventstore.codec import Metadata
from eventstore.decider import decider_of
from eventstore.dispatch import Answer, Context, Refusal, dispatch
from eventstore.errors import (
    AggregateNotFound,
    CommandRefused,
    ConcurrencyError,
    IdempotencyConflict,
    QueueFull,
    UndeclaredMessage,
)
from eventstore.messages import COMMANDS, GUARD_NAMES, GUARDS
from eventstore.models import QueuedCommand

log = logging.getLogger(__name__)

ATTEMPTS = 10  # at a command that fails though nothing refuses it; the last comes after some 17 minutes
LONGEST_PAUSE = timedelta(minutes=5)

Status = QueuedCommand.Status


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
        body=personal.conceal_bytes(owner, context.command_id, msgspec.json.encode(command)),
        context=_stored(context),
    )
    if _taken(queued):
        transaction.on_commit(_ring, robust=True)
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


# --- doing ------------------------------------------------------------------------------------------------------------


def _bell() -> Bell:
    return Bell("queue", run)


def _ring() -> None:
    bell.ring(_bell())


@shared_task(name="eventstore.queue.run")
def run() -> None:
    """Do what waits. The bell and beat call it."""
    bell.heard(_bell())
    while _do_next():
        pass


@shared_task(name="eventstore.queue.prune")
def prune() -> None:
    """Forget outcomes after COMMAND_RESULTS_DAYS. The receipts stay, so nothing is done a second time."""
    old = timezone.now() - timedelta(days=settings.COMMAND_RESULTS_DAYS)
    QueuedCommand.objects.filter(status__in=(Status.DONE, Status.REFUSED), finished_at__lt=old).delete()


def redrive(queued: QueuedCommand) -> None:
    """Let a command that failed be tried again. Those to its aggregate that came after it may have been done by now."""
    with transaction.atomic():
        QueuedCommand.objects.filter(pk=queued.pk, status=Status.FAILED).update(
            status=Status.WAITING, attempts=0, due_at=timezone.now()
        )
        transaction.on_commit(_ring, robust=True)


@worker_ready.connect
def _run_at_start(**signal: Any) -> None:
    run.apply_async(retry=False)


# The first of its aggregate that waits: while it is being done, the later ones are nobody's turn.
_NEXT = """
SELECT q.id FROM command_queue q
 WHERE q.status = 'waiting' AND q.due_at <= now()
   AND NOT EXISTS (SELECT FROM command_queue earlier WHERE earlier.aggregate_id = q.aggregate_id
                      AND earlier.status = 'waiting' AND earlier.id < q.id)
 ORDER BY q.id LIMIT 1 FOR UPDATE OF q SKIP LOCKED
"""


def _do_next() -> bool:
    """Do one command and note what came of it, together; says whether there was one."""
    queued: QueuedCommand | None = None
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(_NEXT)
                found = cursor.fetchone()
            if found is None:
                return False
            queued = QueuedCommand.objects.get(pk=found[0])
            _do(queued)
    except Exception as error:  # whatever nobody foresaw: it waits, is shown, and is tried again
        if queued is None:
            raise
        log.exception("the queued command %s failed", queued.command_id)
        _try_later(queued, error)
    return True


def _do(queued: QueuedCommand) -> None:
    queued.finished_at, queued.problem = timezone.now(), ""
    try:
        body = personal.reveal_bytes(queued.owner_id, queued.command_id, bytes(queued.body or b""))
        answer = dispatch(_command_of(queued, body), _context_of(queued))
    except CommandRefused as refusal:
        kind = "not_found" if isinstance(refusal, AggregateNotFound) else "refused"
        queued.refusal = {
            "kind": kind,
            "code": refusal.code,
            "message": refusal.message,
            "template": refusal.template,
            "params": {name: str(value) for name, value in refusal.params.items()},
        }
    except IdempotencyConflict:
        queued.refusal = {"kind": "conflict"}
    except ConcurrencyError as refusal:
        if refusal.actual is None:
            raise  # contended: nothing is wrong with it
        queued.refusal = {"kind": "concurrency", "expected": refusal.expected, "actual": refusal.actual}
    else:
        queued.version, queued.aggregate_id = answer.version, answer.aggregate_id
    queued.status = Status.REFUSED if queued.refusal else Status.DONE
    queued.body = None
    queued.save()


def _try_later(queued: QueuedCommand, error: Exception) -> None:
    attempts = queued.attempts + 1
    QueuedCommand.objects.filter(pk=queued.pk, status=Status.WAITING).update(
        attempts=attempts,
        status=Status.FAILED if attempts >= ATTEMPTS else Status.WAITING,
        problem=f"{type(error).__name__}: {error}",
        due_at=timezone.now() + bell.pause(attempts, longest=LONGEST_PAUSE),
    )


def _command_of(queued: QueuedCommand, body: bytes) -> Any:
    declared = COMMANDS.get(queued.command_type)
    if declared is None:
        raise UndeclaredMessage(f"no code declares the command {queued.command_type!r}: deploy the code that does")
    return msgspec.json.decode(body, type=declared.cls)


def _stored(context: Context) -> dict[str, Any]:
    stored: dict[str, Any] = {"metadata": msgspec.to_builtins(context.metadata), "expected": context.expected_version}
    if context.guard is not None:
        name = GUARD_NAMES.get(type(context.guard))
        if name is None:
            raise UndeclaredMessage(f"{context.guard!r} cannot be queued: declare it with @guard")
        stored["guard"] = [name, msgspec.to_builtins(context.guard)]
    return stored


def _context_of(queued: QueuedCommand) -> Context:
    metadata = msgspec.convert(queued.context["metadata"], Metadata)
    guard = queued.context.get("guard")
    if guard and guard[0] not in GUARDS:
        raise UndeclaredMessage(f"no code declares the guard {guard[0]!r}: deploy the code that does")
    return Context(
        actor=metadata.actor,
        command_id=metadata.command_id,
        correlation_id=metadata.correlation_id,
        causation_id=metadata.causation_id,
        occurred_at=metadata.occurred_at,
        extra=metadata.extra,
        expected_version=queued.context["expected"],
        guard=msgspec.convert(guard[1], GUARDS[guard[0]]) if guard else None,
    )
