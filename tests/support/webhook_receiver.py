"""A webhook receiver on this machine. It records the messages and answers as a test tells it."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook

ENDLESS_BODY = -1


@dataclass
class Receiver:
    """What the receiver got and how it answers.

    `answers` are the statuses of the next answers, then 200. A status of 0 sends bytes for a while and never completes;
    ENDLESS_BODY answers 200 with a body that does so. `headers` are sent with each answer.
    If messages arrive in parallel, set `decide`: it returns the status for a message. `got` holds headers and bodies.
    """

    url: str = ""
    answers: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    decide: Callable[[dict[str, Any]], int] | None = None
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def messages(self, secret: str) -> list[dict[str, Any]]:
        """Return the received messages. The standard's own library verifies each signature."""
        return [Webhook(secret).verify(body, headers) for headers, body in self.got]

    @property
    def ids(self) -> list[str]:
        """Return the ids of the received messages, in order."""
        return [headers["webhook-id"] for headers, _ in self.got]


class _Handler(BaseHTTPRequestHandler):
    receiver: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.receiver.lock:
            self.receiver.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            status = self.receiver.answers.pop(0) if self.receiver.answers else 200
        if self.receiver.decide:
            status = self.receiver.decide(json.loads(body))
        if status > 0:
            self.answer(status)
        elif status == ENDLESS_BODY:
            self.send_response(200)
            self.end_headers()
        if status <= 0:
            self.trickle()

    def answer(self, status: int) -> None:
        self.send_response(status)
        for name, value in self.receiver.headers.items():
            self.send_header(name, value)
        if 300 <= status < 400:
            self.send_header("Location", self.receiver.url + "elsewhere")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def trickle(self) -> None:
        for _ in range(40):
            try:
                self.wfile.write(b"H")
            except OSError:
                return
            time.sleep(0.1)

    def log_message(self, *words: Any) -> None:
        pass


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Run a receiver on a free port."""
    receiver = Receiver()

    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"receiver": receiver}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/"
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
