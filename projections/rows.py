"""The rows a batch of events touches: loaded once, changed in memory, written set-wise."""

import json
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

import psycopg
from django.db import connection, models

from eventstore.store import Recorded

M = TypeVar("M", bound=models.Model)


class MissingRow(LookupError):
    """A handler asked for a row that no earlier event made. Handle the event that should make it."""


class ReadModel(models.Model):
    """A row about the aggregate that is its key. `version` is that one's last event it shows; the engine keeps it."""

    version = models.PositiveIntegerField()

    class Meta:
        abstract = True


class Rows:
    """What handlers work on. Nothing reaches the database before `write`."""

    def __init__(self, aggregate_ids: Iterable[UUID]) -> None:
        self._aggregate_ids = set(aggregate_ids)
        self._loaded: dict[type[models.Model], dict[Any, models.Model]] = {}
        self._changed: dict[type[models.Model], dict[Any, models.Model]] = {}
        self._journal: dict[type[models.Model], list[models.Model]] = {}
        self._counters: dict[type[models.Model], dict[Any, models.Model]] = {}
        self._fact: Recorded[Any] | None = None

    @classmethod
    def detached(cls, *models_used: type[models.Model]) -> "Rows":
        """Rows that begin empty and are never written: to see what some events make, without the database."""
        rows = cls(())
        rows._loaded = {model: {} for model in models_used}
        return rows

    def of(self, fact: Recorded[Any]) -> "Rows":
        """Says which event the next changes come from."""
        self._fact = fact
        return self

    def add(self, row: models.Model) -> None:
        """A new row about the event's aggregate."""
        self._table(type(row))[row.pk] = row
        self._touch(row)

    def get(self, model: type[M], key: Any) -> M:
        """A row to change in place. Raises MissingRow."""
        row = self._table(model).get(key)
        if row is None:
            raise MissingRow(f"no {model.__name__} {key} for {type(self._fact and self._fact.event).__name__}")
        self._touch(row)
        return row  # type: ignore[return-value]  # the table of a model holds that model

    def where(self, model: type[M], **conditions: Any) -> list[M]:
        """Rows to change in place by something else than their key, such as all of one customer's. Costs a query."""
        table = self._table(model)
        for stored in model._default_manager.filter(**conditions):
            table.setdefault(stored.pk, stored)
        found = [row for row in table.values() if all(getattr(row, name) == conditions[name] for name in conditions)]
        for row in found:
            self._touch(row)
        return found  # type: ignore[return-value]  # the table of a model holds that model

    def journal(self, row: models.Model) -> None:
        """A row that is written once and never changed."""
        self._journal.setdefault(type(row), []).append(row)

    def count(self, row: models.Model) -> None:
        """Add the numbers of `row` to those of the row with the same key, which need not exist."""
        counters = self._counters.setdefault(type(row), {})
        known = counters.setdefault(row.pk, row)
        if known is not row:
            for name in _numbers(type(row)):
                setattr(known, name, getattr(known, name) + getattr(row, name))

    def write(self) -> None:
        """Write everything: one statement a table."""
        for model, rows in self._changed.items():
            _write(model, rows.values(), on_conflict="replace")
        for model, entries in self._journal.items():
            _write(model, entries, on_conflict="error")
        for model, rows in self._counters.items():
            _write(model, rows.values(), on_conflict="add")

    def _table(self, model: type[models.Model]) -> dict[Any, models.Model]:
        if model not in self._loaded:
            self._loaded[model] = dict(model._default_manager.in_bulk(list(self._aggregate_ids)))
        return self._loaded[model]

    def _touch(self, row: models.Model) -> None:
        if isinstance(row, ReadModel) and self._fact and self._fact.aggregate_id == row.pk:
            row.version = self._fact.version
        self._changed.setdefault(type(row), {})[row.pk] = row


def _write(model: type[models.Model], rows: Iterable[models.Model], *, on_conflict: str) -> None:
    """One statement with an array a column: no temporary table, and the same prepared text for any number of rows."""
    columns = _columns(model)
    values = [[_plain(field, getattr(row, field.attname)) for row in rows] for field in columns]
    if values[0]:
        with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
            cursor.execute(_sql(model, on_conflict), values, prepare=True)


@cache
def _sql(model: type[models.Model], on_conflict: str) -> str:
    table, key = model._meta.db_table, _key(model)
    names = [str(field.column) for field in _columns(model)]
    arrays = ", ".join(_array(field) for field in _columns(model))
    selected = ", ".join(
        f"{field.column}::jsonb" if isinstance(field, models.JSONField) else str(field.column)
        for field in _columns(model)
    )
    others = [name for name in names if name not in key]
    assignments = {
        "replace": [f"{name} = excluded.{name}" for name in others],
        "add": [f"{name} = {table}.{name} + excluded.{name}" for name in _numbers(model)],
        "error": [],
    }[on_conflict]
    conflict = f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {', '.join(assignments)}" if assignments else ""
    return (
        f"INSERT INTO {table} ({', '.join(names)})"
        f" SELECT {selected} FROM unnest({arrays}) AS new ({', '.join(names)}){conflict}"
    )


@cache
def _columns(model: type[models.Model]) -> "Sequence[models.Field[Any, Any]]":
    return tuple(model._meta.concrete_fields)


@cache
def _key(model: type[models.Model]) -> Sequence[str]:
    return (str(model._meta.pk.column),)


@cache
def _numbers(model: type[models.Model]) -> Sequence[str]:
    """The columns that a counter adds up."""
    numeric = (models.DecimalField, models.IntegerField)
    return tuple(field.attname for field in _columns(model) if isinstance(field, numeric) and not field.primary_key)


def _array(field: "models.Field[Any, Any]") -> str:
    """A column's placeholder. Text where an explicit cast would silently cut to length: the insert refuses instead.

    Text goes in binary, because quoting each element of a text array costs more than all the rest of a batch.
    """
    textual = (models.CharField, models.TextField, models.JSONField)
    return "%b::text[]" if isinstance(field, textual) else f"%s::{field.db_type(connection)}[]"


def _plain(field: "models.Field[Any, Any]", value: Any) -> Any:
    return json.dumps(value) if isinstance(field, models.JSONField) else value
