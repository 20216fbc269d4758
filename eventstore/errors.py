"""Everything the event store refuses, by name. Plain Python: the rules of a domain may raise and catch these."""

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from uuid import UUID


class CommandRefused(Exception):
    """A command breaks a rule of its aggregate. Nothing was written; show `message` to whoever sent it.

    `code` is stable and machine-readable. `message` says what is wrong and what would be right: `template` with
    `params` in the places that it names. A template is a literal, so that an edge can find its translation.
    `allowed_actions` are the commands that would be taken instead, where an edge has found out.
    """

    allowed_actions: Sequence[str] = ()

    def __init__(self, code: str, template: str, /, **params: Any) -> None:
        message = template.format(**params) if params else template
        super().__init__(message)
        self.code, self.template, self.params = code, template, params
        self.message = message

    def message_in(self, translated: Callable[[str], str]) -> str:
        """Return the message in another language; `translated` returns a template in that language."""
        template = translated(self.template)
        return template.format(**self.params) if self.params else template

    def __reduce__(self) -> Any:
        return partial(type(self), self.code, self.template, **self.params), ()


class AggregateNotFound(CommandRefused):
    """The command names an aggregate that has no events, or that its sender may not see. Check the id."""


class ConcurrencyError(Exception):
    """Somebody appended to the aggregate first. Load it again and decide again, or show the newer version."""

    def __init__(self, aggregate_id: UUID | None, expected: int | None = None, actual: int | None = None) -> None:
        super().__init__(
            f"{aggregate_id or 'an aggregate of the batch'} is not at version {expected} any more"
            f"{'' if actual is None else f', but at {actual}'}. Load it again, then retry."
        )
        self.aggregate_id = aggregate_id
        self.expected = expected
        self.actual = actual


class IdempotencyConflict(Exception):
    """A command id was used before with another content. Use a new id for a new command."""

    def __init__(self, command_id: UUID) -> None:
        super().__init__(f"command {command_id} was already done with another content; use a new id for a new command")
        self.command_id = command_id


class QueueFull(Exception):
    """So many commands wait that no more are taken. Send it again later, or let more workers run."""


class ConversionRefused(Exception):
    """The log cannot be converted as asked. Nothing was changed; the message says what to do first."""


class ConversionTimedOut(Exception):
    """The log was too busy to be swapped. What was copied is kept: run the conversion again."""


class MixedBatch(ValueError):
    """A batch restores an aggregate and changes it too. Send what restores it in a batch of its own."""


class UnknownEventType(Exception):
    """The log holds an event type that no code declares.

    The code is older than the log, or a declaration was removed: deploy the code that declares it.
    """


class MissingUpcaster(Exception):
    """An event is stored in an older shape than the code's, and no upcaster leads on. Declare one with @upcaster."""


class NewerSchemaVersion(Exception):
    """An event is stored in a newer shape than the code knows. The code is older than the log: deploy the newer one."""


class CorruptEvent(Exception):
    """A stored event cannot be read in the shape its type declares.

    Either its shape was changed without a new schema version (restore it, raise the version), or the row was damaged.
    """


class SubjectWasErased(CommandRefused):
    """A command would record personal data of somebody who was erased. Register the person anew, under a new id."""

    def __init__(self, subject_id: UUID) -> None:
        super().__init__(
            "subject_erased", "the personal data of {subject_id} was erased: no more is kept", subject_id=subject_id
        )
        self.subject_id = subject_id

    def __reduce__(self) -> Any:
        return type(self), (self.subject_id,)


class WrongKey(Exception):
    """Personal data or a subject's key cannot be decrypted with the keys this process has.

    PERSONAL_DATA_KEYS lacks the key it was wrapped with (put it back, run `rotate_keys`, then drop it), or the stored
    bytes were changed or moved to another event.
    """


class SealKeyMissing(Exception):
    """No key is there to seal with. Set SEAL_KEYS; docs/tamper-evidence.md says how one is made."""


class MalformedSealKey(Exception):
    """An entry of SEAL_KEYS or SEAL_PUBLIC_KEYS is no Ed25519 key. The message shows which; correct it."""


class NotSealed(Exception):
    """Nothing can be proved of an event: it is not in the log, not sealed yet, or not what was sealed."""


class VersionGap(Exception):
    """An aggregate's versions are not 1, 2, 3 … without holes.

    In a file: export the aggregate anew and import the whole of it, its versions in order. In the log itself: rows were
    lost, so restore them from a backup.
    """


class HistoryConflict(Exception):
    """A file tells another history than this site's log does, of the same aggregate or under the same event id.

    Both may be true where they come from, and neither is overwritten: import it into a site of its own.
    """


class CorruptLine(Exception):
    """A line of a history cannot be read: it is no JSON, or its fields are not those of an event.

    The file was damaged or edited: export it anew.
    """


class ForeignFile(Exception):
    """A file is no history that `export_history` wrote, or not the whole of one. Export it anew, all of it."""


class UndeclaredMessage(TypeError):
    """An object was appended or dispatched that is no declared event or command. Decorate its class."""


UNREADABLE = (
    UnknownEventType,
    MissingUpcaster,
    NewerSchemaVersion,
    CorruptEvent,
    CorruptLine,
    UndeclaredMessage,
    VersionGap,
    WrongKey,
)
"""What may be wrong with a history that is read."""


def explained(error: Exception) -> str:
    """An error for whoever typed a command: its notes, name and message, and what its docstring says to do."""
    notes = "".join(f"{note}: " for note in getattr(error, "__notes__", ()))
    return f"{notes}{type(error).__name__}: {error}\n{inspect.getdoc(type(error))}"
