"""Customers and the accounts they log in with: what the log says of a person, and the copy that log-in and mail need.

Both change in one transaction, and the address of a customer changes here alone, so that the log says who changed it.
"""

from collections.abc import Iterator
from uuid import UUID

from iso4217 import Currency

from eventstore import store
from eventstore.dispatch import current_state
from eventstore.models import Event
from eventstore.snapshots import shape_of, state_of
from orders.accounts.identity import account_of
from orders.accounts.rules import ACCOUNT
from orders.accounts.state import Account
from orders.customers.rules import CUSTOMER
from orders.customers.state import Customer
from orders.order import ORDER
from orders.state import Order
from projections.customer.account import CustomerAccount
from projections.customer.orders import CustomerOrder

CURRENCIES = sorted({currency.code for currency in Currency if currency.exponent is not None})


def customer_of_the_log(customer_id: UUID) -> Customer:
    """The customer as the rules see them now."""
    return current_state(CUSTOMER, customer_id)


# --- what is theirs, as the log has it --------------------------------------------------------------------------------


def orders_of(customer_id: UUID) -> Iterator[Order]:
    """The customer's orders as the rules see them now: none is missing because a view is behind."""
    for past in store.histories(dict.fromkeys(all_order_ids(customer_id), shape_of(ORDER))).values():
        yield state_of(ORDER, past)


def all_order_ids(customer_id: UUID) -> set[UUID]:
    """The orders that hold their personal data, as the log has it; of those that hold none, those that are shown."""
    theirs = Event.objects.filter(subject_id=customer_id, aggregate_type=ORDER.aggregate_type)
    return {*theirs.values_list("aggregate_id", flat=True), *order_ids(customer_id)}


def order_ids(customer_id: UUID) -> list[UUID]:
    """As far as the customers' view has come."""
    return list(CustomerOrder.objects.filter(customer_id=customer_id).values_list("pk", flat=True))


def accounts_of(customer_id: UUID) -> Iterator[Account]:
    """The customer's accounts, in every currency there is, as the rules see them now."""
    for past in store.histories(dict.fromkeys(account_ids(customer_id), shape_of(ACCOUNT))).values():
        account: Account = state_of(ACCOUNT, past)
        if account.customer_id == customer_id:
            yield account


def account_ids(customer_id: UUID) -> list[UUID]:
    """Where their accounts are, if they were opened; and those that were opened under an id of their own."""
    shown = CustomerAccount.objects.filter(customer_id=customer_id).values_list("pk", flat=True)
    return sorted({*(account_of(customer_id, currency) for currency in CURRENCIES), *shown})
