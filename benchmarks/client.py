"""A cheap HTTP/1.1 client: persistent connections, with one request at a time on each.

It supports only what both servers send: an answer has a `Content-Length`, or is a 304.
"""

import selectors
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from benchmarks.harness import Timing

CONNECTIONS = 8
_END = b"\r\n\r\n"


class UnexpectedAnswer(RuntimeError):
    """A server sent an unexpected answer. The message is that answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    head: bytes
    body: bytes

    def header(self, name: str) -> str:
        """Return the value of a header, or "" if there is none."""
        start = f"{name}: ".encode().lower()
        values = [line[len(start) :] for line in self.head.split(b"\r\n") if line.lower().startswith(start)]
        return values[0].decode() if values else ""


@dataclass(slots=True)
class _Connection:
    socket: socket.socket
    sent_at: float = 0.0
    received: bytes = b""


@dataclass(slots=True)
class Client:
    """Sends requests and counts `answers`. Every `keep`-th answer goes into `sample`, to be checked after the run.

    Raises UnexpectedAnswer for any status other than `expected`.
    """

    port: int
    requests: Iterator[bytes]
    expected: int
    keep: int = 50
    answers: int = 0
    sample: list[Answer] = field(default_factory=list)

    def run(self, seconds: float, *, connections: int = CONNECTIONS) -> Timing:
        """Send requests for `seconds`. Return the number of answers and the latency of each."""
        latencies: list[float] = []
        with selectors.DefaultSelector() as selector:
            opened = [_Connection(socket.create_connection(("127.0.0.1", self.port))) for _ in range(connections)]
            for each in opened:
                each.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(each.socket, selectors.EVENT_READ, each)
            start = time.perf_counter()
            end, waiting = start + seconds, len(opened)
            for each in opened:
                self._send(each)
            while waiting:
                for key, _ in selector.select(10):
                    connection: _Connection = key.data
                    if not self._is_answered(connection):
                        continue
                    now = time.perf_counter()
                    latencies.append(now - connection.sent_at)
                    if now < end:
                        self._send(connection)
                    else:
                        waiting -= 1
            elapsed = time.perf_counter() - start
            for each in opened:
                each.socket.close()
        return Timing(len(latencies), elapsed, latencies)

    def _send(self, connection: _Connection) -> None:
        connection.received, connection.sent_at = b"", time.perf_counter()
        connection.socket.sendall(next(self.requests))

    def _is_answered(self, connection: _Connection) -> bool:
        """Receive data; return whether the answer is complete, and count it."""
        more = connection.socket.recv(65_536)
        if not more:
            raise UnexpectedAnswer(f"the connection was closed after {connection.received!r}")
        connection.received += more
        answer = _parse(connection.received)
        if answer is None:
            return False
        if answer.status != self.expected:
            raise UnexpectedAnswer(connection.received.decode(errors="replace"))
        self.answers += 1
        if self.answers % self.keep == 1:
            self.sample.append(answer)
        return True


def written(method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """Return the bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Accept: application/json", "User-Agent: bench"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + _END + body


def ask(port: int, request: bytes) -> Answer:
    """Send one request. Return its answer, with any status."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(request)
        received = b""
        while (answer := _parse(received)) is None:
            more = connection.recv(65_536)
            if not more:
                raise UnexpectedAnswer(f"the connection was closed after {received!r}")
            received += more
    return answer


def _parse(received: bytes) -> Answer | None:
    """Return the answer, or None while it is incomplete."""
    head, end, body = received.partition(_END)
    status = int(head[9:12]) if end else 0
    if not end or (status != 304 and len(body) < _length(head)):
        return None
    return Answer(status, head, body)


def _length(head: bytes) -> int:
    start = head.lower().index(b"content-length: ") + 16
    return int(head[start:].partition(b"\r")[0])
