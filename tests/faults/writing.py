"""Clients that write through the API. They send each command again until it is answered."""

import random
import threading
import time
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any

from tests.support.running import Running

PATIENCE = 120  # seconds in which a client repeats one command
ORDER = {
    "currency": "GBP",
    "country": "France",
    "lines": [{"sku": "MUG-201", "name": "Stoneware mug", "quantity": 2, "unit_price": "9.95"}],
}
ONE = [{"line_id": 1, "quantity": 1}]
PAYMENT = {"amount": "19.90", "payment_method": "card"}
PROMISE = {"amount": "19.90", "payment_method": "card", "capture": False}

Step = tuple[str, str, Any, str]
"""Customer or staff, the last part of the path, the body, and the event that results."""
CANCEL: Step = ("customer", "cancel", {"reason": "Ordered twice"}, "order.cancelled")
PAY: Step = ("customer", "payments", PAYMENT, "order.paid")
BACK: tuple[Step, ...] = (
    ("staff", "request_refund", {"reason": "Owed"}, "order.refund_requested"),
    ("staff", "approve_refund", {"refund_id": 1}, "order.refund_approved"),
    ("staff", "settle_refund", {"refund_id": 1}, "order.refund_settled"),
)
LIVES: tuple[tuple[Step, ...], ...] = (
    (),
    (CANCEL,),
    (PAY,),
    (PAY, CANCEL, *BACK),
    (("customer", "edits", {"quantities": ONE}, "order.edit_committed"), CANCEL),
    (
        ("customer", "payments", PROMISE, "order.payment_authorised"),
        ("staff", "capture_payment", {"payment_id": 1}, "order.payment_captured"),
        ("staff", "ship_lines", {"lines": ONE}, "order.parcel_shipped"),
        ("staff", "ship", {"carrier": "DHL"}, "order.shipped"),
        ("customer", "returns", {"lines": ONE}, "order.return_requested"),
        ("staff", "approve_return", {"return_id": 1}, "order.return_approved"),
        ("staff", "receive_return", {"return_id": 1, "restocked": ONE}, "order.return_received"),
        *BACK,
    ),
)
"""The commands to an order after it is placed. The longest list goes from payment to refund."""


class NotAnswered(AssertionError):
    """A command was refused, or not answered for PATIENCE seconds."""


@dataclass
class Writer:
    """One client. `orders` has the acknowledged event types of each order."""

    running: Running
    auths: dict[str, dict[str, str]]
    """The headers of the customer and of staff."""
    name: str
    chance: random.Random
    orders: dict[str, list[str]] = field(default_factory=dict)
    sent: int = 0
    sent_again: int = 0
    problem: str = ""

    def work(self, over: threading.Event) -> None:
        """Send commands until `over` is set, or until one is refused."""
        try:
            while not over.is_set():
                self._one_order()
        except NotAnswered as error:
            self.problem = str(error)

    def _one_order(self) -> None:
        later = {"Prefer": "respond-async"} if self.chance.random() < 0.2 else {}
        order_id = self._send("customer", "/api/v1/orders", ORDER, later)["order_id"]
        self.orders[order_id] = ["order.created"]
        for who, path, body, event in self.chance.choice(LIVES):
            # With or without the expected version: sent again, both are a repeat of the first command.
            seen = f'"{len(self.orders[order_id])}"' if self.chance.random() < 0.5 else "*"
            below = "orders" if who == "customer" else "back-office/orders"
            more = later if who == "customer" else {}
            self._send(who, f"/api/v1/{below}/{order_id}/{path}", body, {"If-Match": seen, **more})
            self.orders[order_id].append(event)

    def _send(self, who: str, path: str, body: Any, headers: dict[str, str]) -> Any:
        """Send a command until it is done. Sometimes send it once more, and check that the answer is the same."""
        self.sent += 1
        headers = {"Idempotency-Key": f"{self.name}-{self.sent}", **headers, **self.auths[who]}
        answer = self._until_answered("POST", path, body, headers)
        if self.chance.random() < 0.2:
            again = self._until_answered("POST", path, body, headers)
            if (again["order_id"], again["version"]) != (answer["order_id"], answer["version"]):
                raise NotAnswered(f"{path} answered {answer}, and sent again {again}")
        return answer

    def _until_answered(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Any:
        deadline = time.monotonic() + PATIENCE
        answer_body: Any = "nothing"
        while time.monotonic() < deadline:
            try:
                status, answered, answer_body = self.running.call(method, path, body, **headers)
            except (OSError, HTTPException, ValueError) as error:
                status, answered, answer_body = 0, {}, error
            if status == 202 and method == "POST":
                return self._until_done(answered["Location"])
            if status in (200, 201) or (status == 202 and method == "GET"):
                return answer_body
            if 400 <= status < 500 and status != 429:
                raise NotAnswered(f"{method} {path}: {status} {answer_body}")
            self.sent_again += 1
            time.sleep(self.chance.uniform(0.02, 0.2))
        raise NotAnswered(f"{method} {path}: {answer_body} for {PATIENCE} s")

    def _until_done(self, location: str) -> Any:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            outcome = self._until_answered("GET", location, None, self.auths["customer"])
            if outcome["status"] == "done":
                return outcome
            if outcome["status"] != "waiting":
                raise NotAnswered(f"{location}: {outcome}")
            time.sleep(0.1)
        raise NotAnswered(f"{location} waits for {PATIENCE} s")
