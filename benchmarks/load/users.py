"""The users of the load test: customers and staff, each sending one request after another. Locust runs this file.

It counts the commands that were sent and acknowledged for each order, and writes them with the figures to LOAD_RESULT.
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
"""`customers`: a list of tokens; `staff`: a token; `session`: the cookie of a session in the admin."""
ORDER = {
    "currency": "GBP",
    "country": "France",
    "lines": [{"sku": "MUG-201", "name": "Stoneware mug", "quantity": 2, "unit_price": "9.95"}],
}
PAYMENT = {"amount": "19.90", "payment_method": "card"}
ONE_LESS = {"quantities": [{"line_id": 1, "quantity": 1}]}
SHIPMENT = {"carrier": "DHL"}
RECENT = 50  # latest orders that are still used

chance = random.Random(7)  # noqa: S311 - which order, not a secret
sent: dict[str, Counter[str]] = defaultdict(Counter)
acknowledged: dict[str, Counter[str]] = defaultdict(Counter)
refused: Counter[str] = Counter()
paid: list[tuple[str, int]] = []


def cause_of(answer: Any) -> str:
    """Return why an answer is an error: its status and text, or what happened if there was no answer."""
    if answer.status_code:
        return f"{answer.status_code} {(answer.text or '')[:200]}"
    waited = answer.request_meta["response_time"] / 1000
    return f"no answer after {waited:.1f} s: {type(answer.error).__name__}: {answer.error}"


class Person(FastHttpUser):
    """A user with a token."""

    abstract = True
    wait_time = between(0.05, 0.25)
    token = ""

    def get(self, name: str, path: str, *, status: tuple[int, ...] = (200,), **headers: str) -> Any:
        """Send a GET request. A status that is not in `status` counts as an error."""
        headers |= {"Authorization": f"Token {self.token}"} if self.token else {}
        with self.client.get(path, name=name, headers=headers, catch_response=True, allow_redirects=False) as answer:
            if answer.status_code in status:
                answer.success()
            else:
                answer.failure(cause_of(answer))
            return answer

    def send(self, name: str, path: str, body: Any, event: str, order_id: str = "") -> Any:
        """Send a command. Return the answer's body; None if a rule refused it or an error occurred."""
        sent[order_id][event] += 1
        headers = {"Authorization": f"Token {self.token}", "Idempotency-Key": str(uuid4()), "If-Match": "*"}
        with self.client.post(path, json=body, name=name, headers=headers, catch_response=True) as answer:
            if answer.status_code in (200, 201):
                answer.success()
                answer_body = answer.json()
                acknowledged[answer_body["order_id"]][event] += 1
                return answer_body
            if answer.status_code == 409:  # refused by a rule: for example not paid, or cancelled
                answer.success()
                refused[f"{name}: {answer.json().get('code')}"] += 1
            else:
                answer.failure(cause_of(answer))
            return None


class Customer(Person):
    """Places orders, reads them, pays and edits them."""

    weight = 4

    def on_start(self) -> None:
        """Choose a customer, and place a first order."""
        self.token = chance.choice(TOKENS["customers"])
        self.orders: list[tuple[str, int]] = []
        self.tags: dict[str, str] = {}
        self.place()

    @task(3)
    def place(self) -> None:
        """Place an order."""
        if answer_body := self.send("place", "/api/v1/orders", ORDER, "order.created"):
            self.orders = [*self.orders[-RECENT:], (answer_body["order_id"], answer_body["version"])]
            self.read_own_write(answer_body)

    @task(6)
    def read(self) -> None:
        """Read an order, with the ETag of the last answer."""
        order_id, _ = chance.choice(self.orders or [("", 0)])
        if order_id:
            seen = {"If-None-Match": self.tags[order_id]} if order_id in self.tags else {}
            answer = self.get("read one", f"/api/v1/orders/{order_id}", status=(200, 304), **seen)
            if answer.status_code == 200:
                self.tags[order_id] = answer.headers["ETag"]

    @task(2)
    def list(self) -> None:
        """List the orders."""
        self.get("list", "/api/v1/orders")

    @task(2)
    def timeline(self) -> None:
        """Read a timeline."""
        if self.orders:
            self.get("timeline", f"/api/v1/orders/{chance.choice(self.orders)[0]}/timeline")

    @task(2)
    def pay(self) -> None:
        """Pay an order."""
        if self.orders:
            order_id, _ = self.orders.pop(chance.randrange(len(self.orders)))
            answer_body = self.send("pay", f"/api/v1/orders/{order_id}/payments", PAYMENT, "order.paid", order_id)
            if answer_body:
                paid.append((order_id, answer_body["version"]))
                self.read_own_write(answer_body)

    @task(1)
    def want_one_less(self) -> None:
        """Edit an order: one unit less."""
        if self.orders:
            order_id, _ = self.orders.pop(chance.randrange(len(self.orders)))
            self.send("want one less", f"/api/v1/orders/{order_id}/edits", ONE_LESS, "order.edit_committed", order_id)

    def read_own_write(self, answer_body: Any) -> None:
        """Read the order at the version of an answer."""
        path = f"/api/v1/orders/{answer_body['order_id']}?min_version={answer_body['version']}"
        self.get("read what was just done (min_version)", path)


class Clerk(Person):
    """Uses the admin, and ships paid orders through the API."""

    weight = 1

    def on_start(self) -> None:
        """Take the token of staff."""
        self.token = TOKENS["staff"]

    def look(self, name: str, path: str) -> None:
        """Open a page of the admin."""
        token, self.token = self.token, ""
        try:
            self.get(name, path, Cookie=f"sessionid={TOKENS['session']}")
        finally:
            self.token = token

    @task(3)
    def orders(self) -> None:
        """Open the order list."""
        self.look("admin: orders", "/admin/projections/stafforder/")

    @task(2)
    def search(self) -> None:
        """Search for orders."""
        self.look("admin: search", f"/admin/projections/stafforder/?q={chance.choice(('mug', 'ada', 'demo'))}")

    @task(3)
    def order(self) -> None:
        """Open an order."""
        order_ids = list(acknowledged)[-RECENT:]
        if order_ids:
            self.look("admin: an order", f"/admin/projections/stafforder/{chance.choice(order_ids)}/change/")

    @task(1)
    def log(self) -> None:
        """Open the event log."""
        self.look("admin: the log", "/admin/eventstore/event/")

    @task(3)
    def ship(self) -> None:
        """Ship a paid order."""
        if paid:
            order_id, _ = paid.pop(0)
            self._ship(order_id)

    @task(1)
    def ship_too_early(self) -> None:
        """Ship an order that may not be paid."""
        order_ids = list(acknowledged)[-1:]
        if order_ids:
            self._ship(order_ids[0])

    def _ship(self, order_id: str) -> None:
        self.send("ship", f"/api/v1/back-office/orders/{order_id}/ship", SHIPMENT, "order.shipped", order_id)


@events.quitting.add_listener
def write_result(environment: Any, **options: Any) -> None:
    """Write LOAD_RESULT."""
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
    result = {
        "figures": figures,
        "errors": [f"{each.name}: {each.error} ({each.occurrences} times)" for each in stats.errors.values()],
        "refused": refused,
        "sent": {order_id: counts for order_id, counts in sent.items() if order_id},
        "placed": sent[""]["order.created"],
        "acknowledged": acknowledged,
    }
    Path(os.environ["LOAD_RESULT"]).write_text(json.dumps(result))
