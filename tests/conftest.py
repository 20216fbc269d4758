from collections.abc import Iterator

import pytest
import redis
from django.conf import settings

from eventstore.personal_data import encryption
from tests.support.running import Running

pytest_plugins = ["tests.support.site"]


@pytest.fixture(autouse=True)
def _empty_valkey() -> None:
    """Each test has the Valkey database of its process to itself, and remembers nothing of tables that were emptied."""
    from projections import tasks

    redis.Redis.from_url(settings.REDIS_URL).flushdb()
    encryption._key_cache.clear()
    tasks.forget_divisions()


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One site for all tests that need the whole of it."""
    site = Running(tmp_path_factory.mktemp("a site") / "its state").start()
    yield site
    site.stop()
