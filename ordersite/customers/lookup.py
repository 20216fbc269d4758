"""Look up a customer, their orders and accounts in the log, so that nothing is missing if a read model is behind."""

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


def current_customer(customer_id: UUID) -> Customer:
    """Return the customer's current state, read from the log."""
    return current_state(CUSTOMER, customer_id)


def orders_of(customer_id: UUID) -> Iterator[Order]:
    """Yield the current state of each of the customer's orders, read from the log."""
    for history in store.histories(dict.fromkeys(all_order_ids(customer_id), shape_of(ORDER))).values():
        yield state_of(ORDER, history)


def all_order_ids(customer_id: UUID) -> set[UUID]:
    """Return the orders that hold the customer's personal data, from the log, and any others in the read model."""
    events = Event.objects.filter(subject_id=customer_id, aggregate_type=ORDER.aggregate_type)
    return {*events.values_list("aggregate_id", flat=True), *read_model_order_ids(customer_id)}


def read_model_order_ids(customer_id: UUID) -> list[UUID]:
    """Return the customer's orders in the read model, which may be behind the log."""
    return list(CustomerOrder.objects.filter(customer_id=customer_id).values_list("pk", flat=True))


def accounts_of(customer_id: UUID) -> Iterator[Account]:
    """Yield the current state of the customer's accounts in all currencies, read from the log."""
    for history in store.histories(dict.fromkeys(account_ids(customer_id), shape_of(ACCOUNT))).values():
        account: Account = state_of(ACCOUNT, history)
        if account.customer_id == customer_id:
            yield account


def account_ids(customer_id: UUID) -> list[UUID]:
    """Return the ids that the customer's accounts have or would have, and accounts of the read model with other ids."""
    in_read_model = CustomerAccount.objects.filter(customer_id=customer_id).values_list("pk", flat=True)
    return sorted({*(account_of(customer_id, currency) for currency in CURRENCIES), *in_read_model})
