"""`make docs`: the docs as a static site, and the check of every link in them (docs/decisions/40-docs-site.md)."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STAGE = ROOT / ".local" / "docs-source"  # what the generator reads, and writes into `site`
SITE = ROOT / ".local" / "docs"
