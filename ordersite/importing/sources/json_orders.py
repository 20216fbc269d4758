"""Orders as a shop's API gives them, in JSON: read as a table, like any other file.

An order is a row with its own values, and a row for each entry of its `ENTRIES`. The column ENTRY says which list a row
is from. Names of nested values are joined with points, such as `billing.city`. So every value has a column, what a
layout does not read is named, and rows that cannot be imported go to a quarantine file that is mended like any other.
"""

import csv
import io
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from ordersite.importing.sources.errors import UnreadableFile

ENTRY = "entry"
ENTRIES = ("line_items", "shipping_lines", "fee_lines", "coupon_lines", "tax_lines", "refunds")
LARGEST = 256 << 20  # bytes: the whole file is read at once
_BEGINNING = re.compile(rb'(?:\xef\xbb\xbf)?\s*(?:\[\s*)?\{\s*"')
_DEEPEST = 5  # levels of names; what is nested deeper stays JSON in one column
_UTC = "_gmt"  # ends the names of times in UTC, which have no offset

Order = dict[str, Any]


def is_json(first: bytes) -> bool:
    """Return whether a file that begins so holds JSON objects."""
    return _BEGINNING.match(first) is not None


def as_table(content: BinaryIO, name: str) -> bytes:
    """Return the orders of a file as CSV in UTF-8.

    The file has an array of orders, an object with one in `orders`, or an order a line. Raises UnreadableFile.
    """
    raw = content.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise UnreadableFile(f"{name} has more than {LARGEST >> 20} MiB of JSON. Divide it into several files.")
    try:
        return _as_csv(list(_orders(raw.decode("utf-8-sig"), name))).encode()
    except UnreadableFile:
        raise
    except (ValueError, RecursionError) as error:
        raise UnreadableFile(f"{name} is not JSON that can be read: {error}") from error


def _as_csv(orders: list[Order]) -> str:
    names = dict.fromkeys(["id", ENTRY])
    for order in orders:
        for row in _rows(order):
            names.update(dict.fromkeys(row))
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(names), lineterminator="\n")
    writer.writeheader()
    for order in orders:
        writer.writerows(_rows(order))
    return out.getvalue()


def _orders(text: str, name: str) -> Iterator[Order]:
    try:
        found = _read(text)
    except json.JSONDecodeError:
        lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
        try:
            _read(lines[0][1])
        except json.JSONDecodeError:
            lines = []
        if len(lines) < 2:
            raise  # no order a line: the first error is the right one
        found = [_read_line(line, number) for number, line in lines]
    if isinstance(found, dict):
        found = found["orders"] if isinstance(found.get("orders"), list) else [found]
    for number, order in enumerate(found, start=1):
        if not isinstance(order, dict):
            raise UnreadableFile(f"{name}: entry {number} of the array is no order, but {str(order)[:40]!r}")
        yield order


def _read_line(line: str, number: int) -> Any:
    try:
        return _read(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"line {number}: {error}") from error


def _read(text: str) -> Any:
    """Parse JSON. Numbers stay as they are written. Raises ValueError, also for a name that an object has twice."""
    return json.loads(text, parse_int=str, parse_float=str, parse_constant=_refuse, object_pairs_hook=_object)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number")


def _object(pairs: list[tuple[str, Any]]) -> Order:
    read = dict(pairs)
    if len(read) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"an object has {next(name for name in names if names.count(name) > 1)!r} twice")
    return read


def _rows(order: Order) -> Iterator[dict[str, str]]:
    """Yield the row of the order, and those of its entries."""
    lists = {name: order[name] for name in ENTRIES if _is_list_of_objects(order.get(name))}
    own = {name: value for name, value in order.items() if name not in lists}
    key = _text(order.get("id"))
    yield dict(_values(own, "", 1)) | {"id": key, ENTRY: ""}
    for name, entries in lists.items():
        for entry in entries:
            yield {"id": key, ENTRY: name} | dict(_values(entry, f"{name}.", 1))


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def _values(part: Order, path: str, depth: int) -> Iterator[tuple[str, str]]:
    for name, value in part.items():
        if isinstance(value, dict) and value and depth < _DEEPEST:
            yield from _values(value, f"{path}{name}.", depth + 1)
        else:
            text = _text(value)
            yield f"{path}{name}", f"{text}Z" if name.endswith(_UTC) and text and text[-1] != "Z" else text


def _text(value: Any) -> str:
    """Return a value as the text of a column; "" for nothing. Lists stay JSON."""
    if isinstance(value, str):
        return value
    if value is None or value in ([], {}):
        return ""
    return json.dumps(value, ensure_ascii=False)
