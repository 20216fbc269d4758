"""Numbers that come as text from outside have one parser, `parse_whole`: no other code of the edge converts a text.

`int` takes digits of every alphabet, signs, spaces and underscores, fails on 4,301 digits, and bounds nothing.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EDGE = (
    "orders/http", "ordersite/api", "ordersite/admin", "ordersite/customers", "ordersite/middleware",
    "projections/accounting/admin", "projections/admin", "projections/customer", "projections/event_feed",
    "projections/reading", "projections/staff", "projections/webhooks", "eventstore/admin",
)  # fmt: skip
READS_NO_TEXT = {
    "orders/http/request.py": "a version that matched a pattern of at most nine digits",
    "ordersite/middleware/cached_orders.py": "the same",
    "ordersite/middleware/rate_limits.py": "a setting",
    "ordersite/api/openapi/examples.py": "statuses in the description",
    "ordersite/admin/programs.py": "a number of rows",
    "ordersite/admin/forms/kept_forms.py": "the time",
    "projections/webhooks/sending.py": "the time, and the status of an answer",
    "projections/webhooks/networks.py": "an address that was parsed",
    "projections/event_feed/streaming.py": "a number of seconds",
    "eventstore/admin/large_lists.py": "an estimate",
}
"""Files that convert what is no text from outside."""


def conversions() -> Iterator[str]:
    """Yield the file of each call of `int`, `float` or `Decimal` with anything but a literal."""
    for folder in EDGE:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                match node:
                    case ast.Call(func=ast.Name(id="int" | "float" | "Decimal"), args=[given, *_]):
                        if not isinstance(given, ast.Constant):
                            yield str(path.relative_to(ROOT))


def test_the_edge_converts_no_text_by_itself() -> None:
    found = set(conversions())
    assert found - set(READS_NO_TEXT) == set(), "use parse_whole of eventstore.limits.numbers"


def test_the_exceptions_exist() -> None:
    assert set(READS_NO_TEXT) <= set(conversions())
