"""The rows of read models in the database: loaded by key with one statement, written set-wise with one or three.

Django makes and reads a row of forty columns in some forty microseconds, which is as long as all the rest of an event
takes: here its instances are filled as it fills them, without its signals.
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, models, transaction
from django.db.models.base import ModelState
from psycopg.types.datetime import TimestamptzLoader

M = TypeVar("M", bound=models.Model)
if TYPE_CHECKING:
    Field = models.Field[Any, Any]  # Django's own classes are not generic
    _TextField = models.TextField[Any, Any]
else:
    _TextField = models.TextField
Model = type[models.Model]

COPY_FROM = 24
"""Rows from which COPY into a temporary table is faster than one JSON text. See docs/decisions/31-rows-by-copy.md."""

_IN_JSON = (
    models.BooleanField, models.CharField, models.DateField, models.DecimalField, models.IntegerField,
    models.JSONField, models.TextField, models.UUIDField,
)  # fmt: skip


class Encoded(_TextField):
    """A value of one type, as JSON that only Python reads.

    Text, because PostgreSQL takes longer to make `jsonb` of an order than all the rest of its row.
    """

    def __init__(self, *args: Any, of: type, **options: Any) -> None:
        self.of = of
        super().__init__(*args, **options)

    def deconstruct(self) -> Any:
        name, path, args, options = super().deconstruct()
        return name, path, args, {**options, "of": self.of}

    def from_db_value(self, value: str | None, expression: object, connection: object) -> Any:
        return None if value is None else _decoder(self.of).decode(value)

    def get_prep_value(self, value: Any) -> Any:
        return value if value is None or isinstance(value, str) else encoded(value)


def encoded(value: object) -> str:
    return _encode(value).decode()


_encode = msgspec.json.Encoder().encode


@cache
def _decoder(of: type) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(of)


def primary_rows(model: type[M]) -> "models.QuerySet[M]":
    """Of the primary database, whatever readers are given."""
    return model._default_manager.using(DEFAULT_DB_ALIAS)


def new_row(model: type[M], values: Mapping[str, Any]) -> M:
    """A new row with these values by attribute, and the defaults of the others."""
    row = model.__new__(model)
    row._state = ModelState()
    known = row.__dict__
    known.update(_defaults(model))
    known.update(values)
    for name, default in _made_defaults(model):
        if name not in values:
            known[name] = default()
    return row


def load(model: type[M], keys: Iterable[Any]) -> dict[Any, M]:
    """The rows of these keys, by key."""
    statement, converters = _load_sql(model), _converters(model)
    names, key = [field.attname for field in _columns(model)], str(model._meta.pk.attname)
    found = {}
    with _cursor() as cursor:
        # Django's own, which wants a time zone that may change, is written in Python and five times as slow.
        cursor.adapters.register_loader("timestamptz", TimestamptzLoader)
        cursor.execute(statement, [list(keys)], prepare=True)
        for values in cursor.fetchall():
            row = model.__new__(model)
            state = row._state = ModelState()
            state.adding, state.db = False, DEFAULT_DB_ALIAS
            known = row.__dict__
            known.update(zip(names, values, strict=True))
            for name, convert in converters:
                known[name] = convert(known[name])
            found[known[key]] = row
    return found


def write(model: Model, rows: Collection[models.Model], *, on_conflict: str) -> None:
    """Insert the rows; one that is there already is replaced, added to (its numbers), or an error."""
    if len(rows) < COPY_FROM and _fits_json(model):
        _write_json(model, rows, on_conflict)
    elif rows:
        _write_copy(model, rows, on_conflict)


def _write_json(model: Model, rows: Iterable[models.Model], on_conflict: str) -> None:
    """One round trip, and the same prepared text for any number of rows."""
    names = [field.column for field in _columns(model)]
    given = [dict(zip(names, values, strict=True)) for values in _values(model, rows, msgspec.Raw)]
    if not given:
        return
    with _cursor() as cursor:
        typed = ", ".join(f"{field.column} {field.db_type(connection)}" for field in _columns(model))
        source = f"json_to_recordset(%s::json) AS new ({typed})"
        cursor.execute(_insert_sql(model, source, on_conflict), [msgspec.json.encode(given).decode()], prepare=True)


def _write_copy(model: Model, rows: Iterable[models.Model], on_conflict: str) -> None:
    """COPY knows no conflicts: by way of a table of this connection's own, which the commit empties."""
    table = model._meta.db_table
    incoming = f"incoming_{table}"
    with transaction.atomic(savepoint=False), _cursor() as cursor:
        cursor.execute(
            f"CREATE TEMPORARY TABLE IF NOT EXISTS {incoming} (LIKE {table}) ON COMMIT DELETE ROWS;"
            f"DELETE FROM {incoming}"  # of an earlier write in this very transaction
        )
        with cursor.copy(f"COPY {incoming} ({_names(model)}) FROM STDIN") as copy:
            for values in _values(model, rows, str):
                copy.write_row(values)
        cursor.execute(_insert_sql(model, f"{incoming} AS new", on_conflict))


