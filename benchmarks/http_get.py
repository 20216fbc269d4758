"""GET one order over HTTP: ours from the database, from the cache, and as a 304, compared with a plain DRF view."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import cycle
from uuid import UUID

import msgspec
import psycopg
from django.db import connections

from benchmarks import serving
from benchmarks.client import Answer, Client, ask, written
from benchmarks.harness import Options, Report, Timing, at_least, interleave, speed
from benchmarks.http_post import BODY, LINES, ORDERS, TOTAL, customer, token_of
from eventstore.dispatch import Context, dispatch_batch
from eventstore.ids import new_id
from orders.commands import CreateOrder
from ordersite.models import User
from projections.engine import catch_up
from projections.engine.projection import PROJECTIONS
from projections.reading import row_cache

SECONDS, ROUNDS = 1.6, 5
COLD = 5_000  # more orders than a round reads, so each is read once and none from the cache
HOT = 50  # orders that are always in the cache


def run(options: Options) -> Report:
    """Run the benchmark."""
    user = customer()
    orders = _place(user, COLD)
    token = token_of(user)
    connections.close_all()
    with serving.plain() as plain, serving.served("ordersite.wsgi") as port:
        numbers = _create_plain(plain.url, COLD)
        paths = [f"{ORDERS}/{order_id}" for order_id in orders]
        cold = Client(port, _requests(paths, token), expected=200)
        hot = Client(port, _requests(paths[:HOT], token), expected=200)
        unchanged = Client(port, _conditional_requests(port, paths[:HOT], token), expected=304)
        drf = Client(plain.port, _requests([f"/orders/{number}" for number in numbers], plain.token), expected=200)
        for each in (cold, hot, unchanged, drf):
            each.run(0.5)
        sides = interleave(
            {
                "ours": lambda: _run_uncached(cold),
                "cached": lambda: hot.run(SECONDS),
                "304": lambda: unchanged.run(SECONDS),
                "drf": lambda: drf.run(SECONDS),
            },
            rounds=ROUNDS,
        )
        same = all(_is_same(port, path, token) for path in paths[:HOT])
    return Report(
        bench="http_get",
        what=f"Read one of {COLD:,} orders of {LINES} lines over HTTP, 8 connections, 2 cores for everything.",
        unit="requests/s",
        sides=sides,
        ratios={
            "drf": speed(sides["ours"], sides["drf"], at_least(1)),
            "drf_cached": speed(sides["cached"], sides["drf"], at_least(3)),
            "drf_304": speed(sides["304"], sides["drf"], at_least(3)),
        },
        checks={
            "no order was read twice in a round of ours": all(each.count <= COLD for each in sides["ours"]),
            "the sampled answers are complete orders": all(map(_is_whole, [*cold.sample, *hot.sample, *drf.sample])),
            "a 304 has no body": not any(each.body for each in unchanged.sample),
            "the cache answers byte for byte like the database": same,
        },
        notes=[
            "Every request is counted and its token is read from the database, also when the cache answers.",
            "drf: one query each for token, order and lines (select_related, prefetch_related).",
        ],
    )


def _place(user: User, count: int) -> list[UUID]:
    """Place `count` orders of a user, and catch up the customer read model. Return their ids."""
    command = msgspec.convert(
        {**BODY, "order_id": new_id(), "customer_id": user.customer_id, "customer_name": "", "customer_email": ""},
        CreateOrder,
        strict=False,
    )
    ids = [new_id() for _ in range(count)]
    for start in range(0, count, 1000):
        dispatch_batch(
            [
                (replace(command, order_id=each), Context(actor=f"customer:{user.customer_id}"))
                for each in ids[start : start + 1000]
            ]
        )
    catch_up.catch_up(PROJECTIONS["customer"])
    return ids


def _create_plain(url: str, count: int) -> list[int]:
    """Create `count` orders with the same lines in the plain site. Return their numbers."""
    line = BODY["lines"][0]
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO plain_drf_order (customer_id, customer_name, customer_email, reference, currency, country,"
            " shipping_address, billing_address, prices_include_tax, status, total, tax, placed_at)"
            " SELECT (SELECT id FROM auth_user), '', '', %s, %s, %s, %s, '', true, 'open', %s, 6.38, now()"
            " FROM generate_series(1, %s)",
            (BODY["reference"], BODY["currency"], BODY["country"], BODY["shipping_address"], TOTAL, count),
        )
        connection.execute(
            "INSERT INTO plain_drf_line (order_id, sku, name, quantity, unit_price, tax_rate, amount, tax)"
            " SELECT id, %s, %s, number, 2.55, 20, number * 2.55, number * 0.425"
            " FROM plain_drf_order, generate_series(1, %s) number",
            (line["sku"], line["name"], LINES),
        )
        rows = connection.execute("SELECT id FROM plain_drf_order ORDER BY id").fetchall()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    return [number for (number,) in rows]


def _requests(paths: Sequence[str], token: str) -> Iterator[bytes]:
    return cycle([written("GET", path, {"Authorization": f"Token {token}"}) for path in paths])


def _conditional_requests(port: int, paths: Sequence[str], token: str) -> Iterator[bytes]:
    """Return requests with the ETag of an earlier answer."""
    authorization = {"Authorization": f"Token {token}"}
    tags = [ask(port, written("GET", path, authorization)).header("ETag") for path in paths]
    return cycle(
        [written("GET", path, authorization | {"If-None-Match": tag}) for path, tag in zip(paths, tags, strict=True)]
    )


def _run_uncached(client: Client) -> Timing:
    """Empty the cache and run."""
    row_cache.invalidate_all("customer")
    return client.run(SECONDS)


def _is_whole(answer: Answer) -> bool:
    body = msgspec.json.decode(answer.body)
    return body["total"] == TOTAL and len(body["lines"]) == LINES


def _is_same(port: int, path: str, token: str) -> bool:
    """Whether the answers from the database and from the cache are equal, apart from rate limit and date."""
    row_cache.invalidate_all("customer")
    request = written("GET", path, {"Authorization": f"Token {token}", "X-Request-ID": "one"})
    uncached, cached = ask(port, request), ask(port, request)
    return (_constant(uncached.head), uncached.body) == (_constant(cached.head), cached.body)


def _constant(head: bytes) -> list[bytes]:
    lines = sorted(head.lower().split(b"\r\n"))
    return [line for line in lines if not line.startswith((b"ratelimit: ", b"date: "))]
