"""Clients that hold back what a server waits for, over real sockets."""

import contextlib
import socket
import ssl
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

HOST = b"Host: 127.0.0.1\r\n"
LOGIN = b"POST /api/v1/auth/login HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
SLOW_BODY = LOGIN + b"Content-Length: 1000\r\n\r\n{"
"""The start of a request: 1,000 bytes are announced, and one is sent."""


@dataclass
class Client:
    """A socket, what was read from it, and whether the server closed it."""

    socket: socket.socket
    read: bytes = b""
    closed: bool = False

    @property
    def status(self) -> int:
        """Return the status of the last answer; 0 for none."""
        return int((b"HTTP/1.1 000 \r\n" + self.read).rpartition(b"HTTP/1.1 ")[2][:3])

    def look(self) -> None:
        """Read what came, without waiting for more."""
        try:
            while data := self.socket.recv(65536):
                self.read += data
            self.closed = True
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        except OSError:
            self.closed = True


@dataclass
class Attack:
    """Clients of one kind. `drip` is sent again and again by each."""

    clients: list[Client] = field(default_factory=list)
    drip: bytes = b""

    @property
    def open(self) -> list[Client]:
        """Return the clients that the server has not closed."""
        return [each for each in self.clients if not each.closed]

    def step(self) -> None:
        """Send the drip of each open client, and read what came."""
        for client in self.open:
            with contextlib.suppress(OSError):
                if self.drip:
                    client.socket.send(self.drip)
            client.look()

    def until_closed(self, seconds: float, meanwhile: Callable[[], None] = lambda: None) -> bool:
        """Go on until the server has closed all, for `seconds` at most. Return whether it did."""
        deadline = time.monotonic() + seconds
        while self.open and time.monotonic() < deadline:
            self.step()
            meanwhile()
            time.sleep(0.2)
        return not self.open


@contextlib.contextmanager
def attack(
    port: int, count: int, first: bytes, *, drip: bytes = b"", connect: Callable[[], socket.socket] | None = None
) -> Iterator[Attack]:
    """Open `count` connections, by `connect` if it is given, that send `first` and then no more than `drip`."""
    attack = Attack(drip=drip)
    try:
        for _ in range(count):
            client = connect() if connect else socket.create_connection(("127.0.0.1", port), timeout=30)
            attack.clients.append(Client(client))
            client.sendall(first)
            client.setblocking(False)
        yield attack
    finally:
        for each in attack.clients:
            each.socket.close()


def get(url: str, timeout: float = 10) -> tuple[int, float]:
    """GET an address on a connection of its own. Return the status and the seconds. Raises OSError."""
    began = time.monotonic()
    with urllib.request.urlopen(url, timeout=timeout) as answer:
        answer.read()
    return answer.status, time.monotonic() - began


def ask(port: int, request: bytes, timeout: float = 30) -> bytes:
    """Send raw bytes, and return all that comes until the server closes. Raises TimeoutError."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as client:
        client.sendall(request)
        return until_closed(client)


def until_closed(client: socket.socket) -> bytes:
    """Return all that comes until the server closes. Raises TimeoutError."""
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := client.recv(65536):
            parts.append(part)
    return b"".join(parts)
