"""One URL serves the cache and the broker: by TCP, by a socket, by TLS; and a broker may have a URL of its own."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import kombu
import pytest
import redis
from django.core.cache.backends.redis import RedisCache
from django.core.exceptions import ImproperlyConfigured
from kombu.exceptions import OperationalError

from eventstore.wakeups import celery_broker, valkey
from eventstore.wakeups.celery_broker import Message
from ordersite.settings.valkey import broker, cache, redis_url
from projections.tasks import sweep
from tests.support.valkey import Tunnel, Valkey

PASSWORD = "p@ss/w:rd;,%41"
SECRET = quote(PASSWORD, safe="")
TIMEOUTS = {"socket_connect_timeout": 1, "socket_timeout": 5, "max_retries": 0}


@pytest.fixture(scope="module")
def server() -> Iterator[Valkey]:
    started = Valkey(PASSWORD).start()
    yield started
    started.stop()


@pytest.fixture(scope="module")
def tunnel(server: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tunnel]:
    opened = Tunnel(server.port, tmp_path_factory.mktemp("tls"))
    yield opened
    opened.close()


def both(given: str, separate: str = "") -> tuple[Any, kombu.Connection]:
    """Return the cache and the connection to the broker that the settings describe."""
    url = redis_url(given, variable="REDIS_URL")
    settings = broker(url, separate, TIMEOUTS)
    entry = cache(url)
    connection = kombu.Connection(
        settings["CELERY_BROKER_URL"],
        ssl=settings.get("CELERY_BROKER_USE_SSL", False),
        transport_options=settings["CELERY_BROKER_TRANSPORT_OPTIONS"],
    )
    return RedisCache(entry["LOCATION"], entry), connection


def sent_to(connection: kombu.Connection, server: Valkey, database: int) -> int:
    """Send a message by the broker's client. Return how many messages the database of the server then has."""
    with connection as opened:
        queue = opened.SimpleQueue("letters")
        queue.put("a letter")
        queue.close()
    return int(redis.Redis(port=server.port, password=PASSWORD, db=database).llen("letters"))


@pytest.mark.parametrize(
    "form",
    [
        "redis://:{secret}@127.0.0.1:{port}/3",
        "redis://default:{secret}@localhost:{port}?db=3",
        "unix://:{secret}@{socket}?db=3",
        "redis+socket://:{secret}@{socket}?virtual_host=3",
        "rediss://:{secret}@localhost:{tls}/3?ssl_ca_certs={authority}",
        "rediss://:{secret}@localhost:{tls}/3?ssl_cert_reqs=CERT_REQUIRED&ssl_ca_certs={authority}",
        "rediss://:{secret}@127.0.0.1:{tls}/3?ssl_cert_reqs=none",
    ],
)
def test_both_clients_reach_the_same_database(form: str, server: Valkey, tunnel: Tunnel) -> None:
    redis.Redis(port=server.port, password=PASSWORD).flushall()
    paths = {"socket": quote(str(server.socket)), "authority": quote(str(tunnel.authority))}
    by_cache, by_broker = both(form.format(secret=SECRET, port=server.port, tls=tunnel.port, **paths))
    by_cache.set("a-key", "a value")
    assert by_cache.get("a-key") == "a value"
    assert redis.Redis(port=server.port, password=PASSWORD, db=3).dbsize() == 1
    assert sent_to(by_broker, server, 3) == 1


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"], ids=["an unknown authority", "another name"])
def test_neither_client_trusts_a_server_that_it_cannot_verify(host: str, server: Valkey, tunnel: Tunnel) -> None:
    authority = "" if host == "localhost" else f"?ssl_ca_certs={quote(str(tunnel.authority))}"
    by_cache, by_broker = both(f"rediss://:{SECRET}@{host}:{tunnel.port}/3{authority}")
    with pytest.raises(redis.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
        by_cache.get("a-key")
    with pytest.raises((OperationalError, redis.ConnectionError, ssl.SSLError), match="CERTIFICATE_VERIFY_FAILED"):
        sent_to(by_broker, server, 3)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("localhost:6379", "REDIS_URL begins with localhost: use redis://"),
        ("sentinel://127.0.0.1:26379/0", "REDIS_URL begins with sentinel: .*CELERY_BROKER_URL"),
        ("redis://127.0.0.1/first", "REDIS_URL ends in /first: the database is a number"),
        ("redis://127.0.0.1/0?colour=red", "REDIS_URL cannot be read: .*colour"),
        ("redis://:a/b@127.0.0.1/0", "REDIS_URL cannot be read: write special characters of a password as %40"),
        ("redis://127.0.0.1:port/0", "REDIS_URL cannot be read: write special"),
        ("rediss://127.0.0.1/0?ssl_cert_reqs=perhaps", "use one of required, optional, none"),
        ("unix://tmp", "names no socket"),
    ],
)
def test_a_url_that_no_client_understands_is_refused_with_what_to_write(url: str, message: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=message):
        redis_url(url, variable="REDIS_URL")


def test_wake_ups_go_to_a_broker_of_its_own(server: Valkey, settings: Any) -> None:
    redis.Redis(port=server.port, password=PASSWORD).flushall()
    separate = f"redis+socket://:{SECRET}@{quote(str(server.socket))}?virtual_host=5"
    settings.BROKER_REDIS_URL = broker(settings.REDIS_URL, separate, TIMEOUTS)["BROKER_REDIS_URL"]
    celery_broker.send(Message(sweep))
    queue = celery_broker.queue_of(sweep.name)
    assert redis.Redis(port=server.port, password=PASSWORD, db=5).llen(queue) == 1
    assert valkey.client().llen(queue) == 0


def test_a_broker_that_is_not_redis_gets_its_messages_from_celery(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.BROKER_REDIS_URL = broker(settings.REDIS_URL, "amqp://guest@127.0.0.1:1//", TIMEOUTS)["BROKER_REDIS_URL"]
    sent: list[Any] = []
    monkeypatch.setattr(sweep, "apply_async", lambda arguments, **options: sent.append((arguments, options)))
    celery_broker.send(Message(sweep, (), 5))
    assert sent == [((), {"countdown": 5, "ignore_result": True, "retry": False})]
    monkeypatch.setattr(sweep, "apply_async", lambda *arguments, **options: _raise(OperationalError("refused")))
    with pytest.raises(redis.ConnectionError, match="the broker does not answer: refused"):
        celery_broker.send(Message(sweep))


def _raise(error: Exception) -> None:
    raise error


def test_the_broker_is_found_by_a_sentinel(tmp_path: Path) -> None:
    master = Valkey().start()
    watcher = Valkey().start(f"sentinel monitor shop 127.0.0.1 {master.port} 1")
    try:
        given = f"sentinel://127.0.0.1:{watcher.port}/2?master_name=shop"
        settings = broker("redis://127.0.0.1/0", given, TIMEOUTS)
        connection = kombu.Connection(
            settings["CELERY_BROKER_URL"], transport_options=settings["CELERY_BROKER_TRANSPORT_OPTIONS"]
        )
        with connection as opened:
            queue = opened.SimpleQueue("letters")
            queue.put("a letter")
            queue.close()
        assert redis.Redis(port=master.port, db=2).llen("letters") == 1
    finally:
        watcher.stop()
        master.stop()


def test_a_sentinel_without_the_name_of_its_master_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="add the name of the master"):
        broker("redis://127.0.0.1/0", "sentinel://127.0.0.1:26379/0", TIMEOUTS)
