"""The command queue: a command that is accepted is done, once, whatever dies meanwhile.

Accepted means committed here, in the database; the broker carries nothing but a doorbell. A worker does a command and
notes the outcome in one transaction, and the command id is the sender's, so even that may be repeated. The commands
to one aggregate are done in the order in which they came.
"""

import logging
from datetime import timedelta
from typing import Any

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
)
from eventstore.messages import COMMANDS, GUARDS
from eventstore.models import QueuedCommand
from eventstore.personal_data import encryption
from eventstore.wakeups import wakeup
from eventstore.wakeups.wakeup import Wakeup

log = logging.getLogger(__name__)


ATTEMPTS = 10  # at a command that fails though nothing refuses it; the last comes after some 17 minutes


LONGEST_PAUSE = timedelta(minutes=5)


Status = QueuedCommand.Status


def _wakeup() -> Wakeup:
    return Wakeup("queue", run)


def wake_worker() -> None:
    wakeup.wake(_wakeup())


@shared_task(name="eventstore.queue.run")
def run() -> None:
    """Do what waits. The bell and beat call it."""
    wakeup.acknowledge(_wakeup())
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
        transaction.on_commit(wake_worker, robust=True)


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
        body = encryption.reveal_bytes(queued.owner_id, queued.command_id, bytes(queued.body or b""))
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
