"""The state of a customer."""

from dataclasses import dataclass, replace
from typing import assert_never

from orders.customers.events import (
    CustomerErased,
    CustomerEvent,
    CustomerRegistered,
    EmailChanged,
    EmailVerified,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A customer. `verified` is about the current email address."""

    registered: bool = False
    email: str = ""
    verified: bool = False
    erased: bool = False


def evolve(customer: Customer, event: CustomerEvent) -> Customer:
    """Return `customer` after `event`. No rule is checked: the event has happened."""
    match event:
        case CustomerRegistered():
            return replace(customer, registered=True, email=event.email)
        case EmailChanged():
            return replace(customer, email=event.email, verified=False)
        case EmailVerified():
            return replace(customer, verified=event.email == customer.email)
        case CustomerErased():
            return replace(customer, email="", verified=False, erased=True)
        case _:
            assert_never(event)
