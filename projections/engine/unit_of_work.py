"""The rows a batch of events touches: loaded once, changed in memory, written set-wise."""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol, TypeVar
from uuid import UUID

from django.db import models

from eventstore.sharding import WHOLE, Shard
from eventstore.store import Recorded
from projections.engine import row_storage

M = TypeVar("M", bound=models.Model)


class MissingRow(LookupError):
    """A handler asked for a row that no earlier event made. Handle the event that should make it."""


class ForeignRow(TypeError):
    """A handler reached for a row that is not its event's aggregate's, which another shard may be changing.

    For numbers use `rows.count`; mark the handler `in_every_shard` and use `rows.where`; or give the projection
    `total_order = True`.
    """


class ReadModel(models.Model):
    """A row about the aggregate that is its key. The engine keeps both columns."""

    version = models.PositiveIntegerField(help_text="The aggregate's last event that this row shows.")
    behind = models.BooleanField(
        default=False, db_default=False, help_text="Whether later events are parked, so that it shows less."
    )

    class Meta:
        abstract = True

    def show(self) -> None:
        """Set the columns that follow from others. Called once for all the events of a batch, before anybody looks:
        what depends on each of them, such as when something was first the case, is the handler's.
        """


class Declared(Protocol):
    """What rows have to know of their projection."""

    @property
    def tables(self) -> tuple[type[models.Model], ...]: ...
    @property
    def total_order(self) -> bool: ...


