"""Fixtures of all tests."""

from collections.abc import Generator, Iterator

import pytest
import redis
from django.conf import settings

from eventstore.personal_data import encryption
from tests.support.running import Running

pytest_plugins = ["tests.support.site", "tests.support.deployment"]


@pytest.fixture(autouse=True)
def _empty_valkey() -> None:
    """Give each test an empty Valkey database, and clear caches of tables that were emptied."""
    from projections.engine import wakeups

    redis.Redis.from_url(settings.REDIS_URL).flushdb()
    encryption._key_cache.clear()
    wakeups.forget_shard_counts()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Escape what cannot be encoded: a test's output with half a surrogate pair would end the process that runs it."""
    report = yield
    report.sections = [(name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections]
    return report


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One running site for all tests that need the whole stack."""
    site = Running(tmp_path_factory.mktemp("a site") / "its state").start()
    yield site
    site.stop()
