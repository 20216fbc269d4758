"""Fixtures of the whole site: customers, API clients, browser sessions."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from knox.models import AuthToken
from rest_framework.test import APIClient

from eventstore.dispatch import events_appended
from eventstore.ids import new_id
from ordersite.access.recording import unrecorded
from ordersite.models import User
from ordersite.roles import write_roles
from projections.engine.catch_up import catch_up
from projections.engine.projection import PROJECTIONS


@pytest.fixture
def projecting(transactional_db: None) -> Iterator[None]:
    """Update the read models after each commit, in the same process."""

    def follow(sender: Any, **signal: Any) -> None:
        for projection in PROJECTIONS.values():
            catch_up(projection)

    events_appended.connect(follow)
    yield
    events_appended.disconnect(follow)


def make_customer(name: str = "ada") -> User:
    """Create a customer's login."""
    return User.objects.create_user(
        name, f"{name}@example.com", "secret-1", first_name=name.title(), last_name="Whitfield", customer_id=new_id()
    )


def client_of(user: User) -> APIClient:
    """Return an API client with a token of the user."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {AuthToken.objects.create(user)[1]}")
    return client


@pytest.fixture
def ada(projecting: None) -> User:
    """A customer."""
    return make_customer()


@pytest.fixture
def api(ada: User) -> APIClient:
    """An API client of the customer `ada`."""
    return client_of(ada)


@pytest.fixture
def log_in(projecting: None) -> Callable[..., Client]:
    """Log a staff user of the named groups in to the admin, and return the browser session."""

    def make(*groups: str, username: str = "anna") -> Client:
        write_roles()
        with unrecorded():  # somebody who has worked here for long
            user = User.objects.create_user(username, password="secret-1", is_staff=True)
            user.groups.set(Group.objects.filter(name__in=groups))
        client = Client()
        client.force_login(user)
        return client

    return make
