"""The rules of a customer's record, each as a sentence."""

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


def test_a_changed_address_is_remembered_with_what_it_was_and_who_changed_it() -> None:
    given(REGISTERED).when(CHANGE).then(CHANGED)
    given(REGISTERED, CHANGED).when(replace(CHANGE, email=OLD, changed_by=f"customer:{ADA}")).then(
        EmailChanged(customer_id=ADA, previous=NEW, email=OLD, changed_by=f"customer:{ADA}")
    )


def test_the_address_a_customer_has_is_no_change() -> None:
    given(REGISTERED).when(replace(CHANGE, email=OLD)).refused("email_unchanged")
    given(REGISTERED, CHANGED).when(CHANGE).refused("email_unchanged")


@pytest.mark.parametrize("email", ["", "ada", "@example.com", "ada@"])
def test_what_is_no_address_is_refused(email: str) -> None:
    given(REGISTERED).when(replace(CHANGE, email=email)).refused("email_malformed")


def test_an_address_is_verified_once_and_only_while_it_is_theirs() -> None:
    given(REGISTERED).when(VERIFY).then(VERIFIED)
    given(REGISTERED, VERIFIED).when(VERIFY).then()
    given(REGISTERED, CHANGED).when(VERIFY).refused("email_differs")


def test_a_changed_address_has_to_be_verified_anew() -> None:
    given(REGISTERED, VERIFIED).leads_to("customer", Customer(registered=True, email=OLD, verified=True))
    given(REGISTERED, VERIFIED, CHANGED).leads_to("customer", Customer(registered=True, email=NEW))
    given(REGISTERED, VERIFIED, CHANGED).when(replace(VERIFY, email=NEW)).then(
        EmailVerified(customer_id=ADA, email=NEW)
    )


def test_an_erased_customer_is_left_alone_for_ever() -> None:
    given(REGISTERED).when(ERASE).then(ERASED)
    for command in (REGISTER, CHANGE, VERIFY, ERASE):
        given(REGISTERED, ERASED).when(command).refused("customer_erased")


def test_whoever_was_never_registered_has_no_record() -> None:
    for command in (CHANGE, VERIFY, ERASE):
        given().when(command).refused("customer_not_found")
