"""Valkey or Redis as cache and broker, from one URL or two.

The cache is read by redis-py and the broker by Celery's kombu. Their URLs differ: `unix:///socket?db=1` is
`redis+socket:///socket?virtual_host=1` for kombu, and kombu verifies no certificate by itself. Here both forms are read
once, and each client is given what it understands.
"""

import ssl
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from django.core.exceptions import ImproperlyConfigured

Settings = dict[str, Any]

SCHEMES = ("redis", "rediss", "unix")
_SOCKETS = ("redis+socket", "socket", "unix")
_VERIFY = {"required": ssl.CERT_REQUIRED, "optional": ssl.CERT_OPTIONAL, "none": ssl.CERT_NONE}
_OPTIONS = ("socket_timeout", "socket_connect_timeout", "socket_keepalive", "health_check_interval", "client_name")
"""Query parameters that kombu takes as transport options."""


def redis_url(url: str, *, variable: str) -> str:
    """Return the URL in redis-py's form. Raises ImproperlyConfigured, with the name of the variable."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    if parts.scheme in _SOCKETS:
        parts = parts._replace(scheme="unix")
        if database := query.pop("virtual_host", None):
            query["db"] = database
    if parts.scheme not in SCHEMES:
        raise ImproperlyConfigured(
            f"{variable} begins with {parts.scheme or 'no scheme'}: use redis://host:port/database, rediss:// for TLS,"
            " or unix:///path/of/the/socket?db=0. Celery alone can also use other brokers: CELERY_BROKER_URL"
        )
    if verify := query.get("ssl_cert_reqs"):
        query["ssl_cert_reqs"] = _verification(verify, variable)
    url = f"{parts.scheme}://{parts.netloc}{parts.path}" + (f"?{urlencode(query)}" if query else "")
    _require_readable(url, variable)
    return url


def cache(url: str) -> Settings:
    """Return the entry of CACHES for a URL in redis-py's form."""
    return {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": [url],  # a list, because Django divides a text at commas and semicolons
        "KEY_PREFIX": "ordersite",
        "OPTIONS": {"socket_timeout": 5} | ({} if url.startswith("unix:") else {"socket_connect_timeout": 1}),
    }


def broker(url: str, separate: str, transport_options: Settings) -> Settings:
    """Return Celery's settings for the broker: that of `separate`, or the same server as the cache.

    `BROKER_REDIS_URL` is where this site itself puts messages: "" for the server of the cache, None for a broker that
    is not Redis, where Celery does it.
    """
    if separate and urlsplit(separate).scheme not in (*SCHEMES, *_SOCKETS):
        return _other_broker(separate, transport_options)
    given = redis_url(separate, variable="CELERY_BROKER_URL") if separate else url
    from redis.connection import parse_url  # noqa: PLC0415 - few processes need it as early as the settings

    options = parse_url(given)  # type: ignore[no-untyped-call]  # the library's
    login = _login(options)
    more = {name: options[name] for name in _OPTIONS if name in options}
    settings = {
        "BROKER_REDIS_URL": given if separate else "",
        "CELERY_BROKER_TRANSPORT_OPTIONS": transport_options | more,
    }
    database = options.get("db", 0)
    if "path" in options:
        return settings | {
            "CELERY_BROKER_URL": f"redis+socket://{login}{quote(options['path'])}?virtual_host={database}"
        }
    host = options.get("host", "localhost")
    address = f"{f'[{host}]' if ':' in host else host}:{options.get('port', 6379)}/{database}"
    if not given.startswith("rediss:"):
        return settings | {"CELERY_BROKER_URL": f"redis://{login}{address}"}
    tls = {name: value for name, value in options.items() if name.startswith("ssl_")}
    tls["ssl_cert_reqs"] = _VERIFY[tls.get("ssl_cert_reqs", "required")]
    tls.setdefault("ssl_check_hostname", tls["ssl_cert_reqs"] != ssl.CERT_NONE)
    return settings | {"CELERY_BROKER_URL": f"rediss://{login}{address}", "CELERY_BROKER_USE_SSL": tls}


def _other_broker(url: str, transport_options: Settings) -> Settings:
    """Return the settings of a broker that is not one Redis server, such as Sentinel or RabbitMQ."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    options = dict(transport_options)
    if parts.scheme == "sentinel":
        if not (master := query.pop("master_name", "")):
            raise ImproperlyConfigured("CELERY_BROKER_URL names Sentinels: add the name of the master, ?master_name=…")
        options["master_name"] = master
    url = url.split("?", maxsplit=1)[0] + (f"?{urlencode(query)}" if query else "")
    return {"CELERY_BROKER_URL": url, "BROKER_REDIS_URL": None, "CELERY_BROKER_TRANSPORT_OPTIONS": options}


def _login(options: Settings) -> str:
    user, password = (quote(options.get(name, ""), safe="") for name in ("username", "password"))
    return f"{user}:{password}@" if user or password else ""


def _verification(given: str, variable: str) -> str:
    name = given.removeprefix("CERT_").lower()
    if name not in _VERIFY:
        raise ImproperlyConfigured(f"{variable} has ssl_cert_reqs={given}: use one of {', '.join(_VERIFY)}")
    return name


def _require_readable(url: str, variable: str) -> None:
    """Raise ImproperlyConfigured for what redis-py would ignore, or refuse only when it connects."""
    from redis import ConnectionPool, RedisError  # noqa: PLC0415 - as above

    parts = urlsplit(url)
    if "@" in parts.path or not _has_port(url):  # the text may be a part of the password: it is not repeated
        raise ImproperlyConfigured(
            f"{variable} cannot be read: write special characters of a password as %40, %2F and so on, and the port as"
            " a number"
        )
    if parts.scheme != "unix" and not parts.path.strip("/").isdecimal() and parts.path.strip("/"):
        raise ImproperlyConfigured(f"{variable} ends in {parts.path}: the database is a number, such as /0")
    if parts.scheme == "unix" and not parts.path.startswith("/"):
        raise ImproperlyConfigured(f"{variable} names no socket: write unix:///path/of/the/socket")
    try:
        ConnectionPool.from_url(url).make_connection()
    except (ValueError, TypeError, RedisError) as error:
        raise ImproperlyConfigured(f"{variable} cannot be read: {error}") from error


def _has_port(url: str) -> bool:
    """Return whether the port is a number, or left out."""
    try:
        _ = urlsplit(url).port
    except ValueError:
        return False
    return True
