"""Pseudonyms for the people in a history: the same person has the same one throughout a file, and none can be guessed.

They are made with a key that is random for each export and kept nowhere. docs/replay-a-bug.md says what is replaced.
"""

import hmac
import re
import secrets
from collections.abc import Collection
from typing import Any
from uuid import UUID

import msgspec

from eventstore.codec import IMPORTED
from eventstore.histories.event_line import Line
from eventstore.messages import EVENTS
from eventstore.personal_data.encryption import ERASED

PLAIN_MARKS = frozenset((IMPORTED, "synthetic"))
"""The marks, in an event's `extra`, that are known to name nobody."""

_PROGRAM = "service"  # the kind of actor that is nobody
_TOKEN = re.compile(
    r"(?P<mail>[^\s@<>\"',;:()]{1,64}@[^\s@<>\"',;:()]+)"
    r"|(?P<id>\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b)"
    r"|\w+"
)
_WORD = re.compile(r"\w+")
_SAID_TWICE = re.compile(r"\b(Person \d{15})(?:\s+\1)+\b")  # first name and surname
_NUMBER = re.compile(r"[\d.,+-]+")


class Pseudonyms:
    """First `learn` every line, then `disguise` them: only then is it known who is named where.

    The ids in `keep`, such as the aggregates', stay. The texts of the fields in `redacted` are replaced whole.
    """

    def __init__(self, *, keep: Collection[UUID], redacted: Collection[str] = ()) -> None:
        self._key = secrets.token_bytes(32)
        self._keep = frozenset(keep)
        self._redacted = frozenset(redacted)
        self._people: set[UUID] = set()
        self._names: set[str] = set()
        self._actors: set[str] = set()
        self._words: dict[str, str] = {}  # of names, and whose each is; one of several names stands for itself

    def learn(self, line: Line) -> None:
        """Remember the people that a line tells of: their ids and names. Raises CorruptEvent."""
        declared, cause = EVENTS.get(line.event_type), line.cause
        subjects = (line.data.get(name) for name in (declared.subject if declared else ()))
        ids = [line.subject_id, _id(next(filter(None, subjects), None)), *map(_id, cause.extra.values())]
        names = list(line.secrets.values())
        kind, name = _actor(cause.actor)
        if kind != _PROGRAM:
            self._actors.add(cause.actor)
            ids.append(_id(name))
            names.append(name)
        self._people.update(person for person in ids if person is not None and person not in self._keep)
        for each in (name.casefold() for name in names if _id(name) is None):
            if not _NUMBER.fullmatch(each):  # amounts are texts too, and stay
                self._names.add(each)
            for word in () if "@" in each else _WORD.findall(each):
                if len(word) > (3 if word.isdigit() else 1):
                    self._words[word] = each if self._words.get(word, each) == each else word

    def disguise(self, line: Line) -> Line:
        """The line with pseudonyms. Raises CorruptEvent."""
        metadata = self._walk(line.metadata)
        if extra := line.cause.extra:
            metadata["extra"] = {mark: self._mark(mark, text) for mark, text in extra.items()}
        return msgspec.structs.replace(
            line,
            metadata=metadata,
            data=self._walk(line.data) | {name: self._of(text) for name, text in line.secrets.items()},
            subject_id=line.subject_id and UUID(self._scrub(str(line.subject_id))),
        )

    def _walk(self, value: Any, name: str = "") -> Any:
        match value:
            case dict():
                return {
                    key if _id(key) is None else self._scrub(key): self._walk(each, key) for key, each in value.items()
                }
            case list():
                return [self._walk(each, name) for each in value]
            case str():
                return self._of(value) if name in self._redacted else self._scrub(value)
            case _:
                return value

    def _scrub(self, text: str) -> str:
        """A text without the people that are known, and without any e-mail address.

        The words of a name are looked for among other words only: what stands alone may be a sku.
        """
        if text in self._actors:
            return self._actor(text)
        if text.casefold() in self._names:
            return self._of(text)
        among_words = any(map(str.isspace, text))

        def replaced(found: re.Match[str]) -> str:
            token = found.group()
            if found["id"]:
                return self._person(UUID(token)) if UUID(token) in self._people else token
            if found["mail"]:
                return self._of(token)
            whose = self._words.get(token.casefold()) if among_words else None
            return self._of(whose) if whose else token

        return _SAID_TWICE.sub(r"\1", _TOKEN.sub(replaced, text))

    def _actor(self, actor: str) -> str:
        _, name = _actor(actor)
        return actor.removesuffix(name) + (self._scrub(name) if _id(name) else self._of(name))

    def _mark(self, mark: str, text: str) -> str:
        return text if mark in PLAIN_MARKS else self._scrub(text) if _id(text) else self._of(text)

    def _of(self, text: str) -> str:
        if text in ("", ERASED):
            return text
        number = f"{int.from_bytes(self._digest(text.casefold())[:8]) % 10**15:015}"
        return f"person-{number}@example.invalid" if "@" in text else f"Person {number}"

    def _person(self, person: UUID) -> str:
        return str(UUID(bytes=self._digest(str(person))[:16], version=4))

    def _digest(self, text: str) -> bytes:
        return hmac.digest(self._key, text.encode(), "sha256")


def _actor(actor: str) -> tuple[str, str]:
    """The kind of an actor and its name: `staff:anna` is Anna of the staff."""
    kind, colon, name = actor.partition(":")
    return (kind, name) if colon else ("", actor)


def _id(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
