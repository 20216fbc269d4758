"""`make samples`: write a stored sample of each event that has none of its current version.

A sample is what the log holds of an event for ever. Look at a new one before you commit it; never change an old one.
"""

import json
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints
from uuid import UUID

from eventstore import codec
from eventstore.messages import EVENTS, EventType

FOLDER = Path(__file__).resolve().parents[1] / "samples"
VALUES: dict[type, Any] = {
    str: "text",
    int: 1,
    bool: True,
    Decimal: Decimal("1.50"),
    UUID: UUID("0192f3a4-0000-7000-8000-000000000001"),
    datetime: datetime(2026, 1, 31, 12, 30, tzinfo=UTC),
}


def path_of(declared: EventType) -> Path:
    """Return where the sample of an event's current version is."""
    return FOLDER / f"{declared.name}.v{declared.schema_version}.json"


def without_sample() -> list[EventType]:
    """Return the events whose current version has no sample, but for those that tests declare."""
    return [each for each in EVENTS.values() if not each.name.startswith("test.") and not path_of(each).exists()]


def write_missing() -> list[Path]:
    """Write a sample for each of them, and return where."""
    written = []
    for declared in without_sample():
        stored = json.loads(codec.encode(value_of(declared.cls)))
        path_of(declared).write_text(json.dumps(stored, indent=2) + "\n")
        written.append(path_of(declared))
    return written


def value_of(hint: Any) -> Any:
    """Return a value of a type as events use them. Raises TypeError for a type that is new to samples."""
    if hint in VALUES:
        return VALUES[hint]
    if is_dataclass(hint) and isinstance(hint, type):
        hints = get_type_hints(hint)
        return hint(**{each.name: value_of(hints[each.name]) for each in fields(hint)})
    if isinstance(hint, type) and issubclass(hint, Enum):
        return next(iter(hint))
    if get_origin(hint) is tuple:
        return (value_of(get_args(hint)[0]),)
    if isinstance(hint, UnionType):
        return value_of(next(each for each in get_args(hint) if each is not NoneType))
    raise TypeError(f"no sample value for {hint}: add one to VALUES in {__name__}")


if __name__ == "__main__":
    import os

    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ordersite.settings.development")
    django.setup()
    for path in write_missing():
        print(f"wrote {path.relative_to(Path.cwd())}")
