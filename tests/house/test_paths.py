"""Code routes, counts and limits requests by `path_info`: `path` also has the path below which the site is served."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("eventstore", "orders", "projections", "ordersite")
BY_WHOLE_PATH = re.compile(r"request\.path\.\w+with\((?!reverse\()|match\(request\.path\b|len\(request\.path\b")


def test_no_code_decides_by_the_whole_path() -> None:
    files = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    assert [str(path.relative_to(ROOT)) for path in files if BY_WHOLE_PATH.search(path.read_text())] == []
