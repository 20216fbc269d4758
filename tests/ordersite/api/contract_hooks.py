"""A schemathesis hook that changes each request before it is sent; loaded by the runs of test_contract."""

from typing import Any
from uuid import uuid4

import schemathesis

REPEATED = "0"
"""A key that is not replaced, so that some requests repeat another."""


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Replace the key with a unique one: generated keys are mostly the shortest ones, which were used before."""
    key = (case.headers or {}).get("Idempotency-Key")
    if key and key != REPEATED and key.isprintable() and key.isascii():
        case.headers["Idempotency-Key"] = str(uuid4())
