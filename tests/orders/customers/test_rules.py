"""The rules of a customer."""

from dataclasses import replace
from uuid import UUID

import pytest

from orders.customers.commands import ChangeEmail, EraseCustomer, RegisterCustomer, VerifyEmail
from orders.customers.events import CustomerErased, CustomerRegistered, EmailChanged, EmailVerified
from orders.customers.state import Customer
from tests.support.decider_spec import given

ADA = UUID(int=2)
OLD, NEW = "ada@example.com", "ada@example.org"
REGISTER = RegisterCustomer(customer_id=ADA, name="Ada Whitfield", email=OLD)
CHANGE = ChangeEmail(customer_id=ADA, email=NEW, changed_by="staff:anna")
VERIFY = VerifyEmail(customer_id=ADA, email=OLD)
ERASE = EraseCustomer(customer_id=ADA)
REGISTERED = CustomerRegistered(customer_id=ADA, name="Ada Whitfield", email=OLD)
CHANGED = EmailChanged(customer_id=ADA, previous=OLD, email=NEW, changed_by="staff:anna")
VERIFIED = EmailVerified(customer_id=ADA, email=OLD)
ERASED = CustomerErased(customer_id=ADA)


def test_a_customer_is_registered_once() -> None:
    given().when(REGISTER).then(REGISTERED)
    given(REGISTERED).when(REGISTER).refused("customer_exists")


def test_an_email_change_records_the_old_address_and_the_actor() -> None:
    given(REGISTERED).when(CHANGE).then(CHANGED)
    given(REGISTERED, CHANGED).when(replace(CHANGE, email=OLD, changed_by=f"customer:{ADA}")).then(
        EmailChanged(customer_id=ADA, previous=NEW, email=OLD, changed_by=f"customer:{ADA}")
    )


def test_a_change_to_the_current_address_is_refused() -> None:
    given(REGISTERED).when(replace(CHANGE, email=OLD)).refused("email_unchanged")
    given(REGISTERED, CHANGED).when(CHANGE).refused("email_unchanged")


@pytest.mark.parametrize("email", ["", "ada", "@example.com", "ada@"])
def test_a_malformed_address_is_refused(email: str) -> None:
    given(REGISTERED).when(replace(CHANGE, email=email)).refused("email_malformed")


def test_only_the_current_address_is_verified_and_only_once() -> None:
    given(REGISTERED).when(VERIFY).then(VERIFIED)
    given(REGISTERED, VERIFIED).when(VERIFY).then()
    given(REGISTERED, CHANGED).when(VERIFY).refused("email_differs")


def test_a_changed_address_must_be_verified_again() -> None:
    given(REGISTERED, VERIFIED).leads_to("customer", Customer(registered=True, email=OLD, verified=True))
    given(REGISTERED, VERIFIED, CHANGED).leads_to("customer", Customer(registered=True, email=NEW))
    given(REGISTERED, VERIFIED, CHANGED).when(replace(VERIFY, email=NEW)).then(
        EmailVerified(customer_id=ADA, email=NEW)
    )


def test_an_erased_customer_accepts_no_commands() -> None:
    given(REGISTERED).when(ERASE).then(ERASED)
    for command in (REGISTER, CHANGE, VERIFY, ERASE):
        given(REGISTERED, ERASED).when(command).refused("customer_erased")


def test_an_unregistered_customer_is_not_found() -> None:
    for command in (CHANGE, VERIFY, ERASE):
        given().when(command).refused("customer_not_found")
