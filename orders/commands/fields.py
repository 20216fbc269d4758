"""What the edges (the API, forms) show and check of a command's fields before the rules see it."""

from typing import Any


def checked(help_text: str, **limits: Any) -> dict[str, Any]:
    """The metadata of a field: `limits` are those of a serializer's field."""
    return {"serializer_kwargs": {"help_text": help_text, **limits}}


def money(help_text: str, **limits: Any) -> dict[str, Any]:
    return checked(help_text, max_digits=18, decimal_places=4, min_value=0, **limits)


def why(help_text: str = "Why, in words that make sense in a year.", **limits: Any) -> dict[str, Any]:
    return checked(help_text, max_length=300, **limits)


ADDRESS = checked("As it is written on a parcel, line by line.", max_length=500)
CURRENCY = checked("If given, it has to be the order's.", min_length=3, max_length=3)
LINES = checked("Which lines, and how many units of each.", allow_empty=False, max_length=5000)
PAYMENT_METHOD = checked("Such as card or transfer.", max_length=40)
PAYMENT_REFERENCE = checked("The provider's id of this payment.", max_length=100)
