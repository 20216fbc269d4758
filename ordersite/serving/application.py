"""Run a WSGI application under an asynchronous server: a thread is taken when a request is here, and only for its work.

A body is read on the event loop first, into memory or a file. An answer that is complete frees its thread before the
client has read it. An answer that is made piece by piece, such as an event stream, holds its thread until it ends.
"""

import asyncio
import logging
import sys
import threading
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from tempfile import SpooledTemporaryFile
from typing import IO, Any
from urllib.parse import unquote_to_bytes
from wsgiref.types import WSGIApplication, WSGIEnvironment
from wsgiref.util import FileWrapper

from ordersite.serving.clients import REFUSED, TOO_MANY, Client, Clients
from ordersite.serving.connection import CONNECTION, Connection
from ordersite.serving.threads import Threads

Scope = Any
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

IN_MEMORY = 64 * 1024  # bytes of a body that are not written to a file
PIECE = 64 * 1024  # bytes of an answer that are handed to the transport at once
AHEAD = 4  # pieces of an answer that a thread may be ahead of the client
logger = logging.getLogger(__name__)


class ClientGone(Exception):
    """The client closed the connection, or was cut off."""


class Application:
    """The ASGI application of a web process. `body_bytes` is the length from which a body is not read.

    An application that can say whose request it is gives each client a share: at most `each` of the threads, and at
    most `waiting` requests that wait for one. It is told to refuse those beyond.
    """

    def __init__(
        self, application: WSGIApplication, *, threads: int, body_bytes: int, each: int = 1, waiting: int = 1
    ) -> None:
        self._application = application
        self._clients: Clients | None = getattr(application, "clients", None)
        self._threads = Threads(threads, each=each if self._clients else None)
        self._body_bytes, self._waiting = body_bytes, waiting

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request. A client that goes away ends it without a word."""
        connection: Connection = scope["extensions"][CONNECTION]["connection"]
        with SpooledTemporaryFile(max_size=IN_MEMORY) as body, suppress(ClientGone):
            await self._read(scope, receive, body)
            environ = environ_of(scope, body)
            client = self._admit(environ)
            exchange = Exchange(self._application, environ, connection, self._clients)
            self._threads.submit(exchange.run, client)
            await exchange.send(send)

    def _admit(self, environ: WSGIEnvironment) -> Client:
        """Return for whom the request counts. Marks it if too many requests of the client wait already."""
        if self._clients is None:
            return REFUSED  # without shares, it does not matter
        client = self._clients.client_of(environ)
        if self._threads.waiting(client) < self._waiting:
            return client
        environ[TOO_MANY] = True
        return REFUSED

    async def _read(self, scope: Scope, receive: Receive, body: IO[bytes]) -> None:
        """Read the body. Raises ClientGone.

        A body of unknown length, or of too many bytes, is not read: `RequestSizes` refuses it by its headers.
        """
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if not 0 < int(length) <= self._body_bytes:
            return
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            body.write(message["body"])
            more = message["more_body"]
        body.seek(0)


class Exchange:
    """One request on its way through a thread. `run` is the thread's side, `send` the event loop's."""

    def __init__(
        self,
        application: WSGIApplication,
        environ: WSGIEnvironment,
        connection: Connection,
        clients: Clients | None = None,
    ) -> None:
        self._application, self._environ, self._connection = application, environ, connection
        self._clients = clients
        self._loop = asyncio.get_running_loop()
        self._pieces: asyncio.Queue[bytes | IO[bytes] | None] = asyncio.Queue()
        self._room = threading.Semaphore(AHEAD)
        self._over = False
        self._whole = False  # the answer is one piece, and already handed over
        self._head: tuple[int, Headers] = (500, [])
        self._failed = False

    # --- on a thread ---

    def run(self) -> None:
        """Call the application. An exception is logged, and answered with 500 or by closing the connection."""
        try:
            if not self._connection.gone:  # while it waited for a thread
                self._answer()
        except Exception:
            logger.exception("the web application failed")
            self._failed = True
        if not self._whole:
            self._hand_over(None)

    def _hand_over(self, piece: bytes | IO[bytes] | None) -> None:
        with suppress(RuntimeError):  # the loop is closed: the process ends
            self._loop.call_soon_threadsafe(self._pieces.put_nowait, piece)

    def _answer(self) -> None:
        answer = self._application(self._environ, self._start_response)
        if self._clients:
            self._clients.learn(self._environ)
        if isinstance(answer, FileWrapper):  # read and closed by the event loop: no thread waits for its reader
            self._hand_over(answer.filelike)
            return
        try:
            if not getattr(answer, "streaming", not isinstance(answer, list)):
                content = b"".join(answer)
                self._whole = True  # before the event loop can see it
                self._hand_over(content)
            else:
                self._stream(answer)
        finally:
            if close := getattr(answer, "close", None):
                close()

    def _stream(self, answer: Iterable[bytes]) -> None:
        for piece in answer:
            self._room.acquire()
            if self._over or self._connection.gone:
                return
            self._hand_over(piece)

    def _start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        self._head = (int(status.split(" ", 1)[0]), encoded)
        return None  # the old `write` callable, which Django does not use

    # --- on the event loop ---

    async def send(self, send: Send) -> None:
        """Send the answer as it is made, no faster than the client reads."""
        try:
            piece = await self._pieces.get()
            if piece is None:
                return  # uvicorn answers 500, unless the client is gone
            status, headers = self._head
            await send({"type": "http.response.start", "status": status, "headers": headers})
            if self._whole:
                assert isinstance(piece, bytes)
                await self._send_bytes(send, piece, last=True)
                return
            while piece is not None:
                await self._send_piece(send, piece)
                self._room.release()
                piece = await self._pieces.get()
            if not self._failed:  # else uvicorn closes the connection, so that the client sees that it is not complete
                await self._send_bytes(send, b"", last=True)
        finally:
            self._over = True
            self._room.release()

    async def _send_piece(self, send: Send, piece: bytes | IO[bytes]) -> None:
        if isinstance(piece, bytes):
            await self._send_bytes(send, piece)
            return
        try:
            while block := piece.read(PIECE):
                await self._send_bytes(send, block)
        finally:
            piece.close()

    async def _send_bytes(self, send: Send, content: bytes, *, last: bool = False) -> None:
        start = 0
        while True:
            if self._connection.gone:
                raise ClientGone
            block = content if len(content) <= PIECE else content[start : start + PIECE]
            start += PIECE
            more = start < len(content)
            self._connection.answered += len(block)
            await send({"type": "http.response.body", "body": block, "more_body": more or not last})
            if not more:
                return


def environ_of(scope: Scope, body: IO[bytes]) -> WSGIEnvironment:
    """Return the WSGI environment of a request.

    A header with an underscore in its name is dropped, as by nginx: in a WSGI environment it could pass for the header
    with a hyphen that a proxy sets.
    """
    server, client = scope["server"] or ("localhost", 0), scope["client"] or ("", 0)
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1] or 0),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": client[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": body,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
    }
    for raw_name, raw_value in scope["headers"]:
        if b"_" in raw_name:
            continue
        name, value = raw_name.decode("latin-1").upper().replace("-", "_"), raw_value.decode("latin-1")
        if name not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            name = f"HTTP_{name}"
        environ[name] = f"{environ[name]},{value}" if name in environ else value
    return environ
