"""`make run` gives its database the roles: the site's login cannot change the log, and everything works with it."""

import json
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from ordersite.devstack.servers import Services
from projections.engine.projection import PROJECTIONS
from tests.support.running import Running
from tests.support.stack import customer, place_and_pay

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]

TABLES = sum(len(each.tables) for each in PROJECTIONS.values())
ATTACKS = (
    "ALTER TABLE events DISABLE TRIGGER events_append_only",
    "DELETE FROM events",
    "UPDATE events SET timestamp = now()",
    "TRUNCATE events, seals",
    "DROP TABLE events CASCADE",
    (
        "CREATE OR REPLACE FUNCTION public.events_horizon(OUT horizon bigint, OUT latest bigint)"
        " LANGUAGE sql AS 'SELECT 0::bigint, 0::bigint'"
    ),
    "SET session_replication_role = replica",
    "SET ROLE ordersite_owner",
    "DELETE FROM subject_keys",
)


@pytest.fixture
def site_url(running: Running) -> str:
    """The URL that web servers and workers of the site connect with."""
    return Services(running.state).site_url


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_sites_login_cannot_change_the_log(site_url: str, attack: str) -> None:
    with psycopg.connect(site_url, autocommit=True) as connection, pytest.raises(InsufficientPrivilege):
        connection.execute(attack)


def test_all_processes_of_the_site_connect_with_it(running: Running, site_url: str) -> None:
    place_and_pay(running, customer(running))
    with psycopg.connect(Services(running.state).database_url) as connection:
        query = "SELECT DISTINCT usename FROM pg_stat_activity WHERE datname = 'app'"
        query += " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        assert connection.execute(query).fetchall() == [(urlsplit(site_url).username,)]


def test_rebuilds_seals_erasures_conversions_and_backups_work_with_it(running: Running, tmp_path: Path) -> None:
    auth = customer(running)
    order = place_and_pay(running, auth)
    for more in ((), ("--workers", "2"), ("--rollback",)):
        assert running.manage("rebuild_projections", *more).count("identical") == TABLES
    stood = running.manage("rebuild_projections", "--as-of", "2031-01-01", "--into", "of_roles")
    assert stood.count("as it stood, in of_roles") == len(PROJECTIONS)
    assert "are in 3 partitions" in running.manage("partition_log", "--partitions", "3")
    running.manage("partition_log", "--drop-old")
    place_and_pay(running, auth)
    assert "are in one plain table" in running.manage("partition_log", "--partitions", "0")
    running.manage("partition_log", "--drop-old")
    running.manage("migrate")
    running.manage("seal_log")
    running.manage("verify_log")
    running.manage("check_projections")
    running.manage("backup", str(tmp_path / "backup"))
    history = running.manage("export_history", order)
    (tmp_path / "history").write_text(history)
    assert "0 events imported" in running.manage("import_history", str(tmp_path / "history"))
    assert running.call("GET", "/healthz")[2]["status"] == "ok"


def test_a_person_is_erased_with_it(running: Running) -> None:
    body = {
        "username": "to-be-erased",
        "name": "Ann Erased",
        "email": "to-be-erased@example.com",
        "password": "a long password 1",
    }
    status, _, registered = running.call("POST", "/api/v1/auth/register", body)
    assert status == 201, registered
    script = "from ordersite.models import User; print(User.objects.get(username='to-be-erased').customer_id)"
    subject = running.manage("shell", "--verbosity", "0", "--no-imports", "-c", script).strip()
    running.manage("erase_subject", subject)
    with psycopg.connect(Services(running.state).site_url) as connection:
        query = "SELECT wrapped_key IS NULL FROM subject_keys WHERE subject_id = %s"
        assert connection.execute(query, [subject]).fetchone() == (True,)


def test_the_deployment_check_has_nothing_to_say_about_it(running: Running) -> None:
    script = (
        "import json; from ordersite.checks import login_has_no_power_over_the_log as check;"
        " print(json.dumps([str(each) for each in check()]))"
    )
    assert json.loads(running.manage("shell", "--verbosity", "0", "--no-imports", "-c", script)) == []
