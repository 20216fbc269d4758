"""Process managers: reactions to events that issue commands, now or at a deadline.

A process is fed by the log, not by projections, so a rebuild is silent. What it intends is written in the transaction
that moves its checkpoint on; what is due is done in the transaction that strikes it off, under a command id made from
the event it reacts to. So a crash at any point costs delay, and each reaction takes effect once.
"""

import logging
from collections.abc import Callable, Iterable
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
from eventstore.errors import CommandRefused, UndeclaredMessage
from eventstore.followers.consumers import follow, start_here
from eventstore.messages import COMMANDS, EVENT_TYPES
from eventstore.models import ConsumerCheckpoint, PlannedCommand
from eventstore.records import Damaged, Recorded
from eventstore.wakeups import wakeup
from eventstore.wakeups.wakeup import Wakeup

log = logging.getLogger(__name__)

_IDS = UUID("3c1d6a52-8f0e-4a37-9d6b-5e2f1b7c9a40")
AT_ONCE = 10_000  # commands sent in one run; the next run goes on
LONGEST_PAUSE = timedelta(hours=1)  # between two attempts at a command that fails, though no rule refuses it

P = TypeVar("P", bound="Process")
E = TypeVar("E")


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """An intent: send `command`, at once or at `at`, unless the process forgets `key` before. No personal data."""

    command: object
    key: UUID
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forget:
    """An intent: whatever was planned under `key` is not to be sent any more."""

    key: UUID


Intent = Send | Forget
Reaction = Callable[[Any, Any, Recorded[Any]], Iterable[Intent]]


def reacts_to(event_type: type[E]) -> Callable[[Callable[[P, E, Recorded[E]], Iterable[Intent]]], Any]:
    """Mark the method of a process that takes this event: `(self, event, fact)`; it returns intents."""

    def mark(method: Callable[[P, E, Recorded[E]], Iterable[Intent]]) -> Any:
        method.reacts_to = event_type  # type: ignore[attr-defined]  # read once, when the class is made
        return method

    return mark


class Process:
    """A reaction to events. Subclass it, name it, and mark its methods with `@reacts_to`.

    It hears what is recorded from its installation on (`start_here` at the first migration that knows it). What another
    site recorded and `import_history` brought here is no news, and not reacted to. `plan` is what people are told while
    something is planned.
    """

    name: ClassVar[str]
    plan: ClassVar[str]
    reactions: ClassVar[dict[type, Reaction]]

    def __init_subclass__(cls) -> None:
        cls.reactions = {method.reacts_to: method for method in vars(cls).values() if hasattr(method, "reacts_to")}
        PROCESSES[cls.name] = cls()

    @property
    def event_types(self) -> list[str]:
        return sorted(EVENT_TYPES[event].name for event in self.reactions)

    def refused(self, command: Any, refusal: CommandRefused) -> Iterable[Intent]:
        """What to do instead of a command that a rule refused: nothing, unless a process knows better."""
        return ()

    def hear(self, fact: Recorded[Any]) -> Iterable[Intent]:
        """What this process intends upon an event. Raises the error of an event that cannot be read."""
        if IMPORTED in fact.metadata.extra:
            return ()
        if isinstance(fact.event, Damaged):
            raise fact.event.error
        return self.reactions[type(fact.event)](self, fact.event, fact)


PROCESSES: dict[str, Process] = {}


def install_after_migration(**signal: Any) -> None:
    """Receives `post_migrate`, which also comes when only some migrations were applied."""
    if ConsumerCheckpoint._meta.db_table in connection.introspection.table_names():
        install()


def install() -> None:
    """Let each new process begin where the log stands now."""
    for process in PROCESSES.values():
        start_here(_checkpoint(process))


def plans_for(key: UUID) -> list[tuple[str, datetime]]:
    """What will happen by itself under `key`, in words, and when."""
    waiting = PlannedCommand.objects.filter(key=key, refused_at=None, process__in=PROCESSES).order_by("due_at")
    return [(PROCESSES[plan.process].plan, plan.due_at) for plan in waiting]


