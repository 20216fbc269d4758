"""Replace the people in exported histories by pseudonyms.

A person has one pseudonym throughout a file. Pseudonyms are made with a random key that is stored nowhere and differs
between exports, so they cannot be reversed. docs/replay-a-bug.md lists what is replaced.
"""

import hmac
import re
import secrets
from collections.abc import Collection
from typing import Any
from uuid import UUID

import msgspec

from eventstore.codec import IMPORTED
from eventstore.histories.event_line import EventLine
from eventstore.messages import EVENTS
from eventstore.personal_data.encryption import ERASED
from eventstore.personal_data.texts import with_texts

PLAIN_MARKS = frozenset((IMPORTED, "synthetic"))
"""The keys of an event's `extra` whose texts never name a person."""

_PROGRAM = "service"  # the kind of actor that is a program
_TOKEN = re.compile(
    r"(?P<mail>[^\s@<>\"',;:()]{1,64}@[^\s@<>\"',;:()]+)"
    r"|(?P<id>\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b)"
    r"|\w+"
)
_WORD = re.compile(r"\w+")
_REPEATED = re.compile(r"\b(Person \d{15})(?:\s+\1)+\b")  # made from a first name and a surname
_NUMBER = re.compile(r"[\d.,+-]+")


class Pseudonyms:
    """Replaces people by pseudonyms. Call `learn` for every line first, then `disguise` for every line.

    A line may name a person whose id or name stands in a later line only, hence the two passes. The ids in `keep`, such
    as the aggregates', are not replaced. The texts of the fields in `redacted` are replaced as a whole.
    """

    def __init__(self, *, keep: Collection[UUID], redacted: Collection[str] = ()) -> None:
        self._key = secrets.token_bytes(32)
        self._keep = frozenset(keep)
        self._redacted = frozenset(redacted)
        self._people: set[UUID] = set()
        self._names: set[str] = set()
        self._actors: set[str] = set()
        self._words: dict[str, str] = {}
        """Each word of a name, and the name it belongs to. A word of several names belongs to itself."""

    def learn(self, line: EventLine) -> None:
        """Remember the ids and names of the people in a line. Raises CorruptEvent."""
        declared, cause = EVENTS.get(line.event_type), line.cause
        subjects = (line.data.get(name) for name in (declared.subject if declared else ()))
        ids = [line.subject_id, _parse_id(next(filter(None, subjects), None)), *map(_parse_id, cause.extra.values())]
        names = list(line.private_texts.values())
        kind, name = _split_actor(cause.actor)
        if kind != _PROGRAM:
            self._actors.add(cause.actor)
            ids.append(_parse_id(name))
            names.append(name)
        self._people.update(person for person in ids if person is not None and person not in self._keep)
        for each in (name.casefold() for name in names if _parse_id(name) is None):
            if not _NUMBER.fullmatch(each):  # a name that looks like an amount must not replace amounts
                self._names.add(each)
            for word in () if "@" in each else _WORD.findall(each):
                if len(word) > (3 if word.isdigit() else 1):
                    self._words[word] = each if self._words.get(word, each) == each else word

    def disguise(self, line: EventLine) -> EventLine:
        """Return the line with pseudonyms. Raises CorruptEvent."""
        metadata = self._replace_in(line.metadata)
        if extra := line.cause.extra:
            metadata["extra"] = {key: self._replace_mark(key, text) for key, text in extra.items()}
        personal = {path: self._pseudonym(text) for path, text in line.private_texts.items()}
        return msgspec.structs.replace(
            line,
            metadata=metadata,
            data=with_texts(self._replace_in(line.data), personal),
            subject_id=line.subject_id and UUID(self._scrub(str(line.subject_id))),
        )

    def _replace_in(self, value: Any, name: str = "") -> Any:
        """Replace people in all texts of a JSON value. `name` is the field that the value stands in."""
        match value:
            case dict():
                return {
                    key if _parse_id(key) is None else self._scrub(key): self._replace_in(each, key)
                    for key, each in value.items()
                }
            case list():
                return [self._replace_in(each, name) for each in value]
            case str():
                return self._pseudonym(value) if name in self._redacted else self._scrub(value)
            case _:
                return value

    def _scrub(self, text: str) -> str:
        """Replace known people and all e-mail addresses in a text.

        A single word of a name is replaced only next to other words: a text of one word may be a sku.
        """
        if text in self._actors:
            return self._replace_actor(text)
        if text.casefold() in self._names:
            return self._pseudonym(text)
        has_spaces = any(map(str.isspace, text))

        def replace(match: re.Match[str]) -> str:
            token = match.group()
            if match["id"]:
                return self._pseudonymous_id(UUID(token)) if UUID(token) in self._people else token
            if match["mail"]:
                return self._pseudonym(token)
            name = self._words.get(token.casefold()) if has_spaces else None
            return self._pseudonym(name) if name else token

        return _REPEATED.sub(r"\1", _TOKEN.sub(replace, text))

    def _replace_actor(self, actor: str) -> str:
        _, name = _split_actor(actor)
        return actor.removesuffix(name) + (self._scrub(name) if _parse_id(name) else self._pseudonym(name))

    def _replace_mark(self, key: str, text: str) -> str:
        return text if key in PLAIN_MARKS else self._scrub(text) if _parse_id(text) else self._pseudonym(text)

    def _pseudonym(self, text: str) -> str:
        """Return the pseudonym of a name or an e-mail address. Case makes no difference."""
        if text in ("", ERASED):
            return text
        number = f"{int.from_bytes(self._digest(text.casefold())[:8]) % 10**15:015}"
        return f"person-{number}@example.invalid" if "@" in text else f"Person {number}"

    def _pseudonymous_id(self, person: UUID) -> str:
        return str(UUID(bytes=self._digest(str(person))[:16], version=4))

    def _digest(self, text: str) -> bytes:
        return hmac.digest(self._key, text.encode(), "sha256")


def _split_actor(actor: str) -> tuple[str, str]:
    """Split an actor into kind and name: `staff:anna` is ("staff", "anna")."""
    kind, colon, name = actor.partition(":")
    return (kind, name) if colon else ("", actor)


def _parse_id(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
