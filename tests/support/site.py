from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from knox.models import AuthToken
from rest_framework.test import APIClient

from eventstore.dispatch import events_appended
from eventstore.ids import new_id
from ordersite.models import User
from ordersite.roles import write_roles
from projections.engine.catch_up import catch_up
from projections.engine.projection import PROJECTIONS


@pytest.fixture
def projecting(transactional_db: None) -> Iterator[None]:
    """Read models follow each commit at once, without a worker of their own."""

    def follow(sender: Any, **news: Any) -> None:
        for projection in PROJECTIONS.values():
            catch_up(projection)

    events_appended.connect(follow)
    yield
    events_appended.disconnect(follow)


def make_customer(name: str = "ada") -> User:
    return User.objects.create_user(
        name, f"{name}@example.com", "secret-1", first_name=name.title(), last_name="Whitfield", customer_id=new_id()
    )


def client_of(user: User) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {AuthToken.objects.create(user)[1]}")
    return client


@pytest.fixture
def ada(projecting: None) -> User:
    return make_customer()


@pytest.fixture
def api(ada: User) -> APIClient:
    return client_of(ada)


@pytest.fixture
def log_in(projecting: None) -> Callable[..., Client]:
    """A browser session of somebody in the named groups."""

    def make(*groups: str, username: str = "anna") -> Client:
        write_roles()
        user = User.objects.create_user(username, password="secret-1", is_staff=True)
        user.groups.set(Group.objects.filter(name__in=groups))
        client = Client()
        client.force_login(user)
        return client

    return make
