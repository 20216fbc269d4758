"""The site's own login appends to the log and reads it, and cannot change it; the reader sees no secrets."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, ProgrammingError, connection, transaction

from eventstore import store
from eventstore.ids import new_id
from eventstore.seals.chain import seal_settled
from eventstore.storage import granting, logins, partitioning, privileges, roles
from eventstore.storage.logins import OwnerNeeded, UntrustedCode, as_owner
from eventstore.storage.roles import BadRoleName, Roles
from ordersite.backup.tables import contents_by_table
from projections.rebuild import schemas
from tests.support.notes import note

pytestmark = pytest.mark.django_db

HORIZON = "events_horizon(OUT horizon bigint, OUT latest bigint) LANGUAGE sql AS 'SELECT 0::bigint, 0::bigint'"
ATTACKS = {
    "disable the trigger": "ALTER TABLE events DISABLE TRIGGER events_append_only",
    "disable all triggers": "ALTER TABLE events DISABLE TRIGGER ALL",
    "drop the trigger": "DROP TRIGGER events_append_only ON events",
    "drop the function of the trigger": "DROP FUNCTION events_refuse_change() CASCADE",
    "delete events": "DELETE FROM events",
    "change events": "UPDATE events SET event_data = '{}'",
    "change one column": "UPDATE events SET timestamp = now()",
    "merge": "MERGE INTO events USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE",
    "empty the log": "TRUNCATE events",
    "empty it with what refers to it": "TRUNCATE events CASCADE",
    "drop the log": "DROP TABLE events",
    "rename the log": "ALTER TABLE events RENAME TO events_old",
    "move the log": "ALTER TABLE events SET SCHEMA views",
    "detach or attach": "CREATE TABLE views.child () INHERITS (events)",
    "take the log": "ALTER TABLE events OWNER TO CURRENT_USER",
    "rename its schema": "ALTER SCHEMA public RENAME TO other",
    "delete seals": "DELETE FROM seals",
    "change seals": "UPDATE seals SET root = ''",
    "empty the seals": "TRUNCATE seals",
    "choose a position": "INSERT INTO events (position) OVERRIDING SYSTEM VALUE VALUES (1)",
    "choose a position by COPY": "COPY events (position) FROM STDIN",
    "choose the recorded time": "INSERT INTO events (timestamp) VALUES ('1999-01-01')",
    "set back the positions": "SELECT setval('events_position_seq', 1)",
    "change the sequence": "ALTER SEQUENCE events_position_seq CACHE 32",
    "replace the horizon": f"CREATE OR REPLACE FUNCTION public.{HORIZON}",
    "a function beside the log": "CREATE FUNCTION public.helpful() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "a table beside the log": "CREATE TABLE public.helpful ()",
    "be a replica": "SET session_replication_role = replica",
    "a trigger of its own": "CREATE TRIGGER mine BEFORE INSERT ON events EXECUTE FUNCTION events_refuse_change()",
    "a rule": "CREATE RULE mine AS ON INSERT TO events DO INSTEAD NOTHING",
    "row level security": "ALTER TABLE events ENABLE ROW LEVEL SECURITY",
    "not logged": "ALTER TABLE events SET UNLOGGED",
    "lock everyone out": "LOCK TABLE events IN ACCESS EXCLUSIVE MODE",
    "delete keys without a trace": "DELETE FROM subject_keys",
    "change receipts": "UPDATE command_receipts SET version = 1",
    "forget migrations": "DELETE FROM django_migrations",
    "a superuser": "ALTER ROLE CURRENT_USER SUPERUSER",
    "a role": "CREATE ROLE somebody",
}
"""What the site's login must not do, in SQL."""


REFUSAL = r"permission denied|must be owner"


@pytest.fixture
def site(db: None) -> Roles:
    """A site with one role and some events is given its roles, until the test's transaction rolls back."""
    store.append([note(new_id(), 0, 3)])
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    site = Roles(f"{connection.settings_dict['NAME']}_site")  # of this test database: roles are of the whole server
    granting.set_up(site, contents_by_table(), {})
    return site


