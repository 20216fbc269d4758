"""JSON that comes from outside: a text with two meanings is refused.

The standard decoders keep the last of two values with the same name, and other programs keep the first. So a check that
saw one value says nothing about the other: RFC 8259 says only that names should be unique.
"""

import json
from typing import Any

MOST_QUOTED = 50  # characters of a name that an error repeats


class RepeatedName(ValueError):
    """An object has the same name twice. Send each name once. `name` is the name, shortened if it is long."""

    def __init__(self, name: str) -> None:
        self.name = name[:MOST_QUOTED]
        super().__init__(f"{self.name!r} stands twice in one object: write each name once")


def read_json(text: str | bytes) -> Any:
    """Return what a JSON text means.

    Raises RepeatedName, and ValueError for NaN, for infinity, and for a text that is no JSON or nested too deep.
    """
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("lists and objects are nested too deep") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise RepeatedName(name)
            seen.add(name)
    return content


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is no number in JSON")
