"""The import as a process: its exit code, and what is left when it is stopped in the middle."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.db import connection

from eventstore.models import CommandReceipt, Event
from tests.support.importing import quarantined
from tests.support.importing_files import invoice, write_text

ROOT = Path(__file__).resolve().parents[3]
ORDERS = 1500  # several transactions
BAD = invoice(1, "soon")

pytestmark = pytest.mark.django_db(transaction=True)


def start(path: Path, *options: str) -> subprocess.Popen[str]:
    """Start the command in a process of its own, on the database of this test."""
    url = urlsplit(os.environ["DATABASE_URL"])
    own = urlunsplit(url._replace(path=f"/{connection.settings_dict['NAME']}"))
    environment = os.environ | {"DATABASE_URL": own, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    return subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "import_orders", str(path), *options],
        cwd=path.parent,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=obey_interrupts,  # noqa: PLW1509 - it only sets a signal
    )


def obey_interrupts() -> None:
    """Undo that a run of the tests in the background ignores SIGINT, which processes inherit."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def run_to_the_end(path: Path, *options: str) -> tuple[int, str]:
    process = start(path, *options)
    said, _ = process.communicate(timeout=120)
    return process.returncode, said


def stop_in_the_middle(path: Path, sent: signal.Signals) -> tuple[int, str]:
    process = start(path)
    deadline = time.monotonic() + 60
    while not Event.objects.exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(sent)
    said, _ = process.communicate(timeout=60)
    return process.returncode, said


def test_the_exit_code_says_whether_everything_is_in(tmp_path: Path) -> None:
    good = write_text(tmp_path / "good.csv", [invoice(1, "2010-12-01")])
    bad = write_text(tmp_path / "bad.csv", [invoice(2, "2010-12-01"), BAD])
    wrong = write_text(tmp_path / "wrong.csv", [], head=["a", "b"])
    assert run_to_the_end(good)[0] == 0
    code, said = run_to_the_end(bad)
    assert (code, "Mend them in quarantine-bad.csv" in said) == (1, True)
    assert run_to_the_end(bad, "--allow-quarantined", "1")[0] == 0
    code, said = run_to_the_end(wrong)
    assert (code, "Traceback" in said, "nothing was imported" in said) == (2, False, True)


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 3), (signal.SIGTERM, 3)])
def test_an_import_that_was_stopped_in_the_middle_is_finished_by_the_same_command(
    tmp_path: Path, sent: signal.Signals, code: int
) -> None:
    path = write_text(tmp_path / "year.csv", [*(invoice(n, "2010-12-01") for n in range(1, ORDERS)), BAD])
    stopped, said = stop_in_the_middle(path, sent)
    assert stopped == code, said
    assert 0 < Event.objects.count() < 2 * (ORDERS - 1)
    assert not (tmp_path / "quarantine-year.csv").exists(), "a quarantine file appears when it is complete"
    left = [each.name for each in tmp_path.iterdir() if each != path]
    assert sent is signal.SIGKILL or not left
    code, said = run_to_the_end(path)
    assert code == 1, said
    assert f"{ORDERS:,} rows = {ORDERS - 1:,} in orders + 0 taking something back + 1 quarantined + 0 not read" in said
    assert Event.objects.count() == CommandReceipt.objects.count() == 2 * (ORDERS - 1)
    assert [row["line"] for row in quarantined(tmp_path / "quarantine-year.csv")] == [str(ORDERS + 1)]
