"""Verification against a misleading owner of the database, and sealing on a busy machine or a full disk."""

import json
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from eventstore.errors import MalformedSealKey, NotSealed
from eventstore.models import Event, Seal
from eventstore.seals import chain, publishing
from eventstore.seals.chain import prove, seal_settled
from eventstore.seals.keys import signing_key
from tests.support.seals import CHANGES, findings, run_command
from tests.support.tally import append_tally
from tests.support.tampering import behind_the_logs_back

pytestmark = pytest.mark.django_db(transaction=True)


def forge_a_stored_position() -> None:
    """Change the position of the second entry of the second seal, but not its hash, so the root is unchanged."""
    kept = bytearray(Seal.objects.get(number=2).leaves)
    kept[40:48] = (10**9).to_bytes(8)
    behind_the_logs_back("UPDATE seals SET leaves = %s WHERE number = 2", bytes(kept))


def test_a_forged_position_with_a_genuine_hash_accuses_no_sound_event(sealed: list[int]) -> None:
    forge_a_stored_position()
    assert findings() == ["the leaves stored with seal 2 were changed; its events are sound"]
    behind_the_logs_back(CHANGES["a byte of the data"], sealed[8])
    assert findings()[0].startswith(f"the event at position {sealed[8]} was changed")


@pytest.mark.parametrize("moment", ["infinity", "-infinity"])
def test_an_event_moved_to_the_end_of_time_is_named(sealed: list[int], moment: str) -> None:
    behind_the_logs_back("UPDATE events SET timestamp = %s WHERE position = %s", moment, sealed[6])
    assert findings()[0].startswith(f"the event at position {sealed[6]} was changed")


def test_the_canonical_time_is_whole_microseconds(sealed: list[int]) -> None:
    behind_the_logs_back("UPDATE events SET timestamp = '2011-03-30 12:00:00.000007+00' WHERE position = %s", sealed[6])
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {chain._CANONICAL} FROM events WHERE position = %s", [sealed[6]])
        assert json.loads(cursor.fetchone()[0])[9] == 1301486400000007
        cursor.execute(
            f"SELECT {chain._CANONICAL} LIKE '%%, ' || (extract(epoch FROM timestamp) * 1000000)::bigint || ', null]'"
            " FROM events"
        )
        assert {same for (same,) in cursor} == {True}


def test_sealing_returns_although_writers_never_pause() -> None:
    stop = threading.Event()

    def write() -> None:
        try:
            while not stop.is_set():
                append_tally()
        finally:
            connection.close()

    def seal() -> None:
        try:
            made.append(seal_settled())
        finally:
            connection.close()

    made: list[int] = []
    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    while Event.objects.count() < 50:
        pass
    sealer = threading.Thread(target=seal)
    sealer.start()
    sealer.join(10)
    returned = not sealer.is_alive()
    stop.set()
    for thread in (*writers, sealer):
        thread.join(20)
    assert returned
    assert made == [1]
    seal_settled()
    assert sum(Seal.objects.values_list("events", flat=True)) == Event.objects.count()
    assert findings() == []


def test_a_seal_without_a_trusted_signature_proves_nothing(sealed: list[int]) -> None:
    behind_the_logs_back("UPDATE seals SET sealed_at = sealed_at - interval '1 day' WHERE number = 2")
    with pytest.raises(NotSealed, match="seal 2 is not signed by a trusted key"):
        prove(sealed[6])


def test_a_log_without_seals_does_not_verify(sealed: list[int]) -> None:
    behind_the_logs_back("DELETE FROM seals")
    assert "there are 12 events and no seal, so nothing is proved" in run_command("verify_log")


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Limit the size of files inside the block: bytes beyond it are not written, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_seal_is_written_completely_or_not_at_all(
    sealed: list[int], tmp_path: Path, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "seals"
    settings.SEAL_FILE = str(file)
    publishing.publish()
    whole = file.read_bytes()
    with room_for(len(whole) + 100):
        publishing.publish()
    assert "bytes could be written" in caplog.text
    assert file.read_bytes() == whole
    publishing.publish()
    assert file.read_bytes() == whole * 2
    assert "12 events are as 3 seals say" in run_command("verify_log", "--against", str(file))


def test_a_key_that_is_not_ascii_is_named(settings: Any) -> None:
    settings.SEAL_KEYS = ["ké"]
    with pytest.raises(MalformedSealKey, match="is not base64"):
        signing_key()


@pytest.mark.parametrize("lacking", ["seal", "after", "through"])
def test_a_published_seal_that_lacks_a_part_is_named(sealed: list[int], tmp_path: Path, lacking: str) -> None:
    given = chain.public_form(Seal.objects.latest("number"))
    stated = json.loads(given["statement"])
    del stated[lacking]
    file = tmp_path / "seals"
    file.write_text(json.dumps(given | {"statement": json.dumps(stated)}))
    assert "is not a seal that `seal_log --to-file` wrote" in run_command("verify_log", "--against", str(file))
