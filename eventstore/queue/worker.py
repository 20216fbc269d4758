"""Do the queued commands: each accepted command is done exactly once, even if processes die.

The owners of commands take turns, so a long queue of one person does not delay the command of another.

An accepted command is a committed row in the database. The broker carries only wake-ups. A worker does a command and
stores the outcome in one transaction. The command id is the sender's, so a second attempt changes nothing. Commands for
the same aggregate are done in the order in which they were accepted.
"""

import logging
import time
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from celery import shared_task
from celery.signals import worker_ready
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from eventstore.codec import Metadata
from eventstore.dispatch import Context, dispatch
from eventstore.errors import (
    AggregateNotFound,
    CommandRefused,
    ConcurrencyError,
    IdempotencyConflict,
    UndeclaredMessage,
    summary_of,
)
from eventstore.messages import COMMANDS, GUARDS
from eventstore.models import QueuedCommand
from eventstore.personal_data import encryption
from eventstore.queue.refusals import params_to_json
from eventstore.wakeups import wakeup
from eventstore.wakeups.wakeup import Wakeup

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 10  # for a command that fails but is not refused; the last attempt comes after about 17 minutes
LONGEST_PAUSE = timedelta(minutes=5)  # between two attempts
SLICE_SECONDS = 2.0  # after which a worker gives other tasks a turn

Status = QueuedCommand.Status


def _wakeup() -> Wakeup:
    return Wakeup("queue", run)


def wake_worker() -> None:
    """Wake a worker to do queued commands."""
    wakeup.wake(_wakeup())


@shared_task(name="eventstore.queue.run")
def run() -> None:
    """Do all waiting commands that are due. Started by the wake-up and by Celery beat."""
    wakeup.acknowledge(_wakeup())
    ends = time.monotonic() + SLICE_SECONDS
    served: set[UUID] = set()  # in this turn
    while owner := _process_next(served):
        served.add(owner)
        if time.monotonic() > ends:
            wake_worker()
            return


@shared_task(name="eventstore.queue.prune")
def prune() -> None:
    """Delete outcomes after COMMAND_RESULTS_DAYS. The receipts stay, so no command is done a second time."""
    old = timezone.now() - timedelta(days=settings.COMMAND_RESULTS_DAYS)
    QueuedCommand.objects.filter(status__in=(Status.DONE, Status.REFUSED), finished_at__lt=old).delete()


def redrive(queued: QueuedCommand) -> None:
    """Try a failed command again. Later commands for the same aggregate may already have been done."""
    with transaction.atomic():
        QueuedCommand.objects.filter(pk=queued.pk, status=Status.FAILED).update(
            status=Status.WAITING, attempts=0, due_at=timezone.now()
        )
        transaction.on_commit(wake_worker, robust=True)


@worker_ready.connect
def _run_at_start(**payload: Any) -> None:
    run.apply_async(retry=False)


# Only the first waiting command of an aggregate can be taken. So while it is being done, later ones must wait.
# The first command of an owner who was not served in this turn comes next. To find it, the waiting rows of the others
# are passed over; COMMAND_QUEUE_LIMIT bounds them.
_NEXT = """
SELECT q.id FROM command_queue q
 WHERE q.status = 'waiting' AND q.due_at <= now() AND q.owner_id <> ALL (%s)
   AND NOT EXISTS (SELECT FROM command_queue earlier WHERE earlier.aggregate_id = q.aggregate_id
                      AND earlier.status = 'waiting' AND earlier.id < q.id)
 ORDER BY q.id LIMIT 1 FOR UPDATE OF q SKIP LOCKED
"""


def _process_next(served: set[UUID]) -> UUID | None:
    """Do one command and store its outcome in the same transaction. Return its owner; None if there is no command.

    It is a command of an owner who is not among `served`, which is emptied when a new turn begins.
    """
    queued: QueuedCommand | None = None
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(_NEXT, [list(served)])
                row = cursor.fetchone()
                if row is None and served:
                    served.clear()
                    cursor.execute(_NEXT, [[]])
                    row = cursor.fetchone()
            if row is None:
                return None
            queued = QueuedCommand.objects.get(pk=row[0])
            _process(queued)
    except Exception as error:  # any unexpected failure: the command shows it and is tried again
        if queued is None:
            raise
        log.exception("the queued command %s failed", queued.command_id)
        _schedule_retry(queued, error)
    owner: UUID = queued.owner_id
    return owner


def _process(queued: QueuedCommand) -> None:
    """Do the command and save its outcome. Raises what is not an outcome."""
    queued.finished_at, queued.problem = timezone.now(), ""
    try:
        body = encryption.decrypt_bytes(queued.owner_id, queued.command_id, bytes(queued.body or b""))
        answer = dispatch(_command_of(queued, body), _context_of(queued))
    except CommandRefused as refusal:
        kind = "not_found" if isinstance(refusal, AggregateNotFound) else "refused"
        queued.refusal = {
            "kind": kind,
            "code": refusal.code,
            "message": refusal.message,
            "template": refusal.template,
            "params": params_to_json(refusal.params),
        }
    except IdempotencyConflict:
        queued.refusal = {"kind": "conflict"}
    except ConcurrencyError as refusal:
        if refusal.actual is None:
            raise  # too many lost races: the command itself may be right
        queued.refusal = {"kind": "concurrency", "expected": refusal.expected, "actual": refusal.actual}
    else:
        queued.version, queued.aggregate_id = answer.version, answer.aggregate_id
    queued.status = Status.REFUSED if queued.refusal else Status.DONE
    queued.body = None
    queued.save()


def _schedule_retry(queued: QueuedCommand, error: Exception) -> None:
    attempts = queued.attempts + 1
    QueuedCommand.objects.filter(pk=queued.pk, status=Status.WAITING).update(
        attempts=attempts,
        status=Status.FAILED if attempts >= MAX_ATTEMPTS else Status.WAITING,
        problem=summary_of(error),
        due_at=timezone.now() + wakeup.retry_delay(attempts, longest=LONGEST_PAUSE),
    )


def _command_of(queued: QueuedCommand, body: bytes) -> Any:
    declared = COMMANDS.get(queued.command_type)
    if declared is None:
        raise UndeclaredMessage(f"no code declares the command {queued.command_type!r}: deploy the code that does")
    return msgspec.json.decode(body, type=declared.cls)


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
