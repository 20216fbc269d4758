"""Seals: proof that nothing in the log was changed, removed or inserted, even by whoever owns the database.

A consumer of the log seals what is settled, range by range: the Merkle root over the canonical bytes of a range's
events, chained to the seal before and signed (Ed25519). Who appends pays nothing. What is encrypted is sealed as it is
stored, so erasing a person changes no seal. docs/tamper-evidence.md.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from eventstore import store
from eventstore.errors import NotSealed
from eventstore.models import Seal
from eventstore.seals import keys, merkle

EVENTS = 4096  # of one seal, at most
_POSITION, _HASH = 8, 32  # bytes of an entry of `leaves`

# The canonical bytes of an event: PostgreSQL's text of this array, whatever a session's time zone or date style is.
_CANONICAL = """jsonb_build_array(position, event_id, aggregate_id, aggregate_type, version, event_type, schema_version,
  event_data, metadata, round(extract(epoch FROM timestamp) * 1000000), subject_id)::text"""
_LEAVES = f"""
SELECT position, sha256('\\x00'::bytea || convert_to({_CANONICAL}, 'UTF8'))
  FROM (SELECT * FROM events WHERE position > %s AND position <= %s ORDER BY position LIMIT %s) range
 ORDER BY position
"""

Leaf = tuple[int, bytes]
"""An event's position and the hash of its canonical bytes."""


def seal_settled() -> int:
    """Seal everything that is settled; returns how many seals that took. Raises SealKeyMissing, MalformedSealKey.

    Where somebody else is sealing already, this leaves it to them. A seal that is not full is the last: writers that
    never pause would keep this going for ever, at a seal for every few events.
    """
    made = 0
    while events := _seal_next():
        made += 1
        if events < EVENTS:
            break
    return made


def _seal_next() -> int:
    """How many events the next seal covers; 0 where none was made."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext('seals'))")
        if not cursor.fetchone()[0]:
            return 0
        last = newest()
        after = last.through if last else 0
        horizon = store.horizon()
        leaves = leaves_between(after, horizon, limit=EVENTS)
        if not leaves:
            return 0
        seal = Seal(
            number=last.number + 1 if last else 1,
            after=after,
            # Up to the horizon: a hole in a range that is settled stays one, and what appears there was inserted.
            through=leaves[-1][0] if len(leaves) == EVENTS else horizon,
            events=len(leaves),
            root=merkle.root([digest for _, digest in leaves]),
            previous=hash_of(last) if last else bytes(_HASH),
            sealed_at=timezone.now(),
            leaves=b"".join(position.to_bytes(_POSITION) + digest for position, digest in leaves),
        )
        key = keys.signing_key()
        seal.public_key = keys.public_bytes(key)
        seal.signature = key.sign(statement(seal))
        seal.save(force_insert=True)
        return len(leaves)


def newest() -> Seal | None:
    return Seal.objects.defer("leaves").order_by("number").last()


def leaves_between(after: int, through: int, *, limit: int) -> list[Leaf]:
    """The leaves of the events that stand in the log in this range, at most `limit`, hashed by the database."""
    with connection.cursor() as cursor:
        cursor.execute(_LEAVES, [after, through, limit])
        return [(position, bytes(digest)) for position, digest in cursor]


def statement(seal: Seal) -> bytes:
    """What is signed: the seal as JSON, sorted and without spaces."""
    stated = {
        "seal": seal.number,
        "after": seal.after,
        "through": seal.through,
        "events": seal.events,
        "root": bytes(seal.root).hex(),
        "previous": bytes(seal.previous).hex(),
        "sealed_at": seal.sealed_at.astimezone(UTC).isoformat(timespec="microseconds"),
        "public_key": bytes(seal.public_key).hex(),
    }
    return json.dumps(stated, sort_keys=True, separators=(",", ":")).encode()


def hash_of(seal: Seal) -> bytes:
    """What the next seal is chained to."""
    return sha256(statement(seal)).digest()


def is_genuine(seal: Seal) -> bool:
    """Whether a trusted key signed it. Raises MalformedSealKey."""
    key = bytes(seal.public_key)
    return key in keys.trusted() and keys.is_signed(statement(seal), bytes(seal.signature), key)


def leaves_of(seal: Seal) -> list[Leaf]:
    """What was sealed, as the seal's row keeps it. The hashes are genuine if they make the signed root."""
    kept = bytes(seal.leaves)
    entries = (kept[start : start + _POSITION + _HASH] for start in range(0, len(kept), _POSITION + _HASH))
    return [(int.from_bytes(entry[:_POSITION]), entry[_POSITION:]) for entry in entries]


def public_form(seal: Seal) -> dict[str, str]:
    """A seal to give away: enough to prove later what the log was. Holds no personal data."""
    return {"statement": statement(seal).decode(), "signature": bytes(seal.signature).hex()}


def prove(event: int | UUID) -> dict[str, Any]:
    """That an event, by position or id, was in the log when its seal was signed: what a third party needs to check it.

    Raises NotSealed, MalformedSealKey.
    """
    column = "position" if isinstance(event, int) else "event_id"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT position, {_CANONICAL} FROM events WHERE {column} = %s", [event])
        row = cursor.fetchone()
    if row is None:
        raise NotSealed(f"there is no event {event} in the log")
    position, canonical = row
    seal = Seal.objects.filter(after__lt=position, through__gte=position).first()
    if seal is None:
        raise NotSealed(f"the event at {position} is not sealed yet: run `manage.py seal_log`, then ask again")
    sealed = leaves_of(seal)
    digests = [digest for _, digest in sealed]
    index = next((number for number, (at, _) in enumerate(sealed) if at == position), None)
    if index is None or digests[index] != merkle.leaf(canonical.encode()) or merkle.root(digests) != bytes(seal.root):
        raise NotSealed(f"the event at {position} is not what seal {seal.number} sealed: run `manage.py verify_log`")
    if not is_genuine(seal):
        raise NotSealed(f"seal {seal.number} is not signed by a trusted key: run `manage.py verify_log`")
    return {"event": canonical, "index": index, "path": [step.hex() for step in merkle.path(digests, index)]} | (
        public_form(seal)
    )


def numbered(seals: Any) -> Iterator[Seal]:
    """Seals in order, a few at a time in memory, without their leaves."""
    yield from seals.defer("leaves").order_by("number").iterator(chunk_size=500)


def sealed_at_words(moment: datetime) -> str:
    return timezone.localtime(moment).strftime("%Y-%m-%d %H:%M:%S")
