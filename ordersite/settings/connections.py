"""Connections to PostgreSQL and its replicas, built from URLs. Those to Valkey are in `valkey`."""

from django.core.exceptions import ImproperlyConfigured
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from ordersite.settings.environment import env

Settings = dict[str, object]
PREPARE_AFTER = 5  # executions after which psycopg prepares a statement, unless the caller asks for it at once
SCHEMES = ("postgresql", "postgres", "psql", "pgsql")
DEFAULTS = {"HOST": "localhost", "PORT": "5432"}  # for a URL without them


def databases(url: str) -> dict[str, Settings]:
    """Return DATABASES: the primary, and one `replica` entry that connects to any replica, or else to the primary.

    A streaming replica has the primary's roles and databases, so only the host and port of DATABASE_REPLICA_URLS count.
    """
    primary = _database(url)
    replicas = [_address(each, "DATABASE_REPLICA_URLS") for each in env.list("DATABASE_REPLICA_URLS", default=[])]
    if not replicas:
        return {"default": primary}
    hosts = [*replicas, primary]
    addresses = {name: ",".join(str(each[name] or default) for each in hosts) for name, default in DEFAULTS.items()}
    any_standby = {"target_session_attrs": "prefer-standby", "load_balance_hosts": "random", "connect_timeout": 2}
    options = primary.get("OPTIONS", {})
    assert isinstance(options, dict)
    # Shorter than the primary's CONN_MAX_AGE: a replica that is back is used again within a minute.
    changes: Settings = {"CONN_MAX_AGE": 60, "OPTIONS": {**options, **any_standby}, "TEST": {"MIRROR": "default"}}
    return {"default": primary, "replica": {**primary, **addresses, **changes}}


def login(variable: str, *, default: str = "") -> Settings | None:
    """Return what another login changes in the entry of DATABASES, or None if the variable names none.

    OWNER_DATABASE_URL is for the commands that change tables of the log, ADMIN_DATABASE_URL for `database_roles`.
    """
    url = env.str(variable, default=default)
    if not url:
        return None
    address = _address(url, variable)
    options = address["OPTIONS"]
    assert isinstance(options, dict)
    return {**address, "OPTIONS": {"prepare_threshold": PREPARE_AFTER, **options}}


def _database(url: str) -> Settings:
    """Return the entry of DATABASES for one server. Connections persist: a new one costs more than most queries.

    Django disables prepared statements unless `prepare_threshold` is set. The ORM's queries are not prepared even then,
    because their values are merged into the text. Behind a pooler nothing is prepared, unless PREPARED_STATEMENTS says
    that the pooler keeps prepared statements.
    """
    config = _address(url, "DATABASE_URL")
    options = config["OPTIONS"]
    assert isinstance(options, dict)
    return {
        **config,
        "OPTIONS": {"prepare_threshold": PREPARE_AFTER, **options},
        "ENGINE": "ordersite.postgresql",
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "PREPARED_STATEMENTS": env.bool("PREPARED_STATEMENTS", default=None),
        "TIME_LIMITS": env.bool("DATABASE_TIME_LIMITS", default=True),
    }


def _address(url: str, variable: str) -> Settings:
    """Read a URL as libpq does: a socket's folder as host (%2Fvar%2Frun), several hosts, options after a `?`.

    Raises ImproperlyConfigured.
    """
    scheme, _, rest = url.partition("://")
    try:
        if scheme not in SCHEMES or not rest:
            raise ProgrammingError
        options = conninfo_to_dict(f"postgresql://{rest}")
    except ProgrammingError:  # its text repeats the URL, with the password
        raise ImproperlyConfigured(
            f"{variable} cannot be read: write postgresql://user:password@host:5432/database, special characters of the"
            " password as %40, %2F and so on, and the folder of a socket as %2Fvar%2Frun%2Fpostgresql"
        ) from None
    names = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    return {key: options.pop(name, "") for key, name in names.items()} | {"OPTIONS": options}
