"""What schemathesis does to each request before it is sent; loaded by the runs of test_contract."""

from typing import Any
from uuid import uuid4

import schemathesis

REPEATED = "0"
"""A key that a request keeps, so that some repeat another."""


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """A key of its own: left to chance, most keys are the shortest, and so were used before."""
    key = (case.headers or {}).get("Idempotency-Key")
    if key and key != REPEATED and key.isprintable() and key.isascii():
        case.headers["Idempotency-Key"] = str(uuid4())