@contextmanager
def _cursor() -> Iterator[psycopg.Cursor[tuple[Any, ...]]]:
    """One that binds on the server: prepared statements need that."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        yield cursor


def _values(model: Model, rows: Iterable[models.Model], json_as: Callable[[str], Any]) -> Iterable[Sequence[Any]]:
    """The columns of each row, JSON encoded."""
    read = attrgetter(*(field.attname for field in _columns(model)))
    encoders = _encoders(model)
    for row in rows:
        values = list(read(row))
        for place, encode, is_json in encoders:
            values[place] = json_as(encode(values[place])) if is_json else encode(values[place])
        yield values


@cache
def _insert_sql(model: Model, source: str, on_conflict: str) -> str:
    table, key = model._meta.db_table, str(model._meta.pk.column)
    others = [field.column for field in _columns(model) if field.column != key]
    assignments = {
        "replace": [f"{name} = excluded.{name}" for name in others],
        "add": [f"{name} = {table}.{name} + excluded.{name}" for name in numbers(model)],
        "error": [],
    }[on_conflict]
    conflict = f" ON CONFLICT ({key}) DO UPDATE SET {', '.join(assignments)}" if assignments else ""
    # In one order, so that shards which add to the same rows do not wait for each other in a circle.
    ordered = f" ORDER BY new.{key}" if on_conflict == "add" else ""
    return f"INSERT INTO {table} ({_names(model)}) SELECT {_names(model)} FROM {source}{ordered}{conflict}"


@cache
def numbers(model: Model) -> Sequence[str]:
    """The columns that a counter adds up."""
    numeric = (models.DecimalField, models.IntegerField)
    return tuple(field.attname for field in _columns(model) if isinstance(field, numeric) and not field.primary_key)


@cache
def _columns(model: Model) -> "Sequence[Field]":
    return tuple(model._meta.concrete_fields)


@cache
def _names(model: Model) -> str:
    return ", ".join(str(field.column) for field in _columns(model))


@cache
def _load_sql(model: Model) -> str:
    key = model._meta.pk
    return (
        f"SELECT {_names(model)} FROM {model._meta.db_table} WHERE {key.column} = ANY(%s::{key.db_type(connection)}[])"
    )


@cache
def _fits_json(model: Model) -> bool:
    """Whether JSON carries every column unchanged: it has no bytes, for one."""
    return all(isinstance(field, _IN_JSON) for field in _columns(model))


@cache
def _encoders(model: Model) -> Sequence[tuple[int, Callable[[Any], str], bool]]:
    """How to write some columns, by their place, and whether PostgreSQL sees JSON in them."""
    found: list[tuple[int, Callable[[Any], str], bool]] = []
    for place, field in enumerate(_columns(model)):
        if isinstance(field, Encoded):
            found.append((place, encoded, False))
        elif isinstance(field, models.JSONField):
            found.append((place, (field.encoder or json.JSONEncoder)().encode, True))
    return found


@cache
def _converters(model: Model) -> Sequence[tuple[str, Callable[[Any], Any]]]:
    """What is made of columns as the driver gives them, by attribute."""

    def converter(field: "Field", convert: Callable[[Any, Any, Any], Any]) -> Callable[[Any], Any]:
        return lambda value: convert(value, field.cached_col, connection)

    return tuple(
        (field.attname, converter(field, convert))
        for field in _columns(model)
        for convert in field.get_db_converters(connection)
    )


@cache
def _defaults(model: Model) -> Mapping[str, Any]:
    """Those that never change, so every row may have the same."""
    return {field.attname: field.get_default() for field in _columns(model) if not callable(field.default)}


@cache
def _made_defaults(model: Model) -> Sequence[tuple[str, Callable[[], Any]]]:
    return tuple((field.attname, field.get_default) for field in _columns(model) if callable(field.default))
