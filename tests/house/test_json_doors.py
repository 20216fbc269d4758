"""JSON from outside has one reader, `read_json`: other decoders keep the last of two equal names."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("eventstore", "orders", "projections", "ordersite")
READS_ITS_OWN = {
    "eventstore/admin/pages.py": "a seal of the database",
    "eventstore/codec.py": "an event of the log",
    "eventstore/histories/event_line.py": "an event of the log",
    "eventstore/limits/json_text.py": "the reader itself",
    "eventstore/management/commands/show_aggregate.py": "what was encoded a moment before",
    "eventstore/queue/worker.py": "a command of the queue",
    "eventstore/snapshots.py": "a snapshot of the database",
    "orders/http/approvals.py": "a command of the log",
    "ordersite/importing/sources/json_orders.py": "keeps numbers as they are written, and refuses a repeated name",
    "projections/engine/joint_catch_up.py": "a checkpoint of the database",
    "projections/engine/row_storage.py": "a row of a read model",
    "projections/staff/order_page.py": "what was encoded a moment before",
}
"""Files that decode what the site itself has encoded."""


def decoding() -> Iterator[str]:
    """Yield each file that calls a decoder of JSON."""
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and ast.unparse(node.func) in (
                    "json.loads", "json.load", "json.JSONDecoder", "msgspec.json.decode", "msgspec.json.Decoder",
                ):  # fmt: skip
                    yield str(path.relative_to(ROOT))


def test_json_from_outside_is_read_strictly() -> None:
    assert set(decoding()) == set(READS_ITS_OWN), "use read_json of eventstore.limits.json_text"
