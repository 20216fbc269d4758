"""A client of HTTP/1.1 that costs little itself: connections that are kept, one request at a time on each.

Nothing of HTTP beyond what both servers send: an answer has a `Content-Length`, or is a 304.
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
    """A server answered otherwise than it should; the message is the answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    head: bytes
    body: bytes

    def header(self, name: str) -> str:
        """The value of a header, empty where there is none."""
        start = f"{name}: ".encode().lower()
        found = [line[len(start) :] for line in self.head.split(b"\r\n") if line.lower().startswith(start)]
        return found[0].decode() if found else ""


@dataclass(slots=True)
class _Connection:
    socket: socket.socket
    sent_at: float = 0.0
    received: bytes = b""


@dataclass(slots=True)
class Client:
    """`answers` counts statuses; every so many answers one is kept in `sample`, to be looked at once the clock stands.

    Raises UnexpectedAnswer for any status but `expected`.
    """

    port: int
    requests: Iterator[bytes]
    expected: int
    keep: int = 50
    answers: int = 0
    sample: list[Answer] = field(default_factory=list)

    def run(self, seconds: float, *, connections: int = CONNECTIONS) -> Timing:
        """As many requests as are answered in so long, with the latency of each."""
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
            taken = time.perf_counter() - start
            for each in opened:
                each.socket.close()
        return Timing(len(latencies), taken, latencies)

    def _send(self, connection: _Connection) -> None:
        connection.received, connection.sent_at = b"", time.perf_counter()
        connection.socket.sendall(next(self.requests))

    def _is_answered(self, connection: _Connection) -> bool:
        """Whether the whole answer is there; counts it."""
        more = connection.socket.recv(65_536)
        if not more:
            raise UnexpectedAnswer(f"the connection was closed after {connection.received!r}")
        connection.received += more
        answer = _whole(connection.received)
        if answer is None:
            return False
        if answer.status != self.expected:
            raise UnexpectedAnswer(connection.received.decode(errors="replace"))
        self.answers += 1
        if self.answers % self.keep == 1:
            self.sample.append(answer)
        return True


def written(method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """A request as it is sent."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Accept: application/json", "User-Agent: bench"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + _END + body


def ask(port: int, request: bytes) -> Answer:
    """One request, one answer, whatever its status."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(request)
        received = b""
        while (answer := _whole(received)) is None:
            more = connection.recv(65_536)
            if not more:
                raise UnexpectedAnswer(f"the connection was closed after {received!r}")
            received += more
    return answer


def _whole(received: bytes) -> Answer | None:
    """The answer, once all of it is there."""
    head, end, body = received.partition(_END)
    status = int(head[9:12]) if end else 0
    if not end or (status != 304 and len(body) < _length(head)):
        return None
    return Answer(status, head, body)


def _length(head: bytes) -> int:
    start = head.lower().index(b"content-length: ") + 16
    return int(head[start:].partition(b"\r")[0])
