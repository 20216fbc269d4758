"""Two common ways to project: `bulk_create` of Django, and the projection runner of the library `eventsourcing`.

Django makes one upsert for each type of event; the library makes one statement for each event. Both fill a table like
the staff read model, with its indexes, from unencrypted events. Each event sets columns without reading the row, so
some columns are simpler than in the read model: for example, the search text does not grow.
"""

import os
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
from django.db import connection, transaction
from eventsourcing.application import Application
from eventsourcing.domain import DomainEvent
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner

from benchmarks import scratch
from projections.staff.orders import StaffOrder

ORM, RUNNER = "orm_view", "es_view"
MADE = (
    "version, reference, customer_name, customer_email, shipping_address, country, currency, total, line_count,"
    " placed_at, paid, paid_at, payment_method, fulfilment_status, carrier, tracking_code, shipped_at, cancelled,"
    " cancelled_at, cancel_reason, returned, refunded"
)
"""The columns that both fill as the read model does."""

Event = tuple[UUID, int, str, datetime, dict[str, Any]]
"""Aggregate id, version, type, time and data."""


def read(after: int, through: int) -> list[Event]:
    """Return the unencrypted events after one position, up to another."""
    with scratch.connect() as own, own.cursor() as cursor:
        cursor.execute(
            "SELECT aggregate_id, version, event_type, at, event_data::text FROM clear_events"
            " WHERE position > %s AND position <= %s ORDER BY position",
            (after, through),
        )
        return [(*row, msgspec.json.decode(text)) for *row, text in cursor]


def _placed(at: datetime, data: dict[str, Any]) -> dict[str, Any]:
    taken = ("customer_id", "reference", "country", "currency", "total", "tax")
    personal = ("customer_name", "customer_email", "shipping_address", "billing_address")
    words = [data[name] for name in ("order_id", "reference", "customer_name", "customer_email", "country")]
    words += dict.fromkeys(line["sku"] for line in data["lines"])
    return {
        **{name: data[name] for name in taken + personal},
        "due": data["total"],
        "fulfilment_status": "unfulfilled",
        "line_count": len(data["lines"]),
        "units": sum(line["quantity"] for line in data["lines"] if line["kind"] == "goods"),
        "placed_at": at,
        "search": " ".join(word for word in words if word).lower(),
    }


def _changes(what: str, at: datetime, data: dict[str, Any]) -> dict[str, Any]:
    """Return the columns that an event sets."""
    return _CHANGES[what](at, data) if what in _CHANGES else {}


_CHANGES: dict[str, Callable[[datetime, dict[str, Any]], dict[str, Any]]] = {
    "order.created": _placed,
    "order.payment_authorised": lambda at, data: {
        "payment_status": "authorised",
        "authorised": data["amount"],
        "payment_method": data["method"],
    },
    "order.payment_captured": lambda at, data: {
        "payment_status": "paid",
        "paid": data["amount"],
        "paid_at": at,
        "due": 0,
    },
    "order.paid": lambda at, data: {
        "payment_status": "paid",
        "authorised": data["amount"],
        "paid": data["amount"],
        "paid_at": at,
        "due": 0,
        "payment_method": data["payment_method"],
    },
    "order.cancelled": lambda at, data: {
        "status": "cancelled",
        "fulfilment_status": "none",
        "cancelled": data["amount"],
        "due": 0,
        "due_back": data["due_back"],
        "cancel_reason": data["reason"],
        "cancelled_at": at,
    },
    "order.shipped": lambda at, data: {
        "status": "completed",
        "fulfilment_status": "fulfilled",
        "carrier": data["carrier"],
        "tracking_code": data["tracking_code"],
        "shipped_at": at,
    },
    "order.parcel_delivered": lambda at, data: {"fulfilment_status": "delivered"},
    "order.return_requested": lambda at, data: {"return_status": "requested"},
    "order.return_approved": lambda at, data: {"return_status": "approved"},
    "order.return_received": lambda at, data: {
        "return_status": "partial",
        "returned": data["amount"],
        "due_back": data["due_back"],
    },
    "order.refund_requested": lambda at, data: {"refund_pending": data["amount"]},
    "order.refund_approved": lambda at, data: {},
    "order.refund_settled": lambda at, data: {
        "payment_status": "partially_refunded",
        "refund_pending": 0,
        "refunded": data["amount"],
        "due_back": 0,
    },
}
"""The columns by type of event, in the order in which the events happen to one order."""


# --- Django -----------------------------------------------------------------------------------------------------------


