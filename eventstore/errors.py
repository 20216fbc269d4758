"""The exceptions of the event store. Each docstring says what to do.

Plain Python: domain rules may raise and catch these.
"""

import inspect
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from uuid import UUID


class Phrase:
    """A param of CommandRefused that is not a value but words: `Phrase("{amount} was paid", amount=order.paid)`.

    `template` must be a literal, so that `make messages` finds it. `str` of a phrase is its English text.
    """

    def __init__(self, template: str, /, **params: Any) -> None:
        self.template, self.params = template, params

    def text_in(self, translated: Callable[[str], str]) -> str:
        """Return the phrase in another language; `translated` returns a template in that language."""
        return _filled(translated(self.template), self.params, translated)

    def __str__(self) -> str:
        return self.text_in(lambda template: template)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Phrase) and (self.template, self.params) == (other.template, other.params)

    def __hash__(self) -> int:
        return hash((self.template, tuple(self.params.items())))

    def __repr__(self) -> str:
        return f"Phrase({str(self)!r})"


def _filled(template: str, params: dict[str, Any], translated: Callable[[str], str]) -> str:
    """Fill in a template. Params that are phrases are translated too."""
    words = {name: each.text_in(translated) if isinstance(each, Phrase) else each for name, each in params.items()}
    return template.format(**words) if words else template


class CommandRefused(Exception):
    """A command breaks a rule of its aggregate. Nothing was written; show `message` to the sender.

    `code` is stable and machine-readable. `message` says what is wrong and what would be right: it is `template` filled
    in with `params`. A template is always a literal, so that its translation can be looked up; a param that is itself
    words, not a value, is a `Phrase`. `allowed_requests` lists what its sender could send instead; it is None unless
    the API has set it.
    """

    allowed_requests: Sequence[Any] | None = None

    def __init__(self, code: str, template: str, /, **params: Any) -> None:
        message = template.format(**params) if params else template
        super().__init__(message)
        self.code, self.template, self.params = code, template, params
        self.message = message

    def message_in(self, translated: Callable[[str], str]) -> str:
        """Return the message in another language; `translated` returns a template in that language."""
        return _filled(translated(self.template), self.params, translated)

    def __reduce__(self) -> Any:
        return partial(type(self), self.code, self.template, **self.params), ()


class AggregateNotFound(CommandRefused):
    """The command names an aggregate that does not exist or that its sender may not see. Check the id."""


class LimitExceeded(CommandRefused):
    """A command or an event is outside the bounds of `eventstore.limits`, so it was not stored. Correct the value."""


class ConcurrencyError(Exception):
    """Another writer appended to the aggregate first. Load it again and decide again, or show the newer version."""

    def __init__(self, aggregate_id: UUID | None, expected: int | None = None, actual: int | None = None) -> None:
        super().__init__(
            f"{aggregate_id or 'an aggregate of the batch'} is no longer at version {expected}"
            f"{'' if actual is None else f'; it is at version {actual}'}. Load it again, then retry."
        )
        self.aggregate_id = aggregate_id
        self.expected = expected
        self.actual = actual


class IdempotencyConflict(Exception):
    """A command id was used before with different content. Use a new id for a new command."""

    def __init__(self, command_id: UUID) -> None:
        super().__init__(
            f"command {command_id} was already done with different content; use a new id for a new command"
        )
        self.command_id = command_id


class QueueFull(Exception):
    """The command queue is full, so the command was not accepted. Send it again later, or run more workers."""


class QueueShareFull(QueueFull):
    """Too many commands of the same person wait, so the command was not accepted. Send it again when some are done."""


class ConversionRefused(Exception):
    """The log cannot be converted as requested. Nothing was changed; the message says what to do first."""


class ConversionTimedOut(Exception):
    """The log was too busy to swap in the converted table. The copied rows are retained: run the conversion again."""


class MixedBatch(ValueError):
    """A command cannot be done in this batch. Send a restore in a separate batch, and others as the message says."""


class UnknownEventType(Exception):
    """The log holds an event type that no code declares.

    The code is older than the log, or a declaration was removed: deploy the code that declares it.
    """


class MissingUpcaster(Exception):
    """An event is stored in an older shape, and no upcaster converts it. Declare one with @upcaster."""


class NewerSchemaVersion(Exception):
    """An event is stored in a newer shape than this code reads. The code is older than the log: deploy newer code."""


class CorruptEvent(Exception):
    """A stored event does not have the shape that its type declares.

    Either the shape was changed without a new schema version (restore the shape and raise the version), or the row was
    damaged.
    """


class SubjectWasErased(CommandRefused):
    """A command would record personal data of an erased person. Register the person again, under a new id."""

    def __init__(self, subject_id: UUID) -> None:
        super().__init__(
            "subject_erased", "the personal data of {subject_id} was erased: no more is stored", subject_id=subject_id
        )
        self.subject_id = subject_id

    def __reduce__(self) -> Any:
        return type(self), (self.subject_id,)


class WrongKey(Exception):
    """Personal data or a subject's key cannot be decrypted with the keys this process has.

    Either PERSONAL_DATA_KEYS lacks the master key (put it back, run `rotate_keys`, then remove it), or the stored bytes
    were changed or moved to another event.
    """


class NotParked(LookupError):
    """No event is parked there, or it only waits behind another event. The message names the parked one."""


class ReasonMissing(ValueError):
    """An event is left out only with a reason and the name of the operator. Both are recorded."""


class SealKeyMissing(Exception):
    """There is no key to seal with. Set SEAL_KEYS; docs/tamper-evidence.md says how to make a key."""


class MalformedSealKey(Exception):
    """An entry of SEAL_KEYS or SEAL_PUBLIC_KEYS is not an Ed25519 key. The message says which; correct it."""


class NotSealed(Exception):
    """An event has no proof: it is not in the log, not sealed yet, or was changed after it was sealed."""


class VersionGap(Exception):
    """An aggregate's versions are not 1, 2, 3 … without gaps.

    In a file: export the aggregate again and import all of it, with its versions in order. In the log itself: rows were
    lost, so restore them from a backup.
    """


class HistoryConflict(Exception):
    """A file and this site's log have different events for the same aggregate or the same event id.

    Each may be right on its own site, so nothing is overwritten. Import the file into a separate site.
    """


class CorruptLine(Exception):
    """A line of a history file cannot be read: it is not JSON, or its fields are not those of an event.

    The file was damaged or edited: export it again.
    """


class ForeignFile(Exception):
    """A file was not written by `export_history`, or a part of it is missing. Export the history again."""


class UndeclaredMessage(TypeError):
    """An appended or dispatched object is not a declared event or command. Decorate its class."""


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
"""The exceptions that reading a history may raise."""


def explained(error: Exception) -> str:
    """Return an error as text for the command line: its notes, name and message, and the docstring of its class."""
    notes = "".join(f"{note}: " for note in getattr(error, "__notes__", ()))
    return f"{notes}{type(error).__name__}: {error}\n{inspect.getdoc(type(error))}"


_LONGEST_TEXT = 20_000  # characters of an error that are stored


def summary_of(error: Exception) -> str:
    """Return the name of an error and the first line of its message, as PostgreSQL can store it."""
    # Not `str(error)`: that raises for an error whose message cannot be made.
    _, _, message = traceback.format_exception_only(error)[-1].partition(": ")
    return storable_text(f"{type(error).__name__}: {message.partition(chr(10))[0]}")


def storable_text(text: str) -> str:
    """Return the text of an error as PostgreSQL can store it: not too long, no NUL characters, no half surrogates."""
    return text[:_LONGEST_TEXT].replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
