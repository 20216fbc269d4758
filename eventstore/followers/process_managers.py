"""Process managers: reactions to events that send commands, at once or at a deadline.

A process reads the log, not the read models, so a rebuild of a read model sends nothing. Two transactions make each
reaction take effect exactly once:
- The planned commands are written in the transaction that moves the process's checkpoint.
- A due command is dispatched in the transaction that deletes its plan. Its command id is made from the event it reacts
  to, so a plan that is written again is answered from the receipt.
A crash at any point only delays the reaction.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from typing import Any, ClassVar, TypeVar
from uuid import UUID, uuid5

import msgspec
from celery import shared_task
from django.db import connection, transaction
from django.utils import timezone

from eventstore import codec
from eventstore.codec import IMPORTED
from eventstore.dispatch import Context, dispatch
from eventstore.errors import CommandRefused, UndeclaredMessage, summary_of
from eventstore.followers.consumers import follow, start_here
from eventstore.followers.handling import Consumer, declare
from eventstore.messages import COMMANDS, EVENT_TYPES
from eventstore.models import ConsumerCheckpoint, PlannedCommand
from eventstore.records import Damaged, Recorded
from eventstore.wakeups import wakeup
from eventstore.wakeups.wakeup import Wakeup

log = logging.getLogger(__name__)

_IDS = UUID("3c1d6a52-8f0e-4a37-9d6b-5e2f1b7c9a40")
MAX_COMMANDS_PER_RUN = 10_000  # the next run sends the others
MAX_RETRY_DELAY = timedelta(hours=1)  # between two attempts at a command that failed without a refusal

P = TypeVar("P", bound="Process")
E = TypeVar("E")


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """An intent: send `command` at `at` (None: at once), unless the process yields `Forget(key)` before.

    The command is stored as plain JSON until it is sent, so it must not hold personal data.
    """

    command: object
    key: UUID
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forget:
    """An intent: cancel every command that is planned under `key`."""

    key: UUID


Intent = Send | Forget
Reaction = Callable[[Any, Any, Recorded[Any]], Iterable[Intent]]


def reacts_to(event_type: type[E]) -> Callable[[Callable[[P, E, Recorded[E]], Iterable[Intent]]], Any]:
    """Mark a method of a process as its reaction to this event type.

    The method takes `(self, event, fact)` and returns intents.
    """

    def mark(method: Callable[[P, E, Recorded[E]], Iterable[Intent]]) -> Any:
        method.reacts_to = event_type  # type: ignore[attr-defined]  # read once, when the class is made
        return method

    return mark


class Process:
    """A reaction to events. Subclass it, set `name` and `plan`, and mark its methods with `@reacts_to`.

    A process reacts to events recorded after its installation (`install` runs after each migration). It ignores events
    that `import_history` brought from another site. `plan` is the text shown to people while a command is planned.
    """

    name: ClassVar[str]
    plan: ClassVar[str]
    reactions: ClassVar[dict[type, Reaction]]
    consumer: ClassVar[Consumer]

    def __init_subclass__(cls) -> None:
        cls.reactions = {method.reacts_to: method for method in vars(cls).values() if hasattr(method, "reacts_to")}
        process = PROCESSES[cls.name] = cls()
        cls.consumer = declare(
            Consumer(name=f"process:{cls.name}", handle=partial(_react, process), event_types=process.event_types)
        )

    @property
    def event_types(self) -> list[str]:
        """Return the stored names of the event types that this process reacts to."""
        return sorted(EVENT_TYPES[event].name for event in self.reactions)

    def refused(self, command: Any, refusal: CommandRefused) -> Iterable[Intent]:
        """Return intents to replace a command that a rule refused. Does nothing unless a process overrides it."""
        return ()

    def react(self, fact: Recorded[Any]) -> Iterable[Intent]:
        """Return the intents of this process for an event. Raises the error of a damaged event."""
        if IMPORTED in fact.metadata.extra:
            return ()
        if isinstance(fact.event, Damaged):
            raise fact.event.error
        return self.reactions[type(fact.event)](self, fact.event, fact)


PROCESSES: dict[str, Process] = {}
"""Each declared process, by name."""


def install_after_migration(**signal: Any) -> None:
    """Receive `post_migrate`, which Django also sends when only some migrations were applied, and call `install`."""
    if ConsumerCheckpoint._meta.db_table in connection.introspection.table_names():
        install()


def install() -> None:
    """Start each new process at the current end of the log."""
    for process in PROCESSES.values():
        start_here(process.consumer.name)


def plans_for(key: UUID) -> list[tuple[str, datetime]]:
    """Return the commands planned under `key`: the `plan` text of the process, and when the command is due."""
    planned = PlannedCommand.objects.filter(key=key, refused_at=None, process__in=PROCESSES).order_by("due_at")
    return [(PROCESSES[each.process].plan, each.due_at) for each in planned]


def wakeups(aggregate_ids: Any = None) -> list[Wakeup]:
    """Return the wake-ups to send after an append: one that runs all processes."""
    return [_wakeup()]


@shared_task(name="eventstore.processes.run")
def run() -> None:
    """Let each process react to new events, then send the commands that are due.

    If one process fails, the others still run. Celery beat and wake-ups send this task.
    """
    wakeup.acknowledge(_wakeup())
    install()
    for process in PROCESSES.values():
        try:
            follow(process.consumer)
        except Exception:  # stored with the checkpoint, which stays
            log.exception("the process %s failed and will be tried again", process.name)
    send_due()


def send_due() -> int:
    """Send the planned commands that are due, at most MAX_COMMANDS_PER_RUN; return how many were tried."""
    due = PlannedCommand.objects.filter(refused_at=None, due_at__lte=timezone.now()).order_by("due_at")
    command_ids = list(due.values_list("pk", flat=True)[:MAX_COMMANDS_PER_RUN])
    for command_id in command_ids:
        try:
            _send(command_id)
        except Exception as error:  # any error is stored, shown in the admin, and the command tried again
            log.exception("the planned command %s failed", command_id)
            _try_later(command_id, error)
    return len(command_ids)


def _send(command_id: UUID) -> None:
    """Dispatch one planned command and delete its plan, in one transaction."""
    with transaction.atomic():
        plan = PlannedCommand.objects.select_for_update(skip_locked=True).filter(pk=command_id, refused_at=None).first()
        if plan is None:
            return  # another worker holds it, or the process forgot it
        command = _command_of(plan)
        context = Context(
            actor=f"service:{plan.process}",
            command_id=plan.command_id,
            correlation_id=plan.correlation_id,
            causation_id=plan.causation_id,
        )
        try:
            dispatch(command, context)
        except CommandRefused as refusal:
            log.info("%s was refused: %s", plan, refusal)
            plan.refused_at, plan.problem = timezone.now(), refusal.message
            plan.save(update_fields=["refused_at", "problem"])
            replacement = PROCESSES[plan.process].refused(command, refusal)
            intents = _Intents(plan.process)
            intents.add(
                replacement, cause=plan.command_id, event_id=plan.causation_id, correlation_id=plan.correlation_id
            )
            intents.write()
        else:
            plan.delete()


def _try_later(command_id: UUID, error: Exception) -> None:
    with transaction.atomic():
        plan = PlannedCommand.objects.select_for_update().filter(pk=command_id).first()
        if plan:
            plan.attempts += 1
            plan.problem = summary_of(error)
            plan.due_at = timezone.now() + wakeup.retry_delay(plan.attempts, longest=MAX_RETRY_DELAY)
            plan.save(update_fields=["attempts", "problem", "due_at"])


def _react(process: Process, facts: Sequence[Recorded[Any]]) -> None:
    intents = _Intents(process.name)
    for fact in facts:
        intents.add(
            process.react(fact),
            cause=fact.event_id,
            event_id=fact.event_id,
            correlation_id=fact.metadata.correlation_id,
        )
    intents.write()


@dataclass(slots=True)
class _Intents:
    """The intents of a process, collected in order and written together: two statements for any number of events."""

    process: str
    forgotten_keys: set[UUID] = field(default_factory=set)
    plans: dict[UUID, list[PlannedCommand]] = field(default_factory=dict)

    def add(self, intents: Iterable[Intent], *, cause: UUID, event_id: UUID, correlation_id: UUID) -> None:
        """Add intents. The command ids are made from `cause`, so the same cause never plans a command twice."""
        for number, intent in enumerate(intents):
            match intent:
                case Forget(key=key):
                    self.forgotten_keys.add(key)
                    self.plans.pop(key, None)
                case Send(command=command, key=key, at=at):
                    plan = PlannedCommand(
                        command_id=uuid5(_IDS, f"{self.process}:{cause}:{number}"),
                        process=self.process,
                        key=key,
                        command_type=codec.command_type_of(command).name,
                        body=msgspec.to_builtins(command),
                        due_at=at or timezone.now(),
                        causation_id=event_id,
                        correlation_id=correlation_id,
                    )
                    self.plans.setdefault(key, []).append(plan)

    def write(self) -> None:
        """Delete the plans under forgotten keys, then insert the new plans."""
        if self.forgotten_keys:
            PlannedCommand.objects.filter(process=self.process, key__in=self.forgotten_keys, refused_at=None).delete()
        PlannedCommand.objects.bulk_create(chain.from_iterable(self.plans.values()), ignore_conflicts=True)


def _command_of(plan: PlannedCommand) -> Any:
    declared = COMMANDS.get(plan.command_type)
    if declared is None:
        raise UndeclaredMessage(f"no code declares the command {plan.command_type!r}: deploy the code that does")
    return msgspec.convert(plan.body, declared.cls)


def _wakeup() -> Wakeup:
    return Wakeup("processes", run)
