"""The rows that one batch of events changes: loaded once, changed in memory, written set-wise."""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol, TypeVar
from uuid import UUID

from django.db import models

from eventstore.models import Contents
from eventstore.sharding import WHOLE, Shard
from eventstore.store import Recorded
from projections.engine import row_storage

M = TypeVar("M", bound=models.Model)


class MissingRow(LookupError):
    """A handler asked for a row that does not exist. Add a handler for the event that should create it."""


class ForeignRow(TypeError):
    """A handler asked for a row of another aggregate than its event's. Another shard may be changing that row.

    To add numbers to a shared row, use `rows.count`. To change rows of several aggregates, mark the handler
    `in_every_shard` and use `rows.where`. If neither is enough, give the projection `total_order = True`.
    """


class ReadModel(models.Model):
    """A row about one aggregate, whose id is the primary key. The engine sets the columns `version` and `behind`."""

    contents = Contents.REMADE

    version = models.PositiveIntegerField(help_text="The version of the last event that this row shows.")
    behind = models.BooleanField(
        default=False, db_default=False, help_text="Whether later events are parked and not shown."
    )

    class Meta:
        abstract = True

    def show(self) -> None:
        """Set the columns that are computed from others.

        Override it in a read model with such columns. It is called once for a batch of events, before the rows are
        searched or written. A column that depends on a single event, such as the time of a payment, is set by the
        handler.
        """


class Declared(Protocol):
    """What a UnitOfWork needs to know about its projection."""

    @property
    def tables(self) -> tuple[type[models.Model], ...]:
        """The models of the projection's rows."""

    @property
    def total_order(self) -> bool:
        """Whether the projection always has one shard."""


