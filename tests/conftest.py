from collections.abc import Iterator

import pytest

from ordersite.celery import app as celery_app


@pytest.fixture(autouse=True)
def _empty_valkey() -> Iterator[None]:
    """Each test has the Valkey database of its process to itself: no wake-ups or bells of the test before."""
    with celery_app.connection_for_write() as broker:
        broker.default_channel.client.flushdb()
    yield
