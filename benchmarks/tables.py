"""Save the last result of each benchmark, and write the tables of docs/performance.md from them.

`python -m benchmarks.tables` writes the tables. The text around them is written by hand.
"""

import json
import re
from pathlib import Path
from typing import Any

from benchmarks.scratch import STATE

RESULTS = STATE / "results"
PAGE = Path(__file__).resolve().parents[1] / "docs" / "performance.md"
_PLACE = re.compile(r"(<!-- figures of (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def save(result: dict[str, Any]) -> None:
    """Save a result in the state folder, in place of the previous one."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{result['bench']}.json").write_text(json.dumps(result))


def write_page() -> None:
    """Fill each marked place of the page with its saved result. A place without a result stays unchanged."""
    PAGE.write_text(_PLACE.sub(_filled, PAGE.read_text()))


def _filled(place: re.Match[str]) -> str:
    opening, name, closing = place.groups()
    saved = RESULTS / f"{name}.json"
    if name == "machine":
        newest = max(RESULTS.glob("*.json"), key=lambda each: each.stat().st_mtime, default=saved)
        return (
            f"{opening}\n{_machine(json.loads(newest.read_text())['machine'])}\n\n{closing}"
            if newest.exists()
            else place[0]
        )
    return f"{opening}\n{_tables(json.loads(saved.read_text()))}\n\n{closing}" if saved.exists() else place[0]


def _machine(machine: dict[str, Any]) -> str:
    return (
        f"{machine['cores']} cores ({machine['cpu']}), {machine['memory_gib']} GiB, {machine['system']}, "
        f"Python {machine['python']}, PostgreSQL {machine['postgresql']}."
    )


def _tables(result: dict[str, Any]) -> str:
    lines = [f"{result['what']}", ""]
    sides = {name: side for name, side in {"**ours**": result["ours"], **result["peers"]}.items() if "rate" in side}
    if sides:
        lines += [f"| side | {result['unit']} | p50 ms | p99 ms |", "|---|--:|--:|--:|"]
        for name, side in sides.items():
            lines.append(f"| {name} | {side['rate']:,.0f} | {side.get('p50_ms', '')} | {side.get('p99_ms', '')} |")
        lines.append("")
    lines += ["| ours against | ratio | spread | limit | |", "|---|--:|--:|--:|---|"]
    for name, value in result["ratios"].items():
        low, high = result["spread"][name]
        met = {True: "met", False: "**not met**", None: ""}[result["met"].get(name)]
        lines.append(f"| {name} | {value:.2f} | {low:.2f} to {high:.2f} | {result['bars'].get(name, '')} | {met} |")
    figures = [(name, value) for name, value in result["ours"].items() if name not in {"rate", "p50_ms", "p99_ms"}]
    if figures:
        lines += [
            "",
            "; ".join(
                f"{name}: {value:,}" if not isinstance(value, str) else f"{name}: {value}" for name, value in figures
            ),
        ]
    lines += ["", *(f"{note}  " for note in result["notes"])] if result["notes"] else []
    checks = ", ".join(f"{check} ({'right' if holds else 'WRONG'})" for check, holds in result["checks"].items())
    return "\n".join([*lines, "", f"Checked: {checks}."])


if __name__ == "__main__":
    write_page()
