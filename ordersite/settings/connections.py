"""How the site connects to PostgreSQL, its replicas and Valkey, from URLs."""

import environ

from ordersite.settings.base import env

Settings = dict[str, object]
PREPARE_AFTER = 5  # times a statement is seen, unless whoever sends it says that it will come again
DEFAULTS = {"HOST": "localhost", "PORT": "5432"}  # of a URL that leaves them out


def databases(url: str) -> dict[str, Settings]:
    """The primary, and its streaming replicas as one: whoever connects is given one that answers, or the primary.

    A replica has the primary's roles and databases, so an address is all that DATABASE_REPLICA_URLS has to name.
    """
    primary = _database(url)
    replicas = [environ.Env.db_url_config(each) for each in env.list("DATABASE_REPLICA_URLS", default=[])]
    if not replicas:
        return {"default": primary}
    hosts = [*replicas, primary]
    together = {name: ",".join(str(each[name] or default) for each in hosts) for name, default in DEFAULTS.items()}
    spread = {"target_session_attrs": "prefer-standby", "load_balance_hosts": "random", "connect_timeout": 2}
    options = primary.get("OPTIONS", {})
    assert isinstance(options, dict)
    # Not kept as long as the primary's: a replica that came back is found within a minute.
    more: Settings = {"CONN_MAX_AGE": 60, "OPTIONS": {**options, **spread}, "TEST": {"MIRROR": "default"}}
    return {"default": primary, "replica": {**primary, **together, **more}}


def cache(url: str) -> Settings:
    return {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": url,
        "KEY_PREFIX": "ordersite",
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 5},
    }


def _database(url: str) -> Settings:
    """One PostgreSQL, kept connected: a new connection costs more than most queries.

    Django prepares no statement unless it is told to, whatever a cursor asks for. Its own queries still are not: they
    have their values in them.
    """
    config = environ.Env.db_url_config(url)
    prepare: Settings = {"prepare_threshold": PREPARE_AFTER if env.bool("PREPARED_STATEMENTS", default=True) else None}
    return {
        **config,
        "OPTIONS": {**prepare, **config.get("OPTIONS", {})},
        "ENGINE": "ordersite.postgresql",
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
    }
