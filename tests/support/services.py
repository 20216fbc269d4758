"""Real servers for the tests: those of the environment, or the project's own, which do not wait for the disk.

pytest loads this module with `-p`, before Django's settings, which read the URLs.
"""

import os
from pathlib import Path

import pytest

from ordersite.devstack.servers import Services

STATE = Path(__file__).resolve().parents[2] / ".local" / "test"
services = Services(STATE, durable=False)
started = False

os.environ["ORDERSITE_STATE"] = str(STATE)
if "DATABASE_URL" not in os.environ or "REDIS_URL" not in os.environ:
    if not services.up:
        services.start()
        started = True
    os.environ.setdefault("DATABASE_URL", services.database_url)
    os.environ.setdefault("REDIS_URL", services.redis_url)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the servers that this process started."""
    if started and not hasattr(config, "workerinput"):
        services.stop()
