"""A site as many are deployed: behind PgBouncer, in a schema that is not `public`, below a path of its host."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
import pytest

from ordersite.devstack.servers import Services
from tests.support.pooler import Pooler
from tests.support.running import Running

PASSWORD = "p@ss/w%rd"


@dataclass
class Deployed:
    """The running site, and the URL of its database that goes past the pooler."""

    running: Running
    direct: str

    def ask(self, query: str) -> Any:
        """Return the first value of a query."""
        with psycopg.connect(self.direct) as connection:
            row = connection.execute(query).fetchone()
            return row[0] if row else None


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    state = tmp_path_factory.mktemp("deployed") / "its state"
    services = Services(state)  # a site does not start on a server without fsync
    services.start({"postgres"})
    with psycopg.connect(services.database_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE shop LOGIN PASSWORD '{PASSWORD}'")
        connection.execute("CREATE SCHEMA shop AUTHORIZATION shop")
        connection.execute("GRANT CREATE ON DATABASE app TO shop")
    direct = urlsplit(services.database_url)
    direct = direct._replace(netloc=f"shop:{quote(PASSWORD, safe='')}@{direct.hostname}:{direct.port}")
    pooler = Pooler(direct.geturl())
    running = Running(state, more={"FORCE_SCRIPT_NAME": "/shop"})
    try:
        running.more["DATABASE_URL"] = pooler.start().url
        yield Deployed(running.start(), direct.geturl())
    finally:
        if running.process and running.process.poll() is None:
            running.stop()
        pooler.stop()
        services.stop({"postgres"})