def wakeups(aggregate_ids: Any = None) -> list[Wakeup]:
    """What wakes the processes."""
    return [_wakeup()]


@shared_task(name="eventstore.processes.run")
def run() -> None:
    """Hear what is new and send what is due; one process's trouble is not the others'. Beat calls it, and the bell."""
    wakeup.acknowledge(_wakeup())
    install()
    for process in PROCESSES.values():
        try:
            follow(_checkpoint(process), partial(_hear, process), event_types=process.event_types)
        except Exception:  # kept with its checkpoint; to pass over the event would be to lose a reaction
            log.exception("the process %s cannot go on", process.name)
    send_due()


def send_due() -> int:
    """Send every planned command that is due; returns how many were tried."""
    due = PlannedCommand.objects.filter(refused_at=None, due_at__lte=timezone.now()).order_by("due_at")
    command_ids = list(due.values_list("pk", flat=True)[:AT_ONCE])
    for command_id in command_ids:
        try:
            _send(command_id)
        except Exception as error:  # whatever it is, it is kept, shown and tried again
            log.exception("the planned command %s failed", command_id)
            _try_later(command_id, error)
    return len(command_ids)


def _send(command_id: UUID) -> None:
    """Do one planned command and strike it off, together."""
    with transaction.atomic():
        plan = PlannedCommand.objects.select_for_update(skip_locked=True).filter(pk=command_id, refused_at=None).first()
        if plan is None:
            return  # another worker is at it, or the process forgot it
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
            log.info("%s is refused: %s", plan, refusal)
            plan.refused_at, plan.problem = timezone.now(), refusal.message
            plan.save(update_fields=["refused_at", "problem"])
            instead = PROCESSES[plan.process].refused(command, refusal)
            notes = _Notes(plan.process)
            notes.take(instead, cause=plan.command_id, event_id=plan.causation_id, of=plan.correlation_id)
            notes.write()
        else:
            plan.delete()


def _try_later(command_id: UUID, error: Exception) -> None:
    with transaction.atomic():
        plan = PlannedCommand.objects.select_for_update().filter(pk=command_id).first()
        if plan:
            plan.attempts += 1
            plan.problem = f"{type(error).__name__}: {error}"
            plan.due_at = timezone.now() + wakeup.retry_delay(plan.attempts, longest=LONGEST_PAUSE)
            plan.save(update_fields=["attempts", "problem", "due_at"])


def _hear(process: Process, facts: list[Recorded[Any]]) -> None:
    notes = _Notes(process.name)
    for fact in facts:
        notes.take(process.hear(fact), cause=fact.event_id, event_id=fact.event_id, of=fact.metadata.correlation_id)
    notes.write()


@dataclass(slots=True)
class _Notes:
    """What a process intends, in order, and written down at once: two statements for however many events."""

    process: str
    forgotten: set[UUID] = field(default_factory=set)
    plans: dict[UUID, list[PlannedCommand]] = field(default_factory=dict)

    def take(self, intents: Iterable[Intent], *, cause: UUID, event_id: UUID, of: UUID) -> None:
        """`cause` makes the command ids: the same cause never plans twice."""
        for number, intent in enumerate(intents):
            match intent:
                case Forget(key=key):
                    self.forgotten.add(key)
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
                        correlation_id=of,
                    )
                    self.plans.setdefault(key, []).append(plan)

    def write(self) -> None:
        if self.forgotten:
            known = PlannedCommand.objects.filter(process=self.process, key__in=self.forgotten, refused_at=None)
            known.delete()
        PlannedCommand.objects.bulk_create(chain.from_iterable(self.plans.values()), ignore_conflicts=True)


def _command_of(plan: PlannedCommand) -> Any:
    declared = COMMANDS.get(plan.command_type)
    if declared is None:
        raise UndeclaredMessage(f"no code declares the command {plan.command_type!r}: deploy the code that does")
    return msgspec.convert(plan.body, declared.cls)


def _wakeup() -> Wakeup:
    return Wakeup("processes", run)


def _checkpoint(process: Process) -> str:
    return f"process:{process.name}"
