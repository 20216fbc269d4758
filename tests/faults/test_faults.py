"""A short run of `make faults`."""

from pathlib import Path

import pytest

from tests.faults.run import ALONE, run
from tests.support.running import Running

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("faults")]

SECONDS = 12
COMMANDS = 21


def test_whatever_is_killed_each_acknowledged_command_has_its_events_and_each_view_follows_from_the_log(
    tmp_path: Path,
) -> None:
    site = Running(tmp_path / "state", more=ALONE).start()
    try:
        outcome = run(site, seed=11, seconds=SECONDS, commands=COMMANDS)
    finally:
        site.stop()
    assert not outcome.problems, str(outcome)
    assert outcome.commands >= COMMANDS, str(outcome)
    assert sum(count for name, count in outcome.faults.items() if name.startswith("kill")) >= 4, str(outcome)
