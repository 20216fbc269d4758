"""Helpers to import files and read the reports."""

import csv
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management import call_command

from ordersite.importing.reading import COLUMNS
from projections.accounting.journal import SUMS, EntryKind
from projections.engine.catch_up import catch_up
from projections.engine.projection import PROJECTIONS
from projections.staff.orders import StaffOrder

HEAD = ",".join(COLUMNS)


UK = "United Kingdom"


def statuses(order: StaffOrder) -> tuple[str, str, str, str]:
    return order.status, order.payment_status, order.fulfilment_status, order.return_status


def run(path: Path, *options: str) -> dict[str, Any]:
    out = io.StringIO()
    quarantine = path.with_name("quarantine.csv")
    call_command("import_orders", str(path), "--json", "--quarantine", str(quarantine), *options, stdout=out)
    report: dict[str, Any] = json.loads(out.getvalue())
    with quarantine.open(newline="") as lines:
        reasons = Counter(row["reason"] for row in csv.DictReader(lines))
    assert dict(reasons) == report["quarantine"], "the file and the counts agree"
    assert report["lines_imported"] + report["lines_cancelling"] + report["lines_quarantined"] == report["lines"]
    for projection in PROJECTIONS.values():
        catch_up(projection)
    return report


KINDS_OF = {
    "sold": EntryKind.SALE,
    "paid": EntryKind.PAYMENT,
    "cancelled": EntryKind.CANCELLATION,
    "returned": EntryKind.RETURN,
    "allowances": EntryKind.ALLOWANCE,
    "refunded": EntryKind.REFUND,
    "written_off": EntryKind.WRITE_OFF,
    "owed_back": EntryKind.DUE_BACK,
}


COLUMNS_OF = {figure: SUMS[kind][0] for figure, kind in KINDS_OF.items()}
