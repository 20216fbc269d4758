"""Columns of the log as the admin reads them: a stored value that Python does not have breaks no list."""

from typing import Any

from django.db import models

from eventstore.limits.times import EARLIEST, LATEST


class RecordedTimeField(models.DateTimeField):  # type: ignore[type-arg]  # generic only in the stubs
    """A time in the log. It is read as None if the log does not accept it, such as infinity."""

    def select_format(self, compiler: Any, sql: str, params: Any) -> tuple[str, Any]:
        """Return the SQL that reads the column."""
        return f"CASE WHEN {sql} >= '{EARLIEST}' AND {sql} < '{LATEST}' THEN {sql} END", params

    def deconstruct(self) -> Any:
        """Return the field as migrations know it: as a plain one, whose column is the same."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.DateTimeField", args, kwargs


class StoredJSONField(models.JSONField):
    """JSON in the log. It is read as a text that says why, if Python cannot read it: it is nested too deep, or a number
    in it is too long."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        """Return the value as Python objects."""
        try:
            return super().from_db_value(value, expression, connection)
        except (ValueError, RecursionError) as error:
            return f"This cannot be shown: {error}"

    def deconstruct(self) -> Any:
        """Return the field as migrations know it: as a plain one, whose column is the same."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.JSONField", args, kwargs