class UnitOfWork:
    """What handlers work on. Nothing reaches the database before `write`."""

    def __init__(
        self, projection: Declared, aggregate_ids: Iterable[UUID], shard: Shard = WHOLE, *, new: Iterable[UUID] = ()
    ) -> None:
        """Those of the aggregates that are `new` begin with these events: nothing can be stored of them."""
        self._projection, self._shard = projection, shard
        self._aggregate_ids = set(aggregate_ids)
        self._to_load = self._aggregate_ids if projection.total_order else self._aggregate_ids.difference(new)
        self._detached = False
        self._loaded: dict[type[models.Model], dict[Any, models.Model]] = {}
        self._changed: dict[type[models.Model], dict[Any, models.Model]] = {}
        self._deleted: dict[type[models.Model], set[Any]] = {}
        self._journal: dict[type[models.Model], list[models.Model]] = {}
        self._counters: dict[type[models.Model], dict[Any, models.Model]] = {}
        self._fact: Recorded[Any] | None = None
        self._only_where = False

    @classmethod
    def detached(cls, projection: Declared) -> "UnitOfWork":
        """Rows that begin empty and are never written: to see what some events make, without the database."""
        rows = cls(projection, ())
        rows._detached = True
        return rows

    def of(self, fact: Recorded[Any], *, only_where: bool = False) -> "UnitOfWork":
        """Says which event the next changes come from, and whether they may reach the rows of others."""
        self._fact, self._only_where = fact, only_where
        return self

    def add(self, row: models.Model) -> None:
        """A new row about the event's aggregate. Raises ForeignRow."""
        model, key = type(row), row.pk
        self._require_own(model, key)
        self._deleted.get(model, set()).discard(key)
        self._table(model)[key] = row
        self._touch(model, key, row)

    def get(self, model: type[M], key: Any) -> M:
        """A row to change in place. Raises MissingRow, ForeignRow."""
        row = self.find(model, key)
        if row is None:
            raise MissingRow(f"no {model.__name__} {key} for {type(self._fact and self._fact.event).__name__}")
        return row

    def find(self, model: type[M], key: Any) -> M | None:
        """A row to change in place, or None. Raises ForeignRow.

        Those whose key is the aggregate come with one query a batch; any other key costs a query of its own.
        """
        self._require_own(model, key)
        table = self._table(model)
        row = table.get(key)
        if row is None and not self._is_known(model, key):
            row = row_storage.primary_rows(model).filter(pk=key).first()
            if row is not None:
                table[key] = row
        if row is not None:
            self._touch(model, key, row)
        return row  # type: ignore[return-value]  # the table of a model holds that model

    def where(self, model: type[M], **conditions: Any) -> list[M]:
        """Rows to change in place by something else than their key, such as all of one customer's. Costs a query.

        In a projection of several shards these are the shard's own: mark the handler `in_every_shard`. Raises
        ForeignRow where that was forgotten.
        """
        if not (self._only_where or self._projection.total_order):
            raise ForeignRow(f"rows.where({model.__name__}) may find rows of other aggregates than the event's")
        self.show()
        table, deleted = self._table(model), self._deleted.get(model, set())
        for stored in () if self._detached else row_storage.primary_rows(model).filter(**conditions):
            if stored.pk not in deleted and (self._projection.total_order or self._shard.holds(stored.pk)):
                table.setdefault(stored.pk, stored)
        found = [row for row in table.values() if all(getattr(row, name) == conditions[name] for name in conditions)]
        for row in found:
            self._touch(model, row.pk, row)
        return found  # type: ignore[return-value]  # the table of a model holds that model

    def delete(self, row: models.Model) -> None:
        """Take a row that was got or found out of its table."""
        self._table(type(row)).pop(row.pk, None)
        self._changed.get(type(row), {}).pop(row.pk, None)
        self._deleted.setdefault(type(row), set()).add(row.pk)

    def journal(self, row: models.Model) -> None:
        """A row that is written once and never changed."""
        self._require_not_only_where(type(row))
        self._journal.setdefault(type(row), []).append(row)

    def count(self, row: models.Model) -> None:
        """Add the numbers of `row` to those of the row with the same key, which need not exist."""
        self._require_not_only_where(type(row))
        counters = self._counters.setdefault(type(row), {})
        known = counters.setdefault(row.pk, row)
        if known is not row:
            for name in row_storage.numbers(type(row)):
                setattr(known, name, getattr(known, name) + getattr(row, name))

    def pass_over(self, fact: Recorded[Any]) -> None:
        """The rows of its aggregate show this event although nothing came of it."""
        self.of(fact)
        for model in self._projection.tables:
            row = self._table(model).get(fact.aggregate_id) if issubclass(model, ReadModel) else None
            if row is not None:
                self._touch(model, fact.aggregate_id, row)

    def changed(self) -> Iterator[models.Model]:
        """What the events so far made of the rows they changed, written or not."""
        for rows in self._changed.values():
            yield from rows.values()

    def journalled(self) -> Iterator[models.Model]:
        for entries in self._journal.values():
            yield from entries

    def counted(self) -> Iterator[models.Model]:
        for counters in self._counters.values():
            yield from counters.values()

    def show(self) -> None:
        """Every changed row shows what the events so far made of it."""
        for row in self.changed():
            if isinstance(row, ReadModel):
                row.show()

    def write(self) -> None:
        """Write everything, table by table.

        Counters, which several shards add to at once, are locked in one order: table by table, key by key.
        """
        self.show()
        for model, keys in self._deleted.items():
            row_storage.primary_rows(model).filter(pk__in=keys).delete()
        for model, rows in self._changed.items():
            row_storage.write(model, rows.values(), on_conflict="replace")
        for model, entries in self._journal.items():
            row_storage.write(model, entries, on_conflict="error")
        for model, rows in sorted(self._counters.items(), key=lambda table: table[0]._meta.db_table):
            row_storage.write(model, [rows[key] for key in sorted(rows)], on_conflict="add")

    def _table(self, model: type[models.Model]) -> dict[Any, models.Model]:
        table = self._loaded.get(model)
        if table is None:
            wanted = list(self._to_load) if issubclass(model, ReadModel) and not self._detached else []
            table = self._loaded[model] = dict(row_storage.load(model, wanted)) if wanted else {}
        return table

    def _is_known(self, model: type[models.Model], key: Any) -> bool:
        """Whether a row that is not among the loaded ones does not exist."""
        loaded = issubclass(model, ReadModel) and key in self._aggregate_ids
        return self._detached or loaded or key in self._deleted.get(model, ())

    def _touch(self, model: type[models.Model], key: Any, row: models.Model) -> None:
        if self._fact and self._fact.aggregate_id == key and isinstance(row, ReadModel):
            row.version = self._fact.version
        changed = self._changed.get(model)
        if changed is None:
            changed = self._changed[model] = {}
        changed[key] = row

    def _require_own(self, model: type[models.Model], key: Any) -> None:
        if self._only_where:
            self._require_not_only_where(model)
        if self._fact is None or key == self._fact.aggregate_id or self._projection.total_order or self._detached:
            return
        if issubclass(model, ReadModel):
            raise ForeignRow(f"{model.__name__} {key} is not the row of the event's aggregate")

    def _require_not_only_where(self, model: type[models.Model]) -> None:
        if self._only_where and not self._projection.total_order:
            raise ForeignRow(f"a handler that runs in every shard reaches {model.__name__} by rows.where alone")
