"""The roles on a server of somebody else: their administrator is no superuser, the site has a schema of its own, a
partitioned log, and a pooler in front."""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from ordersite.devstack.servers import Services
from projections.engine.projection import PROJECTIONS
from tests.support.pooler import Pooler, needs_pgbouncer
from tests.support.running import Running
from tests.support.stack import customer, place_and_pay

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack"), needs_pgbouncer]

TABLES = sum(len(each.tables) for each in PROJECTIONS.values())
PASSWORDS = dict.fromkeys(("OWNER_PASSWORD", "APP_PASSWORD", "READER_PASSWORD"), "secret")
ATTACKS = (
    "ALTER TABLE {log} DISABLE TRIGGER ALL",
    "DELETE FROM {log}",
    "UPDATE {log} SET timestamp = now()",
    "TRUNCATE {log}",
    "DROP TABLE {log} CASCADE",
    "INSERT INTO {log} (position) OVERRIDING SYSTEM VALUE VALUES (1)",
    "ALTER TABLE {log} OWNER TO CURRENT_USER",
)
MORE_ATTACKS = (
    "SET ROLE shop_owner",
    "SET ROLE dba",
    "DELETE FROM seals",
    "CREATE FUNCTION shop.f() RETURNS int RETURN 1",
)
LOOK = (
    "import json; from ordersite import checks; print(json.dumps([str(each) for check in"
    " (checks.login_has_no_power_over_the_log, checks.defaults_are_harmless, checks.log_is_safe)"
    " for each in check(databases=['default'])]))"
)


class Server:
    """A server with the login `dba`, which may create roles and owns the databases, and is no superuser."""

    def __init__(self, state: Path) -> None:
        self.services = Services(state)
        self.services.start({"postgres"})
        self.ask(self.services.database_url, "CREATE ROLE dba LOGIN CREATEROLE PASSWORD 'secret'")

    def url(self, login: str, database: str = "prod") -> str:
        """Return the URL of a database for a login."""
        server = urlsplit(self.services.database_url)
        return f"postgresql://{login}:secret@{server.hostname}:{server.port}/{database}"

    def create(self, database: str) -> None:
        """Create a database with the schema `shop`, which the administrator's search path names."""
        self.ask(self.services.database_url, f"CREATE DATABASE {database} OWNER dba")
        path = f"ALTER ROLE dba IN DATABASE {database} SET search_path = shop"
        self.ask(self.url("dba", database), "CREATE SCHEMA shop", path)

    def ask(self, url: str, *statements: str) -> list[tuple[object, ...]]:
        """Run statements, each in a transaction of its own. Return the rows of the last one."""
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("elsewhere") / "its state")
    yield server
    server.services.stop({"postgres"})


@pytest.fixture(scope="module")
def running(server: Server) -> Iterator[Running]:
    """The site behind the pooler, with a log in three partitions. Its roles were made before its tables."""
    server.create("prod")
    pooler = Pooler(server.url("shop_app"))
    site = Running(
        server.services.state, more={"EVENTS_PARTITIONS": "3", "DATABASE_URL": server.url("dba"), **PASSWORDS}
    )
    site.manage("database_roles")
    try:
        site.more |= {"DATABASE_URL": pooler.start().url, "OWNER_DATABASE_URL": server.url("shop_owner")}
        yield site.start()
    finally:
        if site.process and site.process.poll() is None:
            site.stop()
        pooler.stop()


def test_everything_works_and_no_check_has_anything_to_say(running: Running, server: Server) -> None:
    auth = customer(running)
    order = place_and_pay(running, auth)
    for more in (("--workers", "2"), ("--rollback",)):
        assert running.manage("rebuild_projections", *more).count("identical") == TABLES
    assert "are in one plain table" in running.manage("partition_log", "--partitions", "0")
    running.manage("partition_log", "--drop-old")
    assert "are in 2 partitions" in running.manage("partition_log", "--partitions", "2")
    running.manage("partition_log", "--drop-old")
    place_and_pay(running, auth)
    for command in ("migrate", "seal_log", "verify_log", "check_projections"):
        running.manage(command)
    assert json.loads(running.manage("shell", "--verbosity", "0", "--no-imports", "-c", LOOK)) == []
    assert running.call("GET", f"/api/v1/orders/{order}", **auth)[0] == 200
    assert server.ask(server.url("shop_app"), "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]


def test_the_sites_login_cannot_change_the_log_nor_its_partitions(running: Running, server: Server) -> None:
    parts = "SELECT relid::regclass::text FROM pg_partition_tree('events')"
    tables = [str(table) for (table,) in server.ask(server.url("shop_app"), parts)]
    assert len(tables) > 1
    attacks = [attack.format(log=table) for attack in ATTACKS for table in tables]
    for attack in (*attacks, *MORE_ATTACKS):
        pooled = psycopg.connect(running.more["DATABASE_URL"], autocommit=True)
        with pooled as connection, pytest.raises(InsufficientPrivilege):
            connection.execute(attack)


def test_the_administrator_makes_the_roles_again_and_keeps_no_right_to_the_log(
    running: Running, server: Server
) -> None:
    running.more["ADMIN_DATABASE_URL"] = server.url("dba")
    said = running.manage("database_roles")
    assert "shop_owner: owns the log and all other tables of the schema shop;" in said
    assert "owns the schema shop_views" in said
    assert server.ask(server.url("dba"), "SELECT count(*) FROM pg_roles WHERE rolname ~ '^prod'") == [(0,)]
    with pytest.raises(InsufficientPrivilege):
        server.ask(server.url("dba"), "SELECT count(*) FROM shop.events")
    place_and_pay(running, customer(running))


def test_a_backup_is_restored_into_a_new_database_under_the_roles(
    running: Running, server: Server, tmp_path: Path
) -> None:
    running.manage("backup", str(tmp_path / "backup"))
    server.create("other")
    other = Running(running.state, more=running.more | {"DATABASE_URL": server.url("dba", "other")})
    other.more.pop("ADMIN_DATABASE_URL", None)
    other.manage("database_roles", "--name", "shop")
    other.more |= {
        "DATABASE_URL": server.url("shop_app", "other"),
        "OWNER_DATABASE_URL": server.url("shop_owner", "other"),
    }
    other.manage("restore", str(tmp_path / "backup"), "--check")
    assert json.loads(other.manage("shell", "--verbosity", "0", "--no-imports", "-c", LOOK)) == []
    with pytest.raises(InsufficientPrivilege):
        server.ask(server.url("shop_app", "other"), "DELETE FROM events")
