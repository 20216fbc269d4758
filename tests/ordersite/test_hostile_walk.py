"""A short walk of `make hostile SECONDS=600 SEED=7`: whatever is sent to the API and the admin, none answers 500."""

import logging
import os
import time
from typing import Any

import pytest
import yaml
from django.test import Client
from rest_framework.test import APIClient

from eventstore.followers import process_managers
from ordersite.models import User
from tests.support.back_office import staff_client
from tests.support.hostile_walk import HostileWalk
from tests.support.plenty import fill

pytestmark = pytest.mark.django_db(transaction=True)

SEED = int(os.environ.get("HOSTILE_SEED", "7"))
SECONDS = float(os.environ.get("HOSTILE_SECONDS", "0"))
REQUESTS = 150
"""Of the short walk, which ends by its number of requests and not by time."""


@pytest.fixture
def _few_log_lines(caplog: pytest.LogCaptureFixture) -> None:
    """An hour of refusals would fill the memory."""
    caplog.set_level(logging.ERROR, logger="django.request")


@pytest.mark.usefixtures("_few_log_lines")
def test_nothing_that_a_stranger_or_a_member_of_staff_sends_breaks_an_answer(
    api: APIClient, ada: User, projecting: None, settings: Any, capsys: Any
) -> None:
    settings.API_RATE_ADDRESS = settings.API_RATE_USER = "1000000/s"
    staff_client()
    names = fill(api, ada, 2)
    process_managers.run()
    description = yaml.safe_load(Client().get("/api/v1/schema").content)
    walk = HostileWalk(seed=SEED, description=description, names=names, users=(ada, User.objects.get(username="anna")))
    until = time.monotonic() + SECONDS
    walk.walk(lambda sent: time.monotonic() > until if SECONDS else sent >= REQUESTS)
    if SECONDS:
        with capsys.disabled():
            print(f"\nseed {SEED}: {walk.requests:,} requests, {len(walk.broken):,} answered 500; {dict(walk.answers)}")
    assert walk.requests >= 10
    assert not walk.broken, "\n".join(walk.broken)
