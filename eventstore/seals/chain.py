"""Seal the log: prove that no event was changed, removed or inserted, even by the owner of the database.

A periodic task seals the settled events, range by range. A seal holds the Merkle root over the canonical bytes of the
range's events and the hash of the previous seal, and is signed (Ed25519). Appends do not wait for it. Encrypted fields
are sealed in their encrypted form, so erasing a person changes no seal. See docs/tamper-evidence.md.

Fast path: PostgreSQL hashes the events, instead of Python; measured in docs/performance.md.
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
from eventstore.models import Event, Seal
from eventstore.personal_data import in_the_clear
from eventstore.seals import keys, merkle

EVENTS_PER_SEAL = 4096  # at most
_POSITION, _HASH = 8, 32  # sizes in bytes of the two parts of an entry in `Seal.leaves`

# The canonical bytes of an event: PostgreSQL's text of this array. It does not depend on the session's time zone or
# date style.
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
    """Seal all settled events; return the number of new seals. Raises SealKeyMissing, MalformedSealKey.

    Returns at once if another process is sealing. Stops after the first seal that is not full: with writers that never
    pause, it would otherwise run for ever and make a seal for every few events.
    """
    seals = 0
    while events := _seal_next():
        seals += 1
        if events < EVENTS_PER_SEAL:
            break
    return seals


def _seal_next() -> int:
    """Make the next seal; return the number of events it covers, or 0 if none was made."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext('seals'))")
        if not cursor.fetchone()[0]:
            return 0
        last = newest()
        after = last.through if last else 0
        horizon = store.horizon()
        leaves = leaves_between(after, horizon, limit=EVENTS_PER_SEAL)
        if not leaves:
            return 0
        seal = Seal(
            number=last.number + 1 if last else 1,
            after=after,
            # Up to the horizon: a gap in a settled range stays a gap. An event that appears there later was inserted.
            through=leaves[-1][0] if len(leaves) == EVENTS_PER_SEAL else horizon,
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
    """Return the latest seal, without its leaves."""
    return Seal.objects.defer("leaves").order_by("number").last()


def unsealed_count(*, count_to: int = 10_000) -> int:
    """Return the number of events that no seal covers yet. Counts no further than `count_to`."""
    last = newest()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM (SELECT FROM events WHERE position > %s LIMIT %s) unsealed",
            [last.through if last else 0, count_to],
        )
        count: int = cursor.fetchone()[0]
    return count


def leaves_between(after: int, through: int, *, limit: int) -> list[Leaf]:
    """Return the leaves of the events now in the log after `after` up to `through`, at most `limit`."""
    with connection.cursor() as cursor:
        cursor.execute(_LEAVES, [after, through, limit])
        return [(position, bytes(digest)) for position, digest in cursor]


def statement(seal: Seal) -> bytes:
    """Return the bytes that are signed: the seal as JSON with sorted keys and no spaces."""
    fields = {
        "seal": seal.number,
        "after": seal.after,
        "through": seal.through,
        "events": seal.events,
        "root": bytes(seal.root).hex(),
        "previous": bytes(seal.previous).hex(),
        "sealed_at": seal.sealed_at.astimezone(UTC).isoformat(timespec="microseconds"),
        "public_key": bytes(seal.public_key).hex(),
    }
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


def hash_of(seal: Seal) -> bytes:
    """Return the hash of a seal, which the next seal contains."""
    return sha256(statement(seal)).digest()


def is_genuine(seal: Seal) -> bool:
    """Return whether a trusted key signed the seal. Raises MalformedSealKey."""
    key = bytes(seal.public_key)
    return key in keys.trusted() and keys.is_valid_signature(statement(seal), bytes(seal.signature), key)


def leaves_of(seal: Seal) -> list[Leaf]:
    """Return the leaves stored with a seal. They are genuine only if their Merkle root is the signed root."""
    stored = bytes(seal.leaves)
    entries = (stored[start : start + _POSITION + _HASH] for start in range(0, len(stored), _POSITION + _HASH))
    return [(int.from_bytes(entry[:_POSITION]), entry[_POSITION:]) for entry in entries]


def public_form(seal: Seal) -> dict[str, str]:
    """Return a seal in the form that is published, to prove later what the log was. It holds no personal data."""
    return {"statement": statement(seal).decode(), "signature": bytes(seal.signature).hex()}


def prove(event: int | UUID) -> dict[str, Any]:
    """Return a proof that an event, given by position or id, was in the log when its seal was signed.

    The proof holds all that a third party needs to check it, and so the event as it is stored. Raises NotSealed,
    MalformedSealKey, and SubjectWasErased for an old event of an erased person, which may have texts in the clear.
    """
    column = "position" if isinstance(event, int) else "event_id"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT position, {_CANONICAL} FROM events WHERE {column} = %s", [event])
        row = cursor.fetchone()
    if row is None:
        raise NotSealed(f"there is no event {event} in the log")
    position, canonical = row
    in_the_clear.require_shown(Event.objects.get(position=position))
    seal = Seal.objects.filter(after__lt=position, through__gte=position).first()
    if seal is None:
        raise NotSealed(f"the event at {position} is not sealed yet: run `manage.py seal_log`, then try again")
    sealed = leaves_of(seal)
    digests = [digest for _, digest in sealed]
    index = next((number for number, (at, _) in enumerate(sealed) if at == position), None)
    if index is None or digests[index] != merkle.leaf(canonical.encode()) or merkle.root(digests) != bytes(seal.root):
        raise NotSealed(
            f"the event at {position} differs from what seal {seal.number} covers: run `manage.py verify_log`"
        )
    if not is_genuine(seal):
        raise NotSealed(f"seal {seal.number} is not signed by a trusted key: run `manage.py verify_log`")
    return {"event": canonical, "index": index, "path": [step.hex() for step in merkle.path(digests, index)]} | (
        public_form(seal)
    )


def in_order(seals: Any) -> Iterator[Seal]:
    """Yield the seals of a queryset by number, without their leaves. Holds at most 500 in memory."""
    yield from seals.defer("leaves").order_by("number").iterator(chunk_size=500)


def format_sealed_at(moment: datetime) -> str:
    """Return the time of a seal in local time, to the second."""
    return timezone.localtime(moment).strftime("%Y-%m-%d %H:%M:%S")
