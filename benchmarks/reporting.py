"""Show a report as tables, or as a JSON object."""

import json
import os
import platform
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.harness import Report, Summary, summary


def as_json(report: Report) -> dict[str, Any]:
    """Return the report as an object for JSON, with a description of the machine."""
    sides = {name: _side(summary(rounds)) for name, rounds in report.sides.items() if rounds}
    return {
        "bench": report.bench,
        "what": report.what,
        "unit": report.unit,
        "ours": sides.pop("ours", {}) | dict(report.figures),
        "peers": sides,
        "ratios": {name: round(ratio.value, 4) for name, ratio in report.ratios.items()},
        "spread": {name: [round(end, 4) for end in ratio.spread] for name, ratio in report.ratios.items()},
        "bars": {name: str(ratio.bar) for name, ratio in report.ratios.items() if ratio.bar},
        "met": {name: ratio.is_met for name, ratio in report.ratios.items() if ratio.bar},
        "checks": dict(report.checks),
        "notes": list(report.notes),
        "machine": machine(),
    }


def _side(side: Summary) -> dict[str, float]:
    latencies = {"p50_ms": round(side.p50_ms, 3), "p99_ms": round(side.p99_ms, 3)} if side.p50_ms else {}
    return {"rate": round(side.rate, 1), **latencies}


def show(result: dict[str, Any]) -> None:
    """Print the tables of a result of `as_json`."""
    console = Console(width=None if os.isatty(1) else 110)
    console.print(f"\n[bold]{result['bench']}[/]  {result['what']}", highlight=False)
    sides = Table("side", f"{result['unit']} (median)", "p50 ms", "p99 ms")
    for name, side in {"ours": result["ours"], **result["peers"]}.items():
        if "rate" in side:
            sides.add_row(name, f"{side['rate']:,.0f}", *(str(side.get(key, "")) for key in ("p50_ms", "p99_ms")))
    if sides.rows:
        console.print(sides)
    ratios = Table("ours against", "ratio (median)", "spread", "limit", "")
    for name, value in result["ratios"].items():
        met = {True: "met", False: "[bold]not met[/]", None: ""}[result["met"].get(name)]
        low, high = result["spread"][name]
        ratios.add_row(name, f"{value:.2f}", f"{low:.2f} to {high:.2f}", result["bars"].get(name, ""), met)
    console.print(ratios)
    for name, value in result["ours"].items():
        if name not in {"rate", "p50_ms", "p99_ms"}:
            console.print(f"  {name}: {value:,}" if isinstance(value, int | float) else f"  {name}: {value}")
    for note in result["notes"]:
        console.print(f"  {note}", highlight=False)
    for check, holds in result["checks"].items():
        console.print(f"  [{'green' if holds else 'bold red'}]{'right' if holds else 'WRONG'}[/]: {check}")


def machine() -> dict[str, Any]:
    """Return a description of the machine."""
    return {
        "cpu": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "postgresql": _postgresql(),
        "load": round(os.getloadavg()[0], 2),
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _postgresql() -> str:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        return str(cursor.fetchone()[0])


def dumped(result: dict[str, Any]) -> str:
    """Return the result as indented JSON."""
    return json.dumps(result, indent=2, ensure_ascii=False)
