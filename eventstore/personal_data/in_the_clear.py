"""Find old events of erased persons: an older schema may have texts in the clear that are personal today.

Such an event may name no subject, because nothing in it was encrypted. Its person is then the one whom its aggregate is
about, as the aggregate's first event says.
"""

import json
from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from eventstore import codec
from eventstore.errors import UNREADABLE, SubjectWasErased
from eventstore.messages import EVENTS
from eventstore.models import Event, SubjectKey
from eventstore.personal_data import encryption
from eventstore.sql import cursor


def is_possible(event_type: str, schema_version: int, subject_id: UUID | None) -> bool:
    """Return whether an event may have personal texts in the clear, and names no person."""
    if subject_id is not None:
        return False
    declared = EVENTS.get(event_type)
    return bool(declared and schema_version < declared.schema_version and (declared.personal or declared.parts))


def of_erased_persons(aggregate_ids: Collection[UUID]) -> set[UUID]:
    """Return those of these aggregates that are about an erased person."""
    if not aggregate_ids:
        return set()
    subjects = subjects_of(aggregate_ids)
    with cursor() as opened:
        opened.execute(
            "SELECT subject_id FROM subject_keys WHERE subject_id = ANY(%s) AND wrapped_key IS NULL",
            (list(set(subjects.values())),),
        )
        erased = {subject_id for (subject_id,) in opened}
    return {aggregate_id for aggregate_id, subject_id in subjects.items() if subject_id in erased}


def shown(event: Event) -> Any:
    """Return the data of a stored event as people may see it: as it is stored, encrypted texts and all.

    The exception is an older schema of an event of an erased person: its data is in today's schema, with ERASED texts.
    Raises what `codec.decode` raises.
    """
    if _erased_subject(event) is None:
        return event.event_data
    return codec.erased_data(event.event_type, event.schema_version, json.dumps(event.event_data))


def require_shown(event: Event) -> None:
    """Raise SubjectWasErased if an event is of an erased person, and its older schema may have texts in the clear."""
    if subject_id := _erased_subject(event):
        raise SubjectWasErased(subject_id)


def _erased_subject(event: Event) -> UUID | None:
    """Return the person of an event in an older schema, if that person was erased."""
    declared = EVENTS.get(event.event_type)
    if declared is None or event.schema_version >= declared.schema_version:
        return None
    if not declared.personal and not declared.parts:
        return None
    subject_id = event.subject_id or subjects_of([event.aggregate_id]).get(event.aggregate_id)
    is_erased = subject_id is not None and SubjectKey.objects.filter(pk=subject_id, wrapped_key=None).exists()
    return subject_id if is_erased else None


def subjects_of(aggregate_ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """Return the person whom each of these aggregates is about, as its first event says, if it says so."""
    with cursor() as opened:
        opened.execute(
            "SELECT aggregate_id, subject_id, event_type, schema_version, event_data FROM events"
            " WHERE aggregate_id = ANY(%s) AND version = 1",
            (list(aggregate_ids),),
        )
        rows = opened.fetchall()
    subjects = {aggregate_id: subject_id or _named(*event) for aggregate_id, subject_id, *event in rows}
    return {aggregate_id: subject_id for aggregate_id, subject_id in subjects.items() if subject_id}


def _named(event_type: str, schema_version: int, data: str) -> UUID | None:
    """Return the person whom an event names in its own fields. None if it cannot be read."""
    declared = EVENTS.get(event_type)
    if declared is None:
        return None
    try:
        return encryption.own_subject(declared, codec.decode(event_type, schema_version, data))
    except UNREADABLE:
        return None
