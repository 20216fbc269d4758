"""Export orders of one site and import them into another: its read models are the same."""

import io
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from eventstore.dispatch import Context, dispatch
from eventstore.ids import new_id
from orders.commands import CancelOrder, PayOrder, ShipOrder
from projections.engine.projection import PROJECTIONS
from projections.rebuild.run import rebuild
from projections.staff.orders import StaffOrder
from tests.support import tampering
from tests.support.order_examples import CREATE
from tests.support.projection_spec import contents
from tests.support.projection_spec import empty as empty_read_model


def two_orders() -> list[str]:
    paid, cancelled = new_id(), new_id()
    for order_id in (paid, cancelled):
        dispatch(replace(CREATE, order_id=order_id, customer_id=new_id()), Context(actor="customer:x"))
    dispatch(PayOrder(order_id=paid, amount=Decimal(25), payment_method="card"), Context(actor="customer:x"))
    dispatch(ShipOrder(order_id=paid), Context(actor="staff:anna"))
    dispatch(CancelOrder(order_id=cancelled, reason="Ada Whitfield rang"), Context(actor="staff:anna"))
    return [str(paid), str(cancelled)]


def exported(*arguments: str) -> str:
    out = io.StringIO()
    call_command("export_history", *arguments, stdout=out)
    return out.getvalue()


_LOCAL_KEYS = {"entry_id": None, "position": None}


def all_rows() -> dict[str, list[dict[str, Any]]]:
    """Return the rows of every read model, without keys that depend on positions in the log."""
    tables = [contents(projection) for projection in PROJECTIONS.values()]
    return {name: [{**row, **_LOCAL_KEYS} for row in rows] for each in tables for name, rows in each.items()}


def another_site() -> None:
    tampering.empty()
    for projection in PROJECTIONS.values():
        empty_read_model(projection)


def test_every_read_model_of_an_importing_site_equals_the_exporting_sites(projecting: None, tmp_path: Path) -> None:
    orders = two_orders()
    before = all_rows()
    file = tmp_path / "history.jsonl"
    file.write_text(exported(*orders))
    another_site()
    assert not StaffOrder.objects.exists()
    call_command("import_history", str(file), stdout=io.StringIO())
    assert all_rows() == before
    for projection in PROJECTIONS.values():
        assert all(table.identical for table in rebuild(projection).differences)


def test_a_history_can_be_imported_from_a_pipe(projecting: None, monkeypatch: pytest.MonkeyPatch) -> None:
    orders = two_orders()
    text = exported(*orders, "--anonymise")
    another_site()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    out = io.StringIO()
    call_command("import_history", "-", stdout=out)
    assert out.getvalue() == "5 events imported, 0 were here already\n"
    shown = StaffOrder.objects.get(pk=orders[1])
    assert shown.customer_name.startswith("Person ")
    assert shown.cancel_reason == f"{shown.customer_name} rang"
