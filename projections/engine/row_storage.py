"""Load and write the rows of read models: one statement loads many rows, and one or three statements write them.

Fast path: hand-written SQL, prepared statements and COPY instead of the ORM; measured in
docs/decisions/31-rows-by-copy.md. The ORM takes about forty microseconds for a row of forty columns, as long as all the
rest of an event takes. Model instances are filled here as Django fills them, but without its signals.
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakValueDictionary

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
"""The number of rows from which COPY into a temporary table is faster than one JSON text."""

_IN_JSON = (
    models.BooleanField, models.CharField, models.DateField, models.DecimalField, models.IntegerField,
    models.JSONField, models.TextField, models.UUIDField,
)  # fmt: skip


class Encoded(_TextField):
    """A column that holds a value of the type `of` as JSON text, which only Python reads.

    It is text, because PostgreSQL takes longer to parse an order into `jsonb` than to write the rest of its row.
    """

    def __init__(self, *args: Any, of: type, **options: Any) -> None:
        self.of = of
        super().__init__(*args, **options)

    def deconstruct(self) -> Any:
        """Return what a migration needs to make this field again."""
        name, path, args, options = super().deconstruct()
        return name, path, args, {**options, "of": self.of}

    def from_db_value(self, value: str | None, expression: object, connection: object) -> Any:
        """Decode what the column holds."""
        return None if value is None else _shared(self.of, value)

    def get_prep_value(self, value: Any) -> Any:
        """Encode a value for the column."""
        return value if value is None or isinstance(value, str) else encoded(value)


def encoded(value: Any) -> str:
    """Return the JSON text of an immutable value, as `Encoded` stores it. The value keeps it for other read models."""
    text: str | None = value.__dict__.get(_TEXT)
    if text is None:
        text = value.__dict__[_TEXT] = _encode(value).decode()
    return text


def _shared(of: type, text: str) -> Any:
    """Return the value of a text. While one read model has it in memory, the others get the same object."""
    value = _in_memory.get((of, text))
    if value is None:
        value = _in_memory[of, text] = _decoder(of).decode(text)
    return value


_TEXT = "_encoded"
_in_memory: "WeakValueDictionary[tuple[type, str], Any]" = WeakValueDictionary()
_encode = msgspec.json.Encoder().encode


@cache
def _decoder(of: type) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(of)


def primary_rows(model: type[M]) -> "models.QuerySet[M]":
    """Return all rows of a model from the primary database, even where readers are sent to a replica."""
    return model._default_manager.using(DEFAULT_DB_ALIAS)


def new_row(model: type[M], values: Mapping[str, Any]) -> M:
    """Return a new, unsaved row with these values by attribute name, and the defaults of all other columns.

    Fast path: fills the instance directly instead of calling the model's constructor.
    """
    row = model.__new__(model)
    row._state = ModelState()
    attributes = row.__dict__
    attributes.update(_defaults(model))
    attributes.update(values)
    for name, default in _callable_defaults(model):
        if name not in values:
            attributes[name] = default()
    return row


def load(model: type[M], keys: Iterable[Any]) -> dict[Any, M]:
    """Return the stored rows with these keys, by key. Keys without a row are left out."""
    statement, converters = _load_sql(model), _converters(model)
    names, key = [field.attname for field in _columns(model)], str(model._meta.pk.attname)
    rows = {}
    with _cursor() as cursor:
        # Django's own loader is written in Python, because its time zone may change, and is five times as slow.
        cursor.adapters.register_loader("timestamptz", TimestamptzLoader)
        cursor.execute(statement, [list(keys)], prepare=True)
        for values in cursor.fetchall():
            row = model.__new__(model)
            state = row._state = ModelState()
            state.adding, state.db = False, DEFAULT_DB_ALIAS
            attributes = row.__dict__
            attributes.update(zip(names, values, strict=True))
            for name, convert in converters:
                attributes[name] = convert(attributes[name])
            rows[attributes[key]] = row
    return rows


def write(model: Model, rows: Collection[models.Model], *, on_conflict: str) -> None:
    """Insert the rows. `on_conflict` says what to do if a key exists: `replace` it, `add` the numbers, or `error`."""
    if len(rows) < COPY_FROM and _fits_json(model):
        _write_json(model, rows, on_conflict)
    elif rows:
        _write_copy(model, rows, on_conflict)


def _write_json(model: Model, rows: Iterable[models.Model], on_conflict: str) -> None:
    """Write few rows: one round trip, and one prepared statement for any number of rows."""
    names = [field.column for field in _columns(model)]
    objects = [dict(zip(names, values, strict=True)) for values in _values(model, rows, msgspec.Raw)]
    if not objects:
        return
    with _cursor() as cursor:
        typed = ", ".join(f"{field.column} {field.db_type(connection)}" for field in _columns(model))
        source = f"json_to_recordset(%s::json) AS new ({typed})"
        cursor.execute(_insert_sql(model, source, on_conflict), [msgspec.json.encode(objects).decode()], prepare=True)


def _write_copy(model: Model, rows: Iterable[models.Model], on_conflict: str) -> None:
    """Write many rows by COPY into a temporary table, because COPY itself cannot handle conflicts."""
    table = model._meta.db_table
    incoming = _incoming(model)
    with transaction.atomic(savepoint=False), _cursor() as cursor:
        cursor.execute(
            f"CREATE TEMPORARY TABLE IF NOT EXISTS {incoming} (LIKE {table}) ON COMMIT DELETE ROWS;"
            f"DELETE FROM {incoming}"  # rows of an earlier write in this transaction
        )
        with cursor.copy(f"COPY {incoming} ({_names(model)}) FROM STDIN") as copy:
            for values in _values(model, rows, str):
                copy.write_row(values)
        cursor.execute(_insert_sql(model, f"{incoming} AS new", on_conflict))


@cache
def _incoming(model: Model) -> str:
    """Return the name of the temporary table.

    It stays in its session, which a pooler may hand to a newer release with other columns. So the name tells the
    columns apart.
    """
    columns = ",".join(f"{field.column} {field.db_type(connection)}" for field in _columns(model))
    return f"incoming_{model._meta.db_table}"[:52] + "_" + sha256(columns.encode()).hexdigest()[:10]


@contextmanager
def _cursor() -> Iterator[psycopg.Cursor[tuple[Any, ...]]]:
    """Yield a cursor that binds parameters on the server, as prepared statements need."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        yield cursor


