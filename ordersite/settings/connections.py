"""Connections to PostgreSQL, its replicas and Valkey, built from URLs."""

import environ

from ordersite.settings.base import env

Settings = dict[str, object]
PREPARE_AFTER = 5  # executions after which psycopg prepares a statement, unless the caller asks for it at once
DEFAULTS = {"HOST": "localhost", "PORT": "5432"}  # for a URL without them


def databases(url: str) -> dict[str, Settings]:
    """Return DATABASES: the primary, and one `replica` entry that connects to any replica, or else to the primary.

    A streaming replica has the primary's roles and databases, so only the host and port of DATABASE_REPLICA_URLS count.
    """
    primary = _database(url)
    replicas = [environ.Env.db_url_config(each) for each in env.list("DATABASE_REPLICA_URLS", default=[])]
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


def cache(url: str) -> Settings:
    """Return the entry of CACHES for a Valkey URL."""
    return {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": url,
        "KEY_PREFIX": "ordersite",
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 5},
    }


def _database(url: str) -> Settings:
    """Return the entry of DATABASES for one server. Connections persist: a new one costs more than most queries.

    Django disables prepared statements unless `prepare_threshold` is set. The ORM's queries are not prepared even then,
    because their values are merged into the text. Behind a pooler nothing is prepared, unless PREPARED_STATEMENTS says
    that the pooler keeps prepared statements.
    """
    config = environ.Env.db_url_config(url)
    prepare: Settings = {"prepare_threshold": PREPARE_AFTER}
    return {
        **config,
        "OPTIONS": {**prepare, **config.get("OPTIONS", {})},
        "ENGINE": "ordersite.postgresql",
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "PREPARED_STATEMENTS": env.bool("PREPARED_STATEMENTS", default=None),
    }
