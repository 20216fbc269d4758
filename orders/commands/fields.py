"""Metadata of command fields: help texts, and limits that hold for every sender: the API, forms and importers.

The API and forms name all wrong fields at once. `dispatch` checks the same limits again before the rules run.
"""

from typing import Any

from eventstore.limits.values import LIMITS
from eventstore.messages import ADDED_LATER


def checked(help_text: str, *, added_later: bool = False, **limits: Any) -> dict[str, Any]:
    """Return field metadata. `limits` are arguments of the serializer field, such as `max_length`.

    Set `added_later` for a new field of a command that was released without it.
    """
    return {"serializer_kwargs": {"help_text": help_text, **limits}, LIMITS: limits, ADDED_LATER: added_later}


def money(help_text: str, **limits: Any) -> dict[str, Any]:
    """Return the metadata of an amount of money."""
    return checked(help_text, max_digits=18, decimal_places=4, min_value=0, **limits)


def why(help_text: str = "A reason that will still make sense in a year.", **limits: Any) -> dict[str, Any]:
    """Return the metadata of a reason."""
    return checked(help_text, max_length=300, **limits)


ADDRESS = checked("The address as written on a parcel, line by line.", max_length=500)
CURRENCY = checked("If given, it must be the order's currency.", min_length=3, max_length=3)
LINES = checked("The lines, and the number of units of each.", allow_empty=False, max_length=5000)
PAYMENT_METHOD = checked("The payment method, such as card or transfer.", max_length=40)
PAYMENT_REFERENCE = checked("The provider's id of this payment.", max_length=100)