def _values(model: Model, rows: Iterable[models.Model], json_as: Callable[[str], Any]) -> Iterable[Sequence[Any]]:
    """Yield the column values of each row. JSON columns are encoded, and `json_as` wraps their text."""
    read = attrgetter(*(field.attname for field in _columns(model)))
    encoders = _encoders(model)
    for row in rows:
        values = list(read(row))
        for index, encode, is_json in encoders:
            values[index] = json_as(encode(values[index])) if is_json else encode(values[index])
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
    """Return the attribute names of the columns that `on_conflict="add"` adds up."""
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
    """Return whether JSON carries every column unchanged. It has no type for bytes, for example."""
    return all(isinstance(field, _IN_JSON) for field in _columns(model))


@cache
def _encoders(model: Model) -> Sequence[tuple[int, Callable[[Any], str], bool]]:
    """Return the columns that need encoding: their index, their encoder, and whether their PostgreSQL type is JSON."""
    encoders: list[tuple[int, Callable[[Any], str], bool]] = []
    for index, field in enumerate(_columns(model)):
        if isinstance(field, Encoded):
            encoders.append((index, encoded, False))
        elif isinstance(field, models.JSONField):
            encoders.append((index, (field.encoder or json.JSONEncoder)().encode, True))
    return encoders


@cache
def _converters(model: Model) -> Sequence[tuple[str, Callable[[Any], Any]]]:
    """Return Django's converters from the driver's values, by attribute name."""

    def converter(field: "Field", convert: Callable[[Any, Any, Any], Any]) -> Callable[[Any], Any]:
        return lambda value: convert(value, field.cached_col, connection)

    return tuple(
        (field.attname, converter(field, convert))
        for field in _columns(model)
        for convert in field.get_db_converters(connection)
    )


@cache
def _defaults(model: Model) -> Mapping[str, Any]:
    """Return the defaults that are constants, by attribute name. All rows may share them."""
    return {field.attname: field.get_default() for field in _columns(model) if not callable(field.default)}


@cache
def _callable_defaults(model: Model) -> Sequence[tuple[str, Callable[[], Any]]]:
    """Return the defaults that are made anew for each row, by attribute name."""
    return tuple((field.attname, field.get_default) for field in _columns(model) if callable(field.default))