@contextmanager
def logged_in(role: str) -> Iterator[Any]:
    """Act as the role, with its search path, inside the block; yield a cursor."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL search_path = public, {roles.VIEWS}")
        cursor.execute(f"SET LOCAL ROLE {role}")
        yield cursor
        cursor.execute("RESET ROLE")


def answer_to(statement: str, role: str) -> str:
    """Return what the database says to a statement of the role; what the statement did is undone."""
    try:
        with transaction.atomic(), logged_in(role) as cursor:
            cursor.execute(statement)
            transaction.set_rollback(True)
    except DatabaseError as error:
        return str(error)
    return "done"


def test_the_sites_login_cannot_change_the_log(site: Roles) -> None:
    answers = {name: answer_to(attack, site.app) for name, attack in ATTACKS.items()}
    allowed = {name: answer for name, answer in answers.items() if not re.search(REFUSAL, answer)}
    assert allowed == {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM events")
        assert cursor.fetchone() == (3,)


def test_it_appends_reads_seals_and_works_on_read_models(site: Roles) -> None:
    with logged_in(site.app) as cursor:
        store.append([note(aggregate_id := new_id(), 0, 2)])
        assert len(store.read_stream(aggregate_id)) == 2
        store.read_after(0, limit=10)
        seal_settled()
        cursor.execute("INSERT INTO snapshots SELECT gen_random_uuid(), 'x', 1, 'x', '{}', now()")
        cursor.execute("ALTER TABLE projections_stafforder ADD extra int; TRUNCATE projections_stafforder")
        assert schemas.schemas_of(["", "rebuild_staff"]) == {"": roles.VIEWS, "rebuild_staff": "rebuild_staff"}
        cursor.execute("CREATE SCHEMA rebuild_staff; CREATE TABLE rebuild_staff.one (LIKE projections_stafforder)")
        cursor.execute("ALTER TABLE rebuild_staff.one SET SCHEMA views")


def test_tables_and_functions_of_other_schemas_do_not_stand_in_for_the_logs(site: Roles) -> None:
    with logged_in(site.app) as cursor:
        cursor.execute("CREATE TEMP TABLE events_position_seq AS SELECT 0::bigint AS last_value, true AS is_called")
        cursor.execute(f"CREATE FUNCTION views.{HORIZON}")
        cursor.execute("SELECT latest FROM events_horizon()")
        assert cursor.fetchone()[0] >= 3  # how many events there are, so far as the log's own sequence says


def test_the_owner_runs_no_code_that_the_sites_login_made(site: Roles) -> None:
    with logged_in(site.owner), as_owner():
        pass
    with logged_in(site.app) as cursor:
        cursor.execute("CREATE FUNCTION views.trap() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'")
        cursor.execute("CREATE TRIGGER trap BEFORE UPDATE ON snapshots FOR EACH ROW EXECUTE FUNCTION views.trap()")
    with logged_in(site.owner), pytest.raises(UntrustedCode, match=r"trap\(\), the trigger trap of"), as_owner():
        pytest.fail("the trigger would run as the owner")


def test_the_reader_sees_the_log_and_the_read_models_and_no_secrets(site: Roles) -> None:
    with logged_in(site.reader) as cursor:
        for readable in ("events", "seals", "projections_stafforder", "snapshots"):
            cursor.execute(f"SELECT count(*) FROM {readable}")
        store.horizon()
    secrets = ("subject_keys", "ordersite_user", "knox_authtoken", "django_session", "webhook_endpoints")
    for secret in (*secrets, "command_queue"):
        with pytest.raises(ProgrammingError, match="permission denied"), logged_in(site.reader) as cursor:
            cursor.execute(f"SELECT * FROM {secret}")
    with pytest.raises(ProgrammingError, match="permission denied"), logged_in(site.reader) as cursor:
        cursor.execute("INSERT INTO events (version) VALUES (1)")


def test_a_partitioned_log_has_the_same_rights(site: Roles) -> None:
    with logged_in(site.owner):
        partitioning.convert_empty(0 if partitioning.partitions() else 3)
    with logged_in(site.app) as cursor:
        store.append([note(new_id(), 0, 1)])
        assert privileges.excess_and_missing(contents_by_table()) == []
        cursor.execute("SELECT relid::regclass FROM pg_partition_tree('events')")
        tables = [table for (table,) in cursor.fetchall()] or ["events"]
    for table in tables:
        for attack in (f"DELETE FROM {table}", f"INSERT INTO {table} (position) OVERRIDING SYSTEM VALUE VALUES (1)"):
            with pytest.raises(ProgrammingError, match="permission denied"), logged_in(site.app) as cursor:
                cursor.execute(attack)


def test_making_the_roles_again_changes_nothing_and_corrects_what_was_granted(site: Roles) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"GRANT ALL ON events, seals TO {site.app}; ALTER ROLE {site.app} CREATEROLE BYPASSRLS")
        cursor.execute(f"REVOKE {site.app} FROM {site.owner}; GRANT {site.owner} TO {site.app}")
        cursor.execute("GRANT CREATE ON SCHEMA public TO PUBLIC; GRANT DELETE ON events TO PUBLIC")
    granting.set_up(site, contents_by_table(), {site.app: "a password"})
    with logged_in(site.app) as cursor:
        assert privileges.excess_and_missing(contents_by_table()) == []
        cursor.execute("SELECT rolcreaterole, rolbypassrls FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == (False, False)


MISTAKES = {
    "owner": "ALTER TABLE events OWNER TO {app}",
    "owner of the schema": "ALTER SCHEMA public OWNER TO {app}",
    "owner of a function": "ALTER FUNCTION events_horizon() OWNER TO {app}",
    "owner of the seals": "ALTER TABLE seals OWNER TO {app}",
    "owner by membership": "REVOKE {app} FROM {owner}; GRANT {owner} TO {app}",
    "owner of the database": "ALTER DATABASE {database} OWNER TO {app}",
    "creator": "ALTER ROLE {app} CREATEROLE",
    "superuser": "ALTER ROLE {app} SUPERUSER",
    "rights: DELETE": "GRANT DELETE ON events TO {app}",
    "rights: UPDATE of a column": "GRANT UPDATE (timestamp) ON events TO PUBLIC",
    "rights: TRUNCATE": "GRANT TRUNCATE ON seals TO PUBLIC",
    "rights: TRIGGER": "GRANT TRIGGER ON events TO {app}",
    "rights: INSERT of the position": "GRANT INSERT ON events TO {app}",
    "rights: UPDATE on the sequence": "GRANT UPDATE ON SEQUENCE events_position_seq TO {app}",
    "rights: CREATE": "GRANT CREATE ON SCHEMA public TO {app}",
    "rights: SET": "GRANT SET ON PARAMETER session_replication_role TO {app}",
    "granted": "GRANT DELETE ON events TO {reader}",
    "missing_rights": "REVOKE INSERT ON command_queue FROM {app}",
    "missing_rights: no rebuild": "ALTER TABLE views.projections_stafforder OWNER TO {owner}",
    "missing_rights: no schemas": "REVOKE CREATE ON DATABASE {database} FROM {app}",
    "missing_rights: no append": "REVOKE ALL ON events FROM {app}",
}


def test_each_mistake_in_the_rights_is_found(site: Roles) -> None:
    with logged_in(site.app):
        assert privileges.excess_and_missing(contents_by_table()) == []
    found = {mistake: findings_after(statement, site) for mistake, statement in MISTAKES.items()}
    expected = {mistake: {mistake.partition(":")[0].split()[0]} for mistake in MISTAKES}
    assert found == expected


def findings_after(statement: str, site: Roles) -> set[str]:
    """Return the names of what is found once the administrator has made a mistake, which is then undone."""
    names = {"app": site.app, "owner": site.owner, "reader": site.reader, "database": connection.settings_dict["NAME"]}
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(statement.format(**names))
        with logged_in(site.app):
            found = privileges.excess_and_missing(contents_by_table())
        transaction.set_rollback(True)
    assert all(finding.hint for finding in found)
    return {finding.name for finding in found}


def test_a_schema_that_comes_before_the_logs_is_found(site: Roles) -> None:
    with logged_in(site.app) as cursor:
        cursor.execute("SET LOCAL search_path = views, public")
        assert [finding.name for finding in privileges.excess_and_missing(contents_by_table())] == ["path"]


def test_a_site_with_one_role_goes_on_working_and_is_told(db: None) -> None:
    (finding,) = privileges.excess_and_missing(contents_by_table())
    assert finding.name in privileges.ONE_ROLE
    with as_owner():
        store.append([note(new_id(), 0, 1)])


@pytest.mark.parametrize("command", ["migrate", "partition_log --partitions 3", "import_history nothing"])
def test_a_command_that_needs_the_owner_says_so(site: Roles, command: str) -> None:
    with logged_in(site.app), pytest.raises(OwnerNeeded, match="OWNER_DATABASE_URL"):
        call_command(*command.split())
    with logged_in(site.app), pytest.raises(CommandError):
        logins._require_owner()


def test_names_that_need_quoting_are_refused() -> None:
    for name in ("", "Shop", "a-b", 'x"; DROP', "x" * 60):
        with pytest.raises(BadRoleName):
            Roles(name)
