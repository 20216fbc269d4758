"""How money that moves between an order and an account is named, so that it moves once and its way can be followed."""

import re
from typing import NamedTuple
from uuid import UUID

REFUND, RETURNED = "refund", "returned payment"
"""The methods of deposits that come from an order: nobody else may use them."""

PREFIXES = ("refund:", "returned:")
"""So begin the references of such deposits."""

_PAYMENT = re.compile(r"([0-9a-f-]{36})/(\d{1,9})")
_REFUND = re.compile(r"refund:([0-9a-f-]{36})/(\d{1,9})(?:/\d{1,9})?")


class Part(NamedTuple):
    """A payment or a refund of an order."""

    order_id: UUID
    number: int


def of_payment(order_id: UUID, payment_id: int) -> str:
    return f"{order_id}/{payment_id}"


def of_refund(order_id: UUID, refund_id: int, *, retried_at: int | None = None) -> str:
    """`retried_at` is the order's version at which it was tried again: what was given at first was taken back."""
    return f"refund:{order_id}/{refund_id}" + (f"/{retried_at}" if retried_at else "")


def of_returned(order_id: UUID, payment_id: int) -> str:
    """A payment that was withdrawn and that its order could not take."""
    return f"returned:{order_id}/{payment_id}"


def of_taken_back(refund: str) -> str:
    """A refund that was deposited and that its order counts no more."""
    return f"taken-back:{refund}"


def payment_of(reference: str) -> Part | None:
    return _part(_PAYMENT, reference)


def refund_of(reference: str) -> Part | None:
    return _part(_REFUND, reference)


def _part(pattern: re.Pattern[str], reference: str) -> Part | None:
    found = pattern.fullmatch(reference)
    try:
        return Part(UUID(found[1]), int(found[2])) if found else None
    except ValueError:  # as long as a UUID, and none
        return None
