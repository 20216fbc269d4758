"""The rules of a customer: registered once, one email address, and nothing after erasure."""

from collections.abc import Sequence
from typing import assert_never, get_args

from eventstore.decider import Decider, HistoryRules, register
from eventstore.errors import AggregateNotFound, CommandRefused, CorruptEvent
from orders.customers.commands import (
    ChangeEmail,
    CustomerCommand,
    EraseCustomer,
    RegisterCustomer,
    ReleaseEmail,
    VerifyEmail,
)
from orders.customers.events import (
    CustomerErased,
    CustomerEvent,
    CustomerRegistered,
    EmailChanged,
    EmailVerified,
)
from orders.customers.state import Customer, evolve


def decide(command: CustomerCommand, customer: Customer) -> Sequence[CustomerEvent]:
    """Return the events of `command` on `customer`. Raises CommandRefused, AggregateNotFound."""
    if customer.erased:
        raise CommandRefused("customer_erased", "this customer was erased: no more changes are recorded")
    match command:
        case RegisterCustomer():
            return [_register(command, customer)]
        case ChangeEmail():
            return [_change_email(command, customer)]
        case VerifyEmail():
            return _verify_email(command, customer)
        case ReleaseEmail():
            return _release_email(command, customer)
        case EraseCustomer():
            _require_registered(command, customer)
            return [CustomerErased(customer_id=command.customer_id)]
        case _:
            assert_never(command)


def _register(command: RegisterCustomer, customer: Customer) -> CustomerRegistered:
    if customer.registered:
        raise CommandRefused("customer_exists", "this customer is registered already")
    return CustomerRegistered(customer_id=command.customer_id, name=command.name.strip(), email=command.email)


def _change_email(command: ChangeEmail, customer: Customer) -> EmailChanged:
    _require_registered(command, customer)
    if command.email == customer.email:
        raise CommandRefused("email_unchanged", "this is your current address: nothing would change")
    if not all(command.email.partition("@")):
        raise CommandRefused(
            "email_malformed", "an email address has a name, an @ and a domain, such as ada@example.com"
        )
    return EmailChanged(
        customer_id=command.customer_id,
        previous=customer.email,
        email=command.email,
        changed_by=command.changed_by,
    )


def _verify_email(command: VerifyEmail, customer: Customer) -> Sequence[EmailVerified]:
    _require_registered(command, customer)
    if command.email != customer.email:
        raise CommandRefused("email_differs", "the address was changed since: verify your current address")
    if customer.verified:
        return []
    return [EmailVerified(customer_id=command.customer_id, email=command.email)]


def _release_email(command: ReleaseEmail, customer: Customer) -> Sequence[EmailChanged]:
    _require_registered(command, customer)
    if customer.verified or customer.email.casefold() != command.email.casefold():
        return []
    return [
        EmailChanged(customer_id=command.customer_id, previous=customer.email, email="", changed_by=command.released_by)
    ]


def _require_registered(command: CustomerCommand, customer: Customer) -> None:
    if not customer.registered:
        raise AggregateNotFound(
            "customer_not_found", "there is no customer {customer_id}", customer_id=command.customer_id
        )


def _require_possible(before: Customer, event: CustomerEvent, after: Customer) -> None:
    """Raise CorruptEvent for an event after the erasure."""
    if before.erased:
        raise CorruptEvent(f"the customer was erased before {type(event).__name__}")


CUSTOMER = Decider(
    aggregate_type="customer",
    initial=Customer(),
    decide=decide,
    evolve=evolve,
    identify=lambda command: command.customer_id,
    history=HistoryRules(begun_by=(CustomerRegistered,), id_field="customer_id", require_possible=_require_possible),
    # Never reached: a snapshot would hold the address in the clear, and these histories are short.
    snapshot_every=1_000_000_000,
)


register(CUSTOMER, get_args(CustomerCommand))
