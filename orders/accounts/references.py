"""References of money that moves between orders and accounts. Each reference moves money once and can be traced."""

import re
import unicodedata
from typing import NamedTuple
from uuid import UUID

REFUND, RETURNED = "refund", "returned payment"
"""The reserved methods of deposits that come from an order."""

_METHODS = ("refund", "returnedpayment")
_PREFIXES = ("refund:", "returned:", "taken-back:")

_PAYMENT = re.compile(r"([0-9a-f-]{36})/(\d{1,9})")
_REFUND = re.compile(r"refund:([0-9a-f-]{36})/(\d{1,9})(?:/\d{1,9})?")
_OF_THE_SHOP = re.compile(r"(taken-back:)?((refund|returned):)?[0-9a-f-]{36}/\d{1,9}(/\d{1,9})?")


def is_reserved_method(method: str) -> bool:
    """Return whether only the shop's process may deposit by this method. Capitals and spaces make no other method."""
    return _plain(method) in _METHODS


def is_reserved(reference: str) -> bool:
    """Return whether only the shop's process may move money under this reference: it names a payment or a refund.

    What people read as such a reference counts as one, whatever its capitals and spaces.
    """
    plain = _plain(reference)
    return plain.startswith(_PREFIXES) or _PAYMENT.fullmatch(plain) is not None


def _plain(text: str) -> str:
    """Return the text without what hides it from a comparison: capitals, white space and compatible letters."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


class Part(NamedTuple):
    """A payment or a refund of an order."""

    order_id: UUID
    number: int


def of_payment(order_id: UUID, payment_id: int) -> str:
    """Return the reference of the withdrawal for a payment."""
    return f"{order_id}/{payment_id}"


def of_refund(order_id: UUID, refund_id: int, *, retried_at: int | None = None) -> str:
    """Return the reference of the deposit for a refund. A retry gives `retried_at`, the order's version then."""
    return f"refund:{order_id}/{refund_id}" + (f"/{retried_at}" if retried_at else "")


def of_returned(order_id: UUID, payment_id: int) -> str:
    """Return the reference of the deposit that returns a withdrawn payment which its order refused."""
    return f"returned:{order_id}/{payment_id}"


def of_taken_back(refund: str) -> str:
    """Return the reference of the withdrawal that takes back a deposited refund which its order no longer counts."""
    return f"taken-back:{refund}"


def is_of_the_shop(reference: str) -> bool:
    """Return whether a reference has the form of one that the shop makes. It holds ids and numbers, no other text."""
    return _OF_THE_SHOP.fullmatch(reference) is not None


def payment_of(reference: str) -> Part | None:
    """Return the payment that a reference names, or None."""
    return _part(_PAYMENT, reference)


def refund_of(reference: str) -> Part | None:
    """Return the refund that a reference names, or None."""
    return _part(_REFUND, reference)


def _part(pattern: re.Pattern[str], reference: str) -> Part | None:
    match = pattern.fullmatch(reference)
    try:
        return Part(UUID(match[1]), int(match[2])) if match else None
    except ValueError:  # 36 characters, but not a UUID
        return None
