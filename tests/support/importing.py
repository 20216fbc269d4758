"""Helpers to import files and read the reports."""

import csv
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management import CommandError, call_command

from ordersite.importing.layouts.online_retail import COLUMNS
from projections.accounting.journal import SUMS, EntryKind
from projections.engine.catch_up import catch_up
from projections.engine.projection import PROJECTIONS
from projections.staff.orders import StaffOrder

HEAD = ",".join(COLUMNS)


UK = "United Kingdom"


def statuses(order: StaffOrder) -> tuple[str, str, str, str]:
    return order.status, order.payment_status, order.fulfilment_status, order.return_status


def run(path: Path, *options: str, quarantine: str = "quarantine.csv") -> dict[str, Any]:
    """Import a file or a folder, and return the report. The quarantine file is beside it."""
    target = path.with_name(quarantine)
    out, code = io.StringIO(), 0
    arguments = [str(path), "--json", "--quarantine", str(target), "--overwrite-quarantine", *options]
    try:
        call_command("import_orders", *arguments, stdout=out)
    except CommandError as error:
        code = error.returncode
        if code != 1:
            raise
    report: dict[str, Any] = json.loads(out.getvalue())
    assert code == (report["lines_quarantined"] > 0), "the exit code tells of quarantined lines"
    assert report["quarantine_file"] == (str(target) if code else None)
    reasons = Counter(row["reason"] for row in quarantined(target)) if code else {}
    assert dict(reasons) == report["quarantine"], "the file and the counts agree"
    assert report["lines_imported"] + report["lines_cancelling"] + report["lines_quarantined"] == report["lines"]
    assert report["lines"] + report["rows_not_read"] == report["rows"]
    for projection in PROJECTIONS.values():
        catch_up(projection)
    return report


def quarantined(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as lines:
        return list(csv.DictReader(lines))


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
