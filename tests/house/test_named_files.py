"""Comments name decisions by their files: a file that was renamed is renamed there too."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("eventstore", "orders", "projections", "ordersite", "benchmarks", "tests", "tools")
DECISION = re.compile(r"docs/decisions/[0-9a-z-]+\.md")


def test_every_decision_that_the_code_names_exists() -> None:
    texts = [path.read_text() for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    named = {name for text in texts for name in DECISION.findall(text)}
    assert len(named) > 10
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
