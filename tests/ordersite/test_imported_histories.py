"""Any change of a valid history is either imported, and then every reader works, or refused with its line."""

import io
import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as some
from rest_framework.test import APIClient

from eventstore.errors import CorruptEvent, CorruptLine, HistoryConflict, UnknownEventType, VersionGap
from eventstore.followers import process_managers
from eventstore.histories.importer import Imported, import_history
from eventstore.ids import new_id
from eventstore.seals import chain
from ordersite.models import User
from tests.support.histories import file_of, load
from tests.support.readers import broken_readers, exported, follow
from tests.support.whole_life import live

pytestmark = pytest.mark.django_db(transaction=True)

Lines = list[dict[str, Any]]
UUIDS = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LONG = "".join(chr(0x4E00 + (number * 7919) % 20_000) for number in range(100_000))
"""A text that is as long as the log accepts, in letters of three bytes that cannot be compressed."""

numbers = some.sampled_from([-1, 0, 1, 2, 3, 7, 10**9, 10**12, 10**18])
amounts = some.sampled_from(["-1.00", "0.00", "0.001", "1.00", "1E+11", "999999999999.99", "1E+12", "0E+5", "1E-6"])
texts = some.sampled_from(
    ["", " ", "\U0001f600" * 90, LONG[:400], LONG[:600], LONG[:3000], LONG, "<b>", "=1+1", "\u202e"]
)


@some.composite
def value_for(draw: some.DrawFn, value: Any) -> Any:
    """Return another value of the kind of `value`; rarely one of another kind."""
    if draw(some.integers(0, 9)) == 7:
        return draw(some.sampled_from([None, True, 1.5, "x", [], {}]))
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return draw(numbers)
    if isinstance(value, list):
        return draw(some.sampled_from([[], value[1:], [*value, *value], value[::-1]]))
    if isinstance(value, str) and re.fullmatch(r"-?[\d.]+", value):
        return draw(amounts)
    return draw(texts)


def paths_of(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of each value in JSON, and of each list and object."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [each for key, part in inner for each in ((*path, key), *paths_of(part, (*path, key)))]


@some.composite
def with_another_value(draw: some.DrawFn, lines: Lines) -> Lines:
    """Change one value of one event."""
    line = draw(some.sampled_from(lines))
    path = draw(some.sampled_from(paths_of(line["data"])))
    owner = line["data"]
    for key in path[:-1]:
        owner = owner[key]
    owner[path[-1]] = draw(value_for(owner[path[-1]]))
    event(f"changed: {line['event_type']}")
    return lines


@some.composite
def with_another_text(draw: some.DrawFn, lines: Lines) -> Lines:
    """Change a text that a person typed: most of these are possible."""
    line = draw(some.sampled_from([line for line in lines if line["personal"]]))
    *path, last = draw(some.sampled_from(line["personal"])).split(".")
    owner = line["data"]
    for key in path:
        owner = owner[int(key) if isinstance(owner, list) else key]
    owner[last] = draw(texts)
    event(f"typed: {line['event_type']}")
    return lines


@some.composite
def in_another_order(draw: some.DrawFn, lines: Lines) -> Lines:
    """Leave out an event, repeat it, or let it happen at another time."""
    place = draw(some.integers(0, len(lines) - 1))
    line = lines[place] | {"event_id": str(new_id())}
    left, way = lines[:place] + lines[place + 1 :], draw(some.sampled_from(["omitted", "repeated", "moved"]))
    event(way)
    if way == "omitted":
        return left
    later = draw(some.integers(0, len(left)))
    kept = left if way == "moved" else lines
    return [*kept[:later], line, *kept[later:]]


def numbered(lines: Lines) -> Lines:
    """Give the events of each aggregate the versions from 1."""
    versions: dict[str, int] = {}
    for line in lines:
        key = line["aggregate_id"]
        line["version"] = versions[key] = versions.get(key, 0) + 1
    return lines


def with_new_ids(lines: list[str], *, keep: UUID) -> list[str]:
    """Return the history of other aggregates, of the customer `keep`."""
    ids = {str(keep): str(keep)}

    def new(match: re.Match[str]) -> str:
        return ids.setdefault(match[0], str(new_id()))

    return [UUIDS.sub(new, line) for line in lines]


@cache
def original(customer_id: UUID) -> list[str]:
    """Return the history of an order and an account of the customer to which everything happened."""
    return file_of(*live(customer_id))


REFUSALS = (CorruptEvent, CorruptLine, HistoryConflict, UnknownEventType, VersionGap)


def imported(lines: list[str]) -> Imported | None:
    """Import a history. Return None if it is refused with the number of a line."""
    try:
        return load(lines)
    except REFUSALS as refusal:
        event(f"refused: {type(refusal).__name__}")
        if not any(re.fullmatch(r"line \d+", note) for note in refusal.__notes__):
            raise
        return None


CHANGES: list[Callable[[Lines], some.SearchStrategy[Lines]]] = [
    with_another_text,
    with_another_value,
    in_another_order,
]


@given(data=some.data())
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_changed_history_is_refused_with_its_line_or_shown_by_every_reader(
    api: APIClient, ada: User, data: some.DataObject
) -> None:
    process_managers.run()  # its first run starts at the end of the log
    assert ada.customer_id
    header, *lines = with_new_ids(original(ada.customer_id), keep=ada.customer_id)
    changed = [json.loads(line) for line in lines]
    for change in data.draw(some.lists(some.sampled_from(CHANGES), min_size=1, max_size=2)):
        changed = data.draw(change(changed))
    written = [json.dumps(json.loads(header) | {"events": len(changed)}), *map(json.dumps, numbered(changed))]
    taken = imported(written)
    if taken is None:
        return
    event("imported")
    follow()
    order_id = UUID(json.loads(lines[0])["aggregate_id"])
    assert broken_readers(api, order_id) == []
    history = exported(order_id)
    chain.seal_settled()
    assert import_history(io.BytesIO(history.encode())).added == 0, "its own export is what it has"
    assert taken.added == len(changed)
