"""Small histories, and helpers to export and import them."""

import io
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection

from eventstore import codec, store
from eventstore.dispatch import Context, dispatch
from eventstore.histories.export import export, histories
from eventstore.histories.importer import Imported, import_history
from eventstore.ids import new_id
from tests.support.booking import BOOK, Pay
from tests.support.tally import Count


def staff(**more: Any) -> Context:
    """Return the context of a command that staff send."""
    return Context(actor="staff:anna", **more)


def booking(**changes: Any) -> UUID:
    """Record a booking: `BOOK` with a new id and with these changes; return its id."""
    book = replace(BOOK, booking_id=new_id(), **changes)
    dispatch(book, staff())
    return book.booking_id


def paid_booking(**changes: Any) -> UUID:
    """Record a booking and its payment; return its id."""
    booking_id = booking(**changes)
    dispatch(Pay(booking_id=booking_id, amount=Decimal(25), method="card"), staff(extra={"note": "by phone"}))
    return booking_id


def tally(*counts: int) -> UUID:
    """Record a tally with these counts; return its id."""
    tally_id = new_id()
    for by in counts:
        dispatch(Count(tally_id=tally_id, by=by), staff())
    return tally_id


def file_of(*aggregates: UUID) -> list[str]:
    """Return the lines of an export."""
    return list(export(histories(aggregates)))


def load(lines: list[str]) -> Imported:
    """Import the lines of an export."""
    return import_history(io.BytesIO("\n".join(lines).encode("utf-8", "surrogatepass")))


def changed(line: str, **changes: Any) -> str:
    """Return a line of an export with other fields."""
    return json.dumps(json.loads(line) | changes)


def facts_of(aggregate_id: UUID) -> list[tuple[Any, ...]]:
    """Return what an import must not change of each event."""
    return [
        (
            fact.event_id,
            fact.aggregate_type,
            fact.version,
            fact.timestamp,
            fact.event,
            msgspec.structs.replace(
                fact.metadata, extra={key: text for key, text in fact.metadata.extra.items() if key != codec.IMPORTED}
            ),
        )
        for fact in store.read_stream(aggregate_id)
    ]


def in_threads(*works: Callable[[], object]) -> list[object]:
    """Call each function in a thread, all at the same time; return what each returned or raised."""
    outcomes: list[object] = [None] * len(works)
    start = threading.Barrier(len(works))

    def run(number: int, work: Callable[[], object]) -> None:
        try:
            start.wait(10)
            outcomes[number] = work()
        except Exception as error:  # noqa: BLE001 - the test checks it
            outcomes[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes
