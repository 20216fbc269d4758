"""A sealed log, and changes to it that only the owner of the database can make."""

import io

import pytest
from django.core.management import CommandError, call_command

from eventstore.models import Event
from eventstore.seals import chain
from eventstore.seals.chain import seal_settled
from eventstore.seals.verification import verify
from tests.support.tally import append_tally


@pytest.fixture
def sealed(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the positions of twelve events under three seals."""
    monkeypatch.setattr(chain, "EVENTS_PER_SEAL", 5)
    for _ in range(4):
        append_tally(3)
    assert seal_settled() == 3
    return list(Event.objects.order_by("position").values_list("position", flat=True))


def findings() -> list[str]:
    """Return the messages of a verification."""
    return [finding.message for finding in verify().findings]


# --- tampering --------------------------------------------------------------------------------------------------------

CHANGES = {
    "a byte of the data": "UPDATE events SET event_data = '{\"by\": 2}' WHERE position = %s",
    "the metadata": 'UPDATE events SET metadata = metadata || \'{"actor": "staff:eve"}\' WHERE position = %s',
    "the time": "UPDATE events SET timestamp = timestamp + interval '1 microsecond' WHERE position = %s",
    "the version": "UPDATE events SET version = version + 100 WHERE position = %s",
    "the aggregate": "UPDATE events SET aggregate_id = gen_random_uuid() WHERE position = %s",
    "its type": "UPDATE events SET event_type = 'test.other' WHERE position = %s",
    "the version of its shape": "UPDATE events SET schema_version = 9 WHERE position = %s",
    "its id": "UPDATE events SET event_id = gen_random_uuid() WHERE position = %s",
    "whose data it holds": "UPDATE events SET subject_id = gen_random_uuid() WHERE position = %s",
}


# --- commands ---------------------------------------------------------------------------------------------------------


def run_command(name: str, *arguments: str) -> str:
    """Run a management command; return its output, or its errors if it fails."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command(name, *arguments, stdout=out, stderr=err)
    except CommandError as error:
        return err.getvalue() + str(error)
    return out.getvalue()