class UnitOfWork:
    """The rows that handlers read and change during one batch. Nothing is written before `write`.

    A handler uses:

    - `add` for a new row, `get` or `find` for the row with a key, and `delete` to remove a row;
    - `journal` for a row that is written once and never changed, such as an entry in the books;
    - `count` to add numbers to a row that many aggregates share, such as the sums of a day;
    - `where`, only in a handler marked `in_every_shard` or with `total_order`, for rows found by other columns, and
      `where_journalled` for journalled rows, of which only an erasure may change the texts.

    Change the attributes of a returned row in place. Do not call its `save`.
    """

    def __init__(
        self, projection: Declared, aggregate_ids: Iterable[UUID], shard: Shard = WHOLE, *, new: Iterable[UUID] = ()
    ) -> None:
        """Prepare for events of these aggregates. `new` aggregates begin in this batch: they have no stored rows."""
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
        """Return an empty unit of work that neither reads nor writes the database, to see what some events make."""
        rows = cls(projection, ())
        rows._detached = True
        return rows

    def of(self, fact: Recorded[Any], *, only_where: bool = False) -> "UnitOfWork":
        """Set the fact that the next changes come from. With `only_where`, rows are reached by `where` alone."""
        self._fact, self._only_where = fact, only_where
        return self

    def add(self, row: models.Model) -> None:
        """Add a new row. A ReadModel row must be about the event's aggregate, otherwise this raises ForeignRow."""
        model, key = type(row), row.pk
        self._require_own(model, key)
        self._deleted.get(model, set()).discard(key)
        self._table(model)[key] = row
        self._touch(model, key, row)

    def get(self, model: type[M], key: Any) -> M:
        """Return the row with this key, to change in place. Raises MissingRow, ForeignRow."""
        row = self.find(model, key)
        if row is None:
            raise MissingRow(f"no {model.__name__} {key} for {type(self._fact and self._fact.event).__name__}")
        return row

    def find(self, model: type[M], key: Any) -> M | None:
        """Return the row with this key, to change in place, or None. Raises ForeignRow.

        The rows about the batch's aggregates are loaded with one query. Any other key costs a query of its own.
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
        """Return the rows whose columns equal `conditions`, to change in place; for example all rows of one customer.

        Costs a query. Each shard gets its own rows only, so the handler must be marked `in_every_shard`, unless the
        projection has `total_order`. Raises ForeignRow otherwise.
        """
        self._require_where(model)
        self.show()
        table, deleted = self._table(model), self._deleted.get(model, set())
        for stored in () if self._detached else row_storage.primary_rows(model).filter(**conditions):
            if stored.pk not in deleted and (self._projection.total_order or self._shard.holds(stored.pk)):
                table.setdefault(stored.pk, stored)
        matches = [row for row in table.values() if all(getattr(row, name) == conditions[name] for name in conditions)]
        for row in matches:
            self._touch(model, row.pk, row)
        return matches  # type: ignore[return-value]  # the table of a model holds that model

    def where_journalled(self, model: type[M], *, about: str, **conditions: Any) -> list[M]:
        """Return the rows given to `journal`, in any batch, whose columns equal `conditions`, to erase texts in them.

        `about` is the column with the id of the aggregate that a row is about. Costs a query. Raises ForeignRow where
        `where` does.
        """
        self._require_where(model)
        table = self._table(model)
        for stored in () if self._detached else row_storage.primary_rows(model).filter(**conditions):
            if self._projection.total_order or self._shard.holds(getattr(stored, about)):
                self._touch(model, stored.pk, table.setdefault(stored.pk, stored))
        rows: list[Any] = [*table.values(), *self._journal.get(model, ())]
        matches = (row for row in rows if all(getattr(row, name) == conditions[name] for name in conditions))
        return list(matches)

    def delete(self, row: models.Model) -> None:
        """Delete a row that `get`, `find` or `where` returned."""
        self._table(type(row)).pop(row.pk, None)
        self._changed.get(type(row), {}).pop(row.pk, None)
        self._deleted.setdefault(type(row), set()).add(row.pk)

    def journal(self, row: models.Model) -> None:
        """Insert a row that is written once and never changed. Its key must be new."""
        self._require_not_only_where(type(row))
        self._journal.setdefault(type(row), []).append(row)

    def count(self, row: models.Model) -> None:
        """Add the number columns of `row` to the stored row with the same key; insert `row` if there is none.

        Shards may count into the same row at the same time. The other columns must be equal in all rows with that key.
        """
        self._require_not_only_where(type(row))
        counters = self._counters.setdefault(type(row), {})
        total = counters.setdefault(row.pk, row)
        if total is not row:
            for name in row_storage.numbers(type(row)):
                setattr(total, name, getattr(total, name) + getattr(row, name))

    def pass_over(self, fact: Recorded[Any]) -> None:
        """Leave this fact out: only the version of its aggregate's rows counts it. The engine calls this."""
        self.of(fact)
        for model in self._projection.tables:
            row = self._table(model).get(fact.aggregate_id) if issubclass(model, ReadModel) else None
            if row is not None:
                self._touch(model, fact.aggregate_id, row)

    def changed(self) -> Iterator[models.Model]:
        """Yield the rows that were added or changed so far."""
        for rows in self._changed.values():
            yield from rows.values()

    def journalled(self) -> Iterator[models.Model]:
        """Yield the rows given to `journal`."""
        for entries in self._journal.values():
            yield from entries

    def counted(self) -> Iterator[models.Model]:
        """Yield the sums of the rows given to `count`, one for each key."""
        for counters in self._counters.values():
            yield from counters.values()

    def show(self) -> None:
        """Set the computed columns of every changed row."""
        for row in self.changed():
            if isinstance(row, ReadModel):
                row.show()

    def write(self) -> None:
        """Write all changes, table by table.

        Counters are written in one order of tables and keys, so that shards do not wait for each other in a circle.
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
        """Return whether a row of this key that is not loaded cannot exist, so that no query is needed."""
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

    def _require_where(self, model: type[models.Model]) -> None:
        if not (self._only_where or self._projection.total_order):
            raise ForeignRow(f"rows.where({model.__name__}) may find rows of other aggregates than the event's")

    def _require_not_only_where(self, model: type[models.Model]) -> None:
        if self._only_where and not self._projection.total_order:
            raise ForeignRow(f"a handler that runs in every shard may reach {model.__name__} only by rows.where")
