"""One connection of a client, with deadlines for all that the client can hold back.

uvicorn's protocol parses requests and writes answers on the event loop. It has a deadline only for idle connections.
This subclass adds the others. All connections are looked at once a second, so a client that sends a byte now and then
costs no timer of its own.
"""

import asyncio
import logging
import socket
import struct
import time
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ordersite.serving.limits import LARGEST_HEAD, Limits
from ordersite.serving.rate import Rate

LOOK_SECONDS = 1.0
CONNECTION = "ordersite.connection"  # where an ASGI scope names its connection, among the extensions
logger = logging.getLogger(__name__)

_TIMEOUT = ("408 Request Timeout", "The request did not come in time. Send it again, all at once.")
_HEAD_TOO_LARGE = ("431 Request Header Fields Too Large", "The headers of the request are too large.")


class Watch:
    """All connections of a process, and the timer that looks at them."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.all: set[Connection] = set()
        self.waiting: dict[Connection, None] = {}
        """Connections without a request, the one that has waited longest first."""
        self._timer: asyncio.TimerHandle | None = None
        self._cut: dict[str, int] = {}

    def add(self, connection: "Connection") -> None:
        """Watch a new connection. One too many costs the connection that has waited longest for a request."""
        if len(self.all) >= self.limits.connections:
            longest = next(iter(self.waiting), connection)
            longest.cut("more connections than WEB_CONNECTIONS")
        self.all.add(connection)
        self.waiting[connection] = None
        if self._timer is None:
            self._timer = connection.loop.call_later(LOOK_SECONDS, self._look, connection.loop)

    def remove(self, connection: "Connection") -> None:
        """Forget a closed connection."""
        self.all.discard(connection)
        self.waiting.pop(connection, None)

    def count_cut(self, reason: str) -> None:
        """Count a connection that was cut off. The log gets one line a second, however many they are."""
        self._cut[reason] = self._cut.get(reason, 0) + 1

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = time.monotonic()
        for connection in list(self.all):
            connection.look(now)
        for reason, count in self._cut.items():
            logger.warning("closed %d connections: %s", count, reason)
        self._cut.clear()
        self._timer = loop.call_later(LOOK_SECONDS, self._look, loop) if self.all else None


class Connection(HttpToolsProtocol):
    """A connection that is cut off if its client is too slow. `watch` is set by the process that serves."""

    watch = Watch(Limits())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.limits = self.watch.limits
        self.answered = 0
        """Bytes of answers that were handed to the transport, headers left out."""
        self._received = 0
        # Since when the client lets the site wait, for what: at most one of the three is set.
        self._idle_since: float | None = None
        self._head_since: float | None = None
        self._body_since: float | None = None
        self._head_begun = False
        self._head_size = 0
        self._incoming, self._outgoing = Rate(self.limits), Rate(self.limits)

    @property
    def gone(self) -> bool:
        """Whether the client can get no answer any more. Safe to ask from a thread."""
        return self.transport.is_closing()

    # --- what asyncio and the parser tell ---

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Start to wait for the first request."""
        super().connection_made(transport)
        self._head_since = time.monotonic()
        self.watch.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self.watch.remove(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came. The first byte after a pause starts the clock of a request."""
        if self.gone:
            return  # cut off: what still comes is not parsed
        self._received += len(data)
        if self._idle_since is not None:
            self._idle_since, self._head_since = None, time.monotonic()
        if self._body_since is None:
            self._head_size += len(data)
        super().data_received(data)
        if self._body_since is None and self._head_size > LARGEST_HEAD and not self.gone:
            self._refuse(*_HEAD_TOO_LARGE)

    def on_message_begin(self) -> None:
        """Start to read headers."""
        super().on_message_begin()
        self._head_begun = True

    def on_headers_complete(self) -> None:
        """Start to read the body."""
        self._idle_since = self._head_since = None
        self._body_since = time.monotonic()
        self._head_begun, self._head_size = False, 0
        self._incoming.restart()
        self.watch.waiting.pop(self, None)
        self.scope["extensions"] = {CONNECTION: {"connection": self}}
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that all of the request is here."""
        self._body_since = None
        super().on_message_complete()
        self._wait_for_next()

    def on_response_complete(self) -> None:
        """Go on with the next request, or wait for one."""
        super().on_response_complete()
        self._wait_for_next()

    def _wait_for_next(self) -> None:
        """Start the clock of the next request, if this one is answered and here as a whole. Either may come first."""
        if self._is_answering or self.pipeline or self._body_since is not None:
            return
        now = time.monotonic()
        self._idle_since, self._head_since = (None, now) if self._head_begun else (now, None)
        self.watch.waiting[self] = None

    @property
    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    # --- what the clock tells ---

    def look(self, now: float) -> None:
        """Cut the client off if it is too slow."""
        if not self.gone:
            self._look_at_request(now)
        unread = self.transport.get_write_buffer_size()
        if not unread:
            self._outgoing.restart()
        elif self._outgoing.is_low(now, self.answered - unread) or (
            self._outgoing.lasted(now) > self.limits.answer_seconds
        ):
            self.cut("an answer was read slower than WEB_LEAST_RATE or WEB_ANSWER_SECONDS allow")

    def _look_at_request(self, now: float) -> None:
        limits = self.limits
        if self._idle_since is not None:
            if now - self._idle_since > limits.idle_seconds:
                self.transport.close()
        elif self._head_since is not None:
            if now - self._head_since > limits.head_seconds:
                self._refuse_late("no request within WEB_HEAD_SECONDS")
        elif self._body_since is not None and self.flow.read_paused:  # it waits for an earlier request's answer
            self._body_since = now
            self._incoming.restart()
        elif self._body_since is not None:
            low = self._incoming.is_low(now, self._received)
            if low or now - self._body_since > limits.body_seconds:
                self._refuse_late("a body came slower than WEB_LEAST_RATE or WEB_BODY_SECONDS allow")

    def cut(self, reason: str) -> None:
        """Close the connection at once, whatever is still to be sent."""
        self.watch.count_cut(reason)
        if client := self.transport.get_extra_info("socket"):  # the kernel too forgets what it still has to send
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def _refuse_late(self, reason: str) -> None:
        """Close the connection. Answer 408 before, if a request has begun and has no answer yet."""
        self.watch.count_cut(reason)
        unanswered = self._is_answering and not self.cycle.response_started
        if self._head_begun or (self._body_since is not None and unanswered):
            self._refuse(*_TIMEOUT)
        else:
            self.transport.close()

    def _refuse(self, status: str, text: str) -> None:
        body = f"{text}\n".encode()
        head = (
            f"HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
