"""A stored sample of each version of each event still loads, and its shape does not change."""

import json
from pathlib import Path

import pytest

from eventstore import codec
from eventstore.messages import EVENTS

SAMPLES = sorted((Path(__file__).parents[1] / "samples").glob("*.json"))
SHIPPED_TYPES = sorted(name for name in EVENTS if not name.startswith("test."))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_stored_sample_of_every_version_of_every_event_still_loads_and_keeps_its_shape(path: Path) -> None:
    name, _, version = path.stem.rpartition(".v")
    stored = path.read_text()
    loaded = codec.decode(name, int(version), stored)
    if int(version) == EVENTS[name].schema_version:
        assert json.loads(codec.encode(loaded)) == json.loads(stored), (
            f"the shape of {name} has changed: raise its schema_version and leave this sample unchanged"
        )


@pytest.mark.parametrize("name", SHIPPED_TYPES)
def test_every_declared_event_has_a_stored_sample_of_its_current_version(name: str) -> None:
    assert f"{name}.v{EVENTS[name].schema_version}" in {path.stem for path in SAMPLES}
