"""Who puts the load on: customers and staff, each doing one thing after another. Locust runs this file.

What was sent and what was acknowledged is kept for each order, and written to LOAD_RESULT with the figures at the end.
"""

import json
import os
import random
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any
from uuid import uuid4

from locust import FastHttpUser, between, events, task

TOKENS: dict[str, Any] = json.loads(os.environ["LOAD_TOKENS"])
"""`customers`: a token each; `staff`: a token; `session`: a cookie of somebody who is logged in to the admin."""
ORDER = {
    "currency": "GBP",
    "country": "France",
    "lines": [{"sku": "MUG-201", "name": "Stoneware mug", "quantity": 2, "unit_price": "9.95"}],
}
PAYMENT = {"amount": "19.90", "payment_method": "card"}
ONE_LESS = {"quantities": [{"line_id": 1, "quantity": 1}]}
SENT_AWAY = {"carrier": "DHL"}
KEPT = 50  # orders that somebody goes on with

chance = random.Random(7)  # noqa: S311 - which order, not a secret
sent: dict[str, Counter[str]] = defaultdict(Counter)
acknowledged: dict[str, Counter[str]] = defaultdict(Counter)
refused: Counter[str] = Counter()
paid: list[tuple[str, int]] = []


class Person(FastHttpUser):
    abstract = True
    wait_time = between(0.05, 0.25)
    token = ""

    def ask(self, name: str, path: str, *, status: tuple[int, ...] = (200,), **headers: str) -> Any:
        headers |= {"Authorization": f"Token {self.token}"} if self.token else {}
        with self.client.get(path, name=name, headers=headers, catch_response=True, allow_redirects=False) as answer:
            if answer.status_code in status:
                answer.success()
            else:
                answer.failure(f"{answer.status_code} {(answer.text or '')[:200]}")
            return answer

    def send(self, name: str, path: str, body: Any, event: str, order_id: str = "") -> Any:
        """What it was answered; None where a rule refused it, or something went wrong."""
        sent[order_id][event] += 1
        headers = {"Authorization": f"Token {self.token}", "Idempotency-Key": str(uuid4()), "If-Match": "*"}
        with self.client.post(path, json=body, name=name, headers=headers, catch_response=True) as answer:
            if answer.status_code in (200, 201):
                answer.success()
                told = answer.json()
                acknowledged[told["order_id"]][event] += 1
                return told
            if answer.status_code == 409:  # not paid, cancelled already: what the rules are for
                answer.success()
                refused[f"{name}: {answer.json().get('code')}"] += 1
            else:
                answer.failure(f"{answer.status_code} {(answer.text or '')[:200]}")
            return None


class Customer(Person):
    weight = 4

    def on_start(self) -> None:
        self.token = chance.choice(TOKENS["customers"])
        self.orders: list[tuple[str, int]] = []
        self.tags: dict[str, str] = {}
        self.place()

    @task(3)
    def place(self) -> None:
        if told := self.send("place", "/api/v1/orders", ORDER, "order.created"):
            self.orders = [*self.orders[-KEPT:], (told["order_id"], told["version"])]
            self.read_what_was_done(told)

    @task(6)
    def read(self) -> None:
        order_id, _ = chance.choice(self.orders or [("", 0)])
        if order_id:
            seen = {"If-None-Match": self.tags[order_id]} if order_id in self.tags else {}
            answer = self.ask("read one", f"/api/v1/orders/{order_id}", status=(200, 304), **seen)
            if answer.status_code == 200:
                self.tags[order_id] = answer.headers["ETag"]

    @task(2)
    def list(self) -> None:
        self.ask("list", "/api/v1/orders")

    @task(2)
    def timeline(self) -> None:
        if self.orders:
            self.ask("timeline", f"/api/v1/orders/{chance.choice(self.orders)[0]}/timeline")

    @task(2)
    def pay(self) -> None:
        if self.orders:
            order_id, _ = self.orders.pop(chance.randrange(len(self.orders)))
            told = self.send("pay", f"/api/v1/orders/{order_id}/payments", PAYMENT, "order.paid", order_id)
            if told:
                paid.append((order_id, told["version"]))
                self.read_what_was_done(told)

    @task(1)
    def want_one_less(self) -> None:
        if self.orders:
            order_id, _ = self.orders.pop(chance.randrange(len(self.orders)))
            self.send("want one less", f"/api/v1/orders/{order_id}/edits", ONE_LESS, "order.edit_committed", order_id)

    def read_what_was_done(self, told: Any) -> None:
        path = f"/api/v1/orders/{told['order_id']}?min_version={told['version']}"
        self.ask("read what was just done (min_version)", path)


class Clerk(Person):
    weight = 1

    def on_start(self) -> None:
        self.token = TOKENS["staff"]

    def look(self, name: str, path: str) -> None:
        token, self.token = self.token, ""
        try:
            self.ask(name, path, Cookie=f"sessionid={TOKENS['session']}")
        finally:
            self.token = token

    @task(3)
    def orders(self) -> None:
        self.look("admin: orders", "/admin/projections/stafforder/")

    @task(2)
    def search(self) -> None:
        self.look("admin: search", f"/admin/projections/stafforder/?q={chance.choice(('mug', 'ada', 'demo'))}")

    @task(3)
    def order(self) -> None:
        known = list(acknowledged)[-KEPT:]
        if known:
            self.look("admin: an order", f"/admin/projections/stafforder/{chance.choice(known)}/change/")

    @task(1)
    def log(self) -> None:
        self.look("admin: the log", "/admin/eventstore/event/")

    @task(3)
    def ship(self) -> None:
        if paid:
            order_id, _ = paid.pop(0)
            self._ship(order_id)

    @task(1)
    def ship_too_early(self) -> None:
        known = list(acknowledged)[-1:]
        if known:
            self._ship(known[0])

    def _ship(self, order_id: str) -> None:
        self.send("ship", f"/api/v1/back-office/orders/{order_id}/ship", SENT_AWAY, "order.shipped", order_id)


@events.quitting.add_listener
def write_down(environment: Any, **more: Any) -> None:
    stats = environment.stats
    figures = [
        {
            "name": each.name,
            "requests": each.num_requests,
            "failures": each.num_failures,
            "rate": each.total_rps,
            "p50": each.get_response_time_percentile(0.5),
            "p99": each.get_response_time_percentile(0.99),
        }
        for each in [*stats.entries.values(), stats.total]
    ]
    found = {
        "figures": figures,
        "errors": [f"{each.name}: {each.error} ({each.occurrences} times)" for each in stats.errors.values()],
        "refused": refused,
        "sent": {order_id: counts for order_id, counts in sent.items() if order_id},
        "placed": sent[""]["order.created"],
        "acknowledged": acknowledged,
    }
    Path(os.environ["LOAD_RESULT"]).write_text(json.dumps(found))
