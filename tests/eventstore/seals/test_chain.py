"""Every change made to the log past its triggers is found, and the first changed event is named."""

import base64
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core import mail
from django.db import InternalError, ProgrammingError, connection
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from eventstore.dispatch import Context, dispatch
from eventstore.errors import MalformedSealKey, NotSealed, SealKeyMissing
from eventstore.ids import new_id
from eventstore.models import Event, Seal
from eventstore.personal_data.encryption import PREFIX
from eventstore.personal_data.subjects import erase
from eventstore.seals import chain, keys, merkle, publishing
from eventstore.seals.chain import prove, seal_settled
from eventstore.seals.verification import verify
from tests.support.booking import new_booking
from tests.support.seals import CHANGES, findings, run_command
from tests.support.tally import Count, append_tally, open_append
from tests.support.tampering import behind_the_logs_back

SCRIPT = Path(__file__).resolve().parents[3] / "docs" / "verify_proof.py"


database = pytest.mark.django_db(transaction=True)


# --- trees ------------------------------------------------------------------------------------------------------------

leaves = st.lists(st.binary(min_size=1, max_size=4).map(merkle.leaf), min_size=1, max_size=40)


def root_from_path(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """Return the root that a path leads to, by the algorithm of RFC 9162, 2.1.3.2."""
    fn, sn, digest = index, size - 1, leaf
    for step in path:
        assert sn
        if fn % 2 or fn == sn:
            digest = merkle.node(step, digest)
            while fn and not fn % 2:
                fn, sn = fn >> 1, sn >> 1
        else:
            digest = merkle.node(digest, step)
        fn, sn = fn >> 1, sn >> 1
    assert sn == 0
    return digest


def recursive_root(leaves: list[bytes]) -> bytes:
    """Return the root by the definition of RFC 9162, 2.1.1: split at the largest power of two below the size."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return merkle.node(recursive_root(leaves[:split]), recursive_root(leaves[split:]))


@given(leaves)
def test_a_root_is_that_of_the_standard_for_any_size(leaves: list[bytes]) -> None:
    assert merkle.root(leaves) == recursive_root(leaves)


@given(leaves, st.data())
def test_every_leaf_of_a_tree_of_any_size_is_proved_by_its_path(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    assert root_from_path(leaves[index], index, len(leaves), merkle.path(leaves, index)) == merkle.root(leaves)


# --- sealing ----------------------------------------------------------------------------------------------------------


@database
def test_every_event_is_sealed_once_and_a_sound_log_verifies(sealed: list[int]) -> None:
    assert list(Seal.objects.order_by("number").values_list("number", "events")) == [(1, 5), (2, 5), (3, 2)]
    assert seal_settled() == 0
    report = verify()
    assert (report.seals, report.events, report.unsealed, report.findings) == (3, 12, 0, [])
    append_tally(2)
    assert verify().unsealed == 2


@database
@pytest.mark.parametrize("workers", [1, 4])
def test_any_number_of_workers_finds_the_same(sealed: list[int], workers: int) -> None:
    behind_the_logs_back("DELETE FROM events WHERE position = ANY(%s)", [sealed[1], sealed[7]])
    positions = [finding.position for finding in verify(workers=workers).findings]
    assert positions == [sealed[1], sealed[7]]


@database
def test_unsettled_events_are_not_sealed_yet_and_none_is_skipped() -> None:
    append_tally()
    with open_append():
        after = append_tally()
        seal_settled()
        assert sum(Seal.objects.values_list("events", flat=True)) == 1, "events after an open transaction have to wait"
    seal_settled()
    assert sum(Seal.objects.values_list("events", flat=True)) == 3
    assert Event.objects.get(aggregate_id=after).position <= Seal.objects.latest("number").through
    assert findings() == []


@database
def test_two_sealers_at_once_make_one_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "EVENTS_PER_SEAL", 3)
    append_tally(60)
    start = threading.Barrier(4)

    def sealer() -> None:
        start.wait(20)
        seal_settled()
        connection.close()

    threads = [threading.Thread(target=sealer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    seal_settled()
    assert sum(Seal.objects.values_list("events", flat=True)) == 60
    assert findings() == []


@database
def test_erasing_a_person_changes_no_seal() -> None:
    create = new_booking()
    dispatch(create, Context(actor="customer:1"))
    seal_settled()
    assert create.guest_id
    erase(create.guest_id, Context(actor="staff:anna"))
    seal_settled()
    assert findings() == []
    proof = prove(Event.objects.earliest("position").position)
    assert create.guest_name not in json.dumps(proof)
    assert PREFIX in proof["event"]


@database
def test_the_database_refuses_to_change_seals(sealed: list[int]) -> None:
    for statement in ("UPDATE seals SET events = 1", "DELETE FROM seals", "TRUNCATE seals"):
        with pytest.raises((ProgrammingError, InternalError), match="append-only"), connection.cursor() as cursor:
            cursor.execute(statement)


@database
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_event_is_named(sealed: list[int], change: str) -> None:
    behind_the_logs_back(change, sealed[6])
    (words,) = findings()
    event = Event.objects.get(position=sealed[6])
    assert words.startswith(f"the event at position {sealed[6]} was changed: {event.event_type}")
    assert str(event.aggregate_id) in words
    assert str(event.event_id) in words
    assert "seal 2 of" in words


@database
def test_a_removed_event_is_named(sealed: list[int]) -> None:
    behind_the_logs_back("DELETE FROM events WHERE position = %s", sealed[6])
    (words,) = findings()
    assert words.startswith(f"the event at position {sealed[6]} was removed; seal 2")


@database
@pytest.mark.parametrize("left", [0, 7, 10, 11])
def test_a_truncated_log_is_named_from_where_on(sealed: list[int], left: int) -> None:
    behind_the_logs_back("DELETE FROM events WHERE position >= %s", sealed[left])
    assert findings()[0].startswith(f"the log was truncated: everything from position {sealed[left]} on is gone")


@database
def test_two_swapped_events_are_named(sealed: list[int]) -> None:
    first, second = sealed[5], sealed[6]
    behind_the_logs_back(
        "ALTER TABLE events ALTER position SET GENERATED BY DEFAULT;"
        " UPDATE events SET position = -1 WHERE position = %s;"
        " UPDATE events SET position = %s WHERE position = %s; UPDATE events SET position = %s WHERE position = -1;"
        " ALTER TABLE events ALTER position SET GENERATED ALWAYS",
        first, first, second, second,
    )  # fmt: skip
    (finding,) = verify().findings
    assert finding.message.startswith(f"the event at position {first} was changed")
    assert finding.others == 1


INSERT = """
INSERT INTO events (position, event_id, aggregate_id, aggregate_type, version, event_type, schema_version, event_data,
                    metadata) OVERRIDING SYSTEM VALUE
SELECT %s, gen_random_uuid(), gen_random_uuid(), aggregate_type, 1, event_type, schema_version, event_data, metadata
  FROM events WHERE position = %s
"""


@database
def test_an_event_inserted_into_a_hole_is_named(transactional_db: None) -> None:
    first = append_tally()
    with pytest.raises(RuntimeError):
        roll_back_one()
    append_tally()
    position = Event.objects.get(aggregate_id=first).position
    seal_settled()
    behind_the_logs_back(INSERT, position + 1, position)
    (words,) = findings()
    assert words.startswith(f"the event at position {position + 1} was inserted later: test.counted")


def roll_back_one() -> None:
    from django.db import transaction

    with transaction.atomic():
        append_tally()
        raise RuntimeError


@database
@pytest.mark.parametrize("position", [0, -5])
def test_an_event_inserted_before_the_first_position_is_named(sealed: list[int], position: int) -> None:
    behind_the_logs_back(INSERT, position, sealed[0])
    (words,) = findings()
    assert words.startswith(f"the event at position {position} was inserted later")


def sign_again(change: Callable[[Seal], None]) -> None:
    """Change the second seal and sign it with a new key."""
    seal = Seal.objects.get(number=2)
    change(seal)
    key = Ed25519PrivateKey.generate()
    seal.public_key = keys.public_bytes(key)
    seal.signature = key.sign(chain.statement(seal))
    behind_the_logs_back(
        "UPDATE seals SET root = %s, leaves = %s, public_key = %s, signature = %s WHERE number = 2",
        seal.root, seal.leaves, seal.public_key, seal.signature,
    )  # fmt: skip


@database
def test_a_forged_seal_over_a_changed_event_is_found_by_its_key_and_by_the_next_seal(sealed: list[int]) -> None:
    behind_the_logs_back(CHANGES["a byte of the data"], sealed[6])

    def cover_it_up(seal: Seal) -> None:
        stand = chain.leaves_between(seal.after, seal.through, limit=9)
        seal.root = merkle.root([digest for _, digest in stand])
        seal.leaves = b"".join(position.to_bytes(8) + digest for position, digest in stand)

    sign_again(cover_it_up)
    assert "seal 2 was signed by a key that is not trusted" in findings()[0]
    assert "seal 3 does not follow the one before it" in findings()[1]


@database
def test_a_changed_seal_is_named(sealed: list[int]) -> None:
    behind_the_logs_back("UPDATE seals SET sealed_at = sealed_at - interval '1 day' WHERE number = 2")
    assert any("seal 2 was changed: its signature is not valid" in words for words in findings())


@database
def test_a_removed_seal_is_named(sealed: list[int]) -> None:
    behind_the_logs_back("DELETE FROM seals WHERE number = 2")
    assert "after seal 1 comes seal 3: seals were removed" in findings()[0]


@database
def test_forged_leaves_neither_accuse_a_sound_event_nor_hide_a_changed_one(sealed: list[int]) -> None:
    other = bytes(Seal.objects.get(number=1).leaves)
    behind_the_logs_back("UPDATE seals SET leaves = %s WHERE number = 2", other)
    assert findings() == ["the leaves stored with seal 2 were changed; its events are sound"]
    behind_the_logs_back(CHANGES["a byte of the data"], sealed[6])
    assert "differ too" in findings()[0]


@database
def test_a_log_truncated_together_with_its_seals_is_found_by_a_published_seal(
    sealed: list[int], tmp_path: Path
) -> None:
    file = tmp_path / "seals"
    assert "covers the log through position" in run_command("seal_log", "--to-file", str(file))
    behind_the_logs_back("DELETE FROM seals WHERE number = 3")
    behind_the_logs_back("DELETE FROM events WHERE position >= %s", sealed[10])
    assert "10 events are as 2 seals say" in run_command("verify_log"), "the remaining log and seals agree"
    output = run_command("verify_log", "--against", str(file))
    assert "the log and its seals were truncated after position" in output
    assert "seal 3 was published" in output


@database
def test_a_chain_made_anew_differs_from_a_published_seal(sealed: list[int], tmp_path: Path) -> None:
    file = tmp_path / "seals"
    run_command("seal_log", "--to-file", str(file))
    assert "12 events are as 3 seals say" in run_command("verify_log", "--against", str(file))
    behind_the_logs_back("DELETE FROM seals")
    run_command("seal_log", "--to-file", str(file))
    assert "is not the one that was published" in run_command("verify_log", "--against", str(file)), (
        "every line of the file is checked"
    )


@database
def test_the_command_names_what_it_found_and_fails(sealed: list[int]) -> None:
    behind_the_logs_back(CHANGES["the time"], sealed[6])
    expected = "the log differs from what was sealed; the first finding: the event at position"
    assert f"{expected} {sealed[6]} was changed" in run_command("verify_log")


@database
@pytest.mark.parametrize("content", ["", "no json", "{}", '{"statement": "{}"}', '{"statement": "{}", "signature": 1}'])
def test_a_file_without_seals_is_refused(transactional_db: None, tmp_path: Path, content: str) -> None:
    file = tmp_path / "seals"
    file.write_text(content)
    assert "seal that `seal_log --to-file` wrote" in run_command("verify_log", "--against", str(file))
    assert "cannot be read" in run_command("verify_log", "--against", str(tmp_path / "none"))


@database
def test_the_latest_seal_is_published_to_a_file_and_by_mail(
    sealed: list[int], settings: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings.SEAL_FILE, settings.SEAL_MAIL_TO = str(tmp_path / "seals"), ["auditor@example.com"]
    publishing.publish()
    publishing.publish()
    lines = (tmp_path / "seals").read_text().splitlines()
    assert [json.loads(json.loads(line)["statement"])["seal"] for line in lines] == [3, 3]
    assert mail.outbox[0].to == ["auditor@example.com"]
    assert lines[0] in mail.outbox[0].body
    settings.SEAL_FILE = str(tmp_path / "no" / "such" / "folder")
    publishing.publish()
    assert "cannot be written" in caplog.text
    assert len(mail.outbox) == 3, "one failing does not stop the other"


@database
def test_a_mail_server_that_is_down_is_logged(
    sealed: list[int], settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.SEAL_MAIL_TO = ["auditor@example.com"]
    settings.EMAIL_BACKEND, settings.EMAIL_PORT = "django.core.mail.backends.smtp.EmailBackend", 1
    publishing.publish()
    assert "cannot be sent by mail" in caplog.text


def check(proof: dict[str, Any], key: str, folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "proof.json").write_text(json.dumps(proof))
    arguments = [sys.executable, str(SCRIPT), str(folder / "proof.json"), key]
    return subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=60)


@database
def test_a_third_party_checks_a_proof_with_the_script_and_the_public_key(sealed: list[int], tmp_path: Path) -> None:
    key = run_command("seal_log", "--public-key").strip()
    for position in sealed:
        proof = json.loads(run_command("prove", str(position)))
        good = check(proof, key, tmp_path)
        assert good.returncode == 0, good.stderr
        assert "proved: in the log by" in good.stdout
        assert proof["event"] in good.stdout
    forged = [
        proof | {"event": proof["event"].replace('"by": 1', '"by": 2')},
        proof | {"path": [*proof["path"][:-1], "00" * 32]},
        proof | {"path": proof["path"][:-1]},
        proof | {"index": proof["index"] + 1},
        proof | {"statement": proof["statement"].replace('"seal":3', '"seal":4')},
    ]
    for each in forged:
        assert each != proof
        bad = check(each, key, tmp_path)
        assert (bad.returncode, bad.stdout) == (1, "")
        assert "NOT PROVED" in bad.stderr
    assert "not signed with this key" in check(proof, "11" * 32, tmp_path).stderr


def test_the_script_is_short_enough_to_read_before_trusting_it() -> None:
    assert len(SCRIPT.read_text().splitlines()) <= 30


@database
def test_an_event_is_proved_by_its_id_too(sealed: list[int]) -> None:
    event = Event.objects.earliest("position")
    assert prove(event.event_id) == prove(event.position)


@database
def test_an_event_that_cannot_be_proved_is_named(sealed: list[int]) -> None:
    assert "there is no event" in run_command("prove", "99999999")
    assert "neither a position nor" in run_command("prove", "x")
    append_tally()
    with pytest.raises(NotSealed, match="not sealed yet"):
        prove(Event.objects.latest("position").position)
    behind_the_logs_back(CHANGES["a byte of the data"], sealed[6])
    with pytest.raises(NotSealed, match="differs from what seal 2 covers"):
        prove(sealed[6])


# --- keys -------------------------------------------------------------------------------------------------------------


@database
def test_a_new_key_signs_and_the_old_ones_seals_stay_valid_while_it_is_trusted(
    sealed: list[int], settings: Any
) -> None:
    old = keys.public_bytes(keys.signing_key()).hex()
    settings.SEAL_KEYS = [base64.urlsafe_b64encode(bytes(range(32))).decode()]
    append_tally()
    seal_settled()
    assert "seal 1 was signed by a key that is not trusted" in findings()[0]
    settings.SEAL_PUBLIC_KEYS = [old]
    assert findings() == []


@database
def test_a_key_that_is_missing_or_malformed_is_named(sealed: list[int], settings: Any) -> None:
    append_tally()
    settings.SEAL_KEYS = []
    with pytest.raises(SealKeyMissing, match="SEAL_KEYS is empty"):
        seal_settled()
    assert "SEAL_KEYS is empty" in run_command("seal_log")
    settings.SEAL_KEYS = ["short"]
    with pytest.raises(MalformedSealKey, match=r"it begins 'shor'"):
        seal_settled()
    settings.SEAL_KEYS, settings.SEAL_PUBLIC_KEYS = [], ["zz"]
    assert "SEAL_PUBLIC_KEYS is not 32 bytes in hex" in run_command("verify_log")


@database
def test_a_seal_says_when_it_was_made(sealed: list[int]) -> None:
    assert timezone.now() - Seal.objects.latest("number").sealed_at < timedelta(minutes=1)


@database
def test_an_empty_log_has_nothing_to_seal() -> None:
    assert "nothing to seal" in run_command("seal_log")
    assert "0 events are as 0 seals say" in run_command("verify_log")
    publishing.seal()
    publishing.publish()


@database
def test_counting_goes_on_under_seals(sealed: list[int]) -> None:
    dispatch(Count(tally_id=new_id(), by=1), Context(actor="staff:anna"))
    seal_settled()
    assert findings() == []
