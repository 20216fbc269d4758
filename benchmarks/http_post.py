"""POST an order with its lines over HTTP, compared with a plain DRF view that inserts the same with the ORM."""

import json
import os
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from django.db import connections
from knox.models import AuthToken

from benchmarks import serving
from benchmarks.client import Client, written
from benchmarks.harness import Options, Report, at_least, interleave, speed
from eventstore.dispatch import current_state
from eventstore.ids import new_id
from orders.order import ORDER
from ordersite.models import User

SECONDS, ROUNDS, LINES = 2.5, 5, 5
ORDERS = "/api/v1/orders"
BODY: dict[str, Any] = {
    "currency": "GBP",
    "country": "United Kingdom",
    "reference": "PO-7",
    "shipping_address": "Ada Whitfield\n12 Lantern Row\nYork YO1 7HH\nUnited Kingdom",
    "lines": [
        {
            "sku": f"8512{number}A",
            "name": "WHITE HANGING HEART T-LIGHT HOLDER",
            "quantity": number,
            "unit_price": "2.55",
            "tax_rate": "20",
        }
        for number in range(1, LINES + 1)
    ],
}
TOTAL = "38.25"


def run(options: Options) -> Report:
    """Run the benchmark."""
    token = token_of(customer())
    connections.close_all()
    with serving.plain() as plain, serving.served("ordersite.wsgi") as port:
        ours = Client(port, _requests(ORDERS, token), expected=201)
        drf = Client(plain.port, _requests("/orders", plain.token), expected=201)
        for each in (ours, drf):
            each.run(1.0)
        sides = interleave({"ours": lambda: ours.run(SECONDS), "drf": lambda: drf.run(SECONDS)}, rounds=ROUNDS)
        checks = _check_ours(ours) | _check_drf(drf, plain.url)
    return Report(
        bench="http_post",
        what=f"Place an order of {LINES} lines over HTTP: 8 connections, 2 cores for client, servers and database.",
        unit="requests/s",
        sides=sides,
        ratios={"drf": speed(sides["ours"], sides["drf"], at_least(0.9))},
        checks=checks,
        notes=[
            "Ours checks key and rate, encrypts personal data, writes event and receipt, and wakes the workers.",
            "No worker runs: catchup and lag measure the read models.",
            "drf: a nested ModelSerializer, an INSERT of the order and one of its lines in a transaction.",
        ],
    )


def customer() -> User:
    """Create a user with a customer."""
    return User.objects.create_user(
        "ada", "ada@example.com", "secret-1", first_name="Ada", last_name="Whitfield", customer_id=new_id()
    )


def token_of(user: User) -> str:
    """Create and return an API token."""
    return str(AuthToken.objects.create(user)[1])


def _requests(path: str, token: str) -> Iterator[bytes]:
    """Yield requests for the same order, each with another idempotency key."""
    body = json.dumps(BODY).encode()
    headers = {"Authorization": f"Token {token}", "Idempotency-Key": "%d"}
    first, _, rest = written("POST", path, headers, body).partition(b"%d")
    number = 0
    while True:
        number += 1
        yield first + b"bench-%d" % number + rest


def _check_ours(client: Client) -> dict[str, bool]:
    orders, events, receipts = _counts(
        os.environ["DATABASE_URL"],
        "SELECT count(DISTINCT aggregate_id) FROM events WHERE aggregate_type = 'order'",
        "SELECT count(*) FROM events WHERE aggregate_type = 'order'",
        "SELECT count(*) FROM command_receipts WHERE command_type = 'order.create'",
    )
    sampled = [current_state(ORDER, UUID(msgspec.json.decode(each.body)["order_id"])) for each in client.sample]
    return {
        f"each of our {client.answers:,} answers is an order in the log with one event and a receipt": (
            orders == events == receipts == client.answers
        ),
        f"{len(sampled)} of them cost {TOTAL} and have {LINES} lines": bool(sampled)
        and all(str(order.sold) == TOTAL and len(order.lines) == LINES for order in sampled),
    }


def _check_drf(client: Client, url: str) -> dict[str, bool]:
    orders, right = _counts(
        url,
        "SELECT count(*) FROM plain_drf_order",
        f"SELECT count(*) FROM plain_drf_order WHERE total = {TOTAL}"
        f" AND (SELECT count(*) FROM plain_drf_line WHERE order_id = plain_drf_order.id) = {LINES}",
    )
    return {
        f"each of the {client.answers:,} answers of drf is an order with its lines": orders == right == client.answers
    }


def _counts(url: str, *queries: str) -> list[int]:
    with psycopg.connect(url) as connection:
        return [int((connection.execute(query).fetchone() or (0,))[0]) for query in queries]