def bulk_create(after: int, through: int, *, batch: int) -> None:
    """Write rows and checkpoint in one transaction for each batch, with an upsert for each type of event."""
    for start in range(after, through, batch):
        end = min(start + batch, through)
        by_type: dict[str, list[Event]] = {}
        for event in read(start, end):
            by_type.setdefault(event[2], []).append(event)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL search_path TO {ORM}, public")
            for what in _CHANGES:
                _upsert(by_type.get(what, []))
            cursor.execute(f"UPDATE {ORM}.checkpoint SET position = %s", [end])


def _upsert(events: Iterable[Event]) -> None:
    rows, names = [], {"version"}
    for order_id, version, what, at, data in events:
        changes = _changes(what, at, data)
        names |= changes.keys()
        missing = {"placed_at": at, "line_count": 0, "units": 0}  # required by INSERT; the existing row has them
        rows.append(StaffOrder(order_id=order_id, version=version, **(missing | _exact(changes))))
    if rows:
        StaffOrder._default_manager.bulk_create(
            rows, update_conflicts=True, unique_fields=["order_id"], update_fields=sorted(names)
        )


_MONEY = (
    "total",
    "tax",
    "due",
    "due_back",
    "paid",
    "authorised",
    "cancelled",
    "returned",
    "refunded",
    "refund_pending",
)


def _exact(changes: dict[str, Any]) -> dict[str, Any]:
    return {name: Decimal(value) if name in _MONEY else value for name, value in changes.items()}


# --- eventsourcing ----------------------------------------------------------------------------------------------------


class Happened(DomainEvent):  # type: ignore[misc]  # the library is not installed where types are checked
    """An event of the log as an event of the library."""

    what: str
    data: dict[str, Any]


class Shop(Application[UUID]):  # type: ignore[misc]  # the library is not installed where types are checked
    """The library's application that records the events."""


class View(PostgresTrackingRecorder):  # type: ignore[misc]  # the library is not installed where types are checked
    """The read model with the position of the last event."""

    def show(self, event: Happened, tracking: Tracking) -> None:
        """Write the row and the position in one transaction."""
        changes = {"version": event.originator_version, **_changes(event.what, event.timestamp, event.data)}
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(*_statement(event, changes), prepare=True)


def _statement(event: Happened, changes: dict[str, Any]) -> tuple[Any, list[Any]]:
    table = f"{RUNNER}.projections_stafforder"
    if event.what == "order.created":
        row = {name: default for name, default in _DEFAULTS.items() if name not in changes} | changes
        names = ", ".join(["order_id", *row])
        places = ", ".join(["%s"] * (len(row) + 1))
        return f"INSERT INTO {table} ({names}) VALUES ({places})", [event.originator_id, *row.values()]
    assignments = ", ".join(f"{name} = %s" for name in changes)
    return f"UPDATE {table} SET {assignments} WHERE order_id = %s", [*changes.values(), event.originator_id]


_DEFAULTS: dict[str, Any] = {
    **dict.fromkeys(("returned", "allowances", "authorised", "voided", "paid", "refund_pending", "refunded"), 0),
    **dict.fromkeys(("cancelled", "written_off", "due_back"), 0),
    **dict.fromkeys(("payment_method", "carrier", "tracking_code", "cancel_reason"), ""),
    "status": "open",
    "payment_status": "unpaid",
    "return_status": "none",
    "state": "{}",
    "times": "{}",
}


class ViewProjection(Projection[View]):  # type: ignore[misc]  # the library is not installed where types are checked
    """The library's projection."""

    name = "staffview"

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        """Apply one event."""
        self.view.show(domain_event, tracking)


def _environment() -> dict[str, str]:
    url = urlsplit(os.environ["DATABASE_URL"])
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": url.path.removeprefix("/"),
        "POSTGRES_HOST": str(url.hostname),
        "POSTGRES_PORT": str(url.port),
        "POSTGRES_USER": str(url.username),
        "POSTGRES_PASSWORD": str(url.password),
        "POSTGRES_SINGLE_ROW_TRACKING": "y",
    }


def record(after: int, through: int) -> int:
    """Record the events in the library's table. Return the id of the last one."""
    app = Shop(_environment())
    stored = [
        app.mapper.to_stored_event(
            Happened(originator_id=order_id, originator_version=version, timestamp=at, what=what, data=data)
        )
        for order_id, version, what, at, data in read(after, through)
    ]
    app.recorder.insert_events(stored)
    last = app.recorder.max_notification_id()
    app.close()
    return last or 0


def run_until(notification_id: int) -> None:
    """Run the projection until the read model has this event."""
    with ProjectionRunner(
        application_class=Shop, projection_class=ViewProjection, view_class=View, env=_environment()
    ) as runner:
        runner.wait(notification_id, timeout=120)
