"""DATABASE_URL is read as libpq reads it."""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from ordersite.settings.connections import databases


@pytest.mark.parametrize(
    ("url", "host", "port", "password"),
    [
        ("postgresql://shop:secret@db.example.com:6432/app", "db.example.com", "6432", "secret"),
        ("postgres://shop:p%40ss%2Fw%25rd@db/app", "db", "", "p@ss/w%rd"),
        ("postgresql://shop@%2Fvar%2Frun%2FPostgreSQL/app", "/var/run/PostgreSQL", "", ""),
        ("postgresql://shop@%2Ftmp%2Fa%20folder:5433/app", "/tmp/a folder", "5433", ""),
        ("postgresql://shop@/app?host=/var/run/postgresql", "/var/run/postgresql", "", ""),
        ("postgresql://shop:secret@[::1]:6432/app", "::1", "6432", "secret"),
        ("postgresql://shop:secret@one:5432,two:5433/app", "one,two", "5432,5433", "secret"),
    ],
)
def test_hosts_sockets_and_passwords(url: str, host: str, port: str, password: str) -> None:
    primary = databases(url)["default"]
    assert (primary["HOST"], primary["PORT"], primary["PASSWORD"]) == (host, port, password)
    assert (primary["USER"], primary["NAME"]) == ("shop", "app")


def test_options_of_the_url_are_options_of_the_connection() -> None:
    options: Any = databases("postgresql://shop@db/app?sslmode=verify-full&sslrootcert=/etc/ca.pem")["default"][
        "OPTIONS"
    ]
    assert (options["sslmode"], options["sslrootcert"]) == ("verify-full", "/etc/ca.pem")


def test_replicas_are_read_in_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_REPLICA_URLS", "postgresql://%2Frun%2Freplica/app,postgresql://two:6000/app")
    replica = databases("postgresql://shop:secret@one/app")["replica"]
    assert (replica["HOST"], replica["PORT"]) == ("/run/replica,two,one", "5432,6000,5432")


@pytest.mark.parametrize(
    "url",
    ["mysql://shop:hush@db/app", "postgresql://shop:hush%zz@db/app", "postgresql://shop:hush@db/app?colour=red", "db"],
)
def test_a_url_that_cannot_be_read_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL cannot be read: write postgresql://") as refused:
        databases(url)
    assert "hush" not in str(refused.value)
