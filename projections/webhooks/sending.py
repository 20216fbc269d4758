"""Send signed messages to endpoints in parallel, as https://www.standardwebhooks.com specifies.

The connection goes to the IP address that was checked (`addresses`). A redirect counts as a failure, no proxy is used,
and the time and the size of an answer are limited. What the receiver writes is not stored, only the status of the
answer or the class of the failure.
"""

import asyncio
import logging
import ssl
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from http import HTTPStatus
from threading import Thread
from typing import Any, Self
from uuid import UUID

import httpcore
from django.conf import settings
from django.utils.translation import gettext_noop
from httpcore import AsyncNetworkStream
from standardwebhooks.webhooks import Webhook

from projections.webhooks import addresses

log = logging.getLogger(__name__)

AGENT = b"ordersite-webhooks/1"
_RETRY_AFTER_DIGITS = 9  # more are as good as for ever, and `deliveries` limits the pause anyway


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message and its destination. `body` is JSON; each secret starts with `whsec_` and signs the message."""

    event_id: UUID
    url: str
    secrets: tuple[str, ...]
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of an attempt: the HTTP status of the answer, or the problem if there was no answer.

    `seconds` is how long it took. `retry_after` is how many seconds the receiver asked to wait, if it did.
    """

    status: int | None = None
    problem: str = ""
    seconds: float = 0.0
    retry_after: float | None = None

    @property
    def accepted(self) -> bool:
        """Return whether the receiver accepted the message."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """Return whether the receiver wants no more messages; the standard defines 410 for this."""
        return self.status == HTTPStatus.GONE


class Sender:
    """Sends messages in a thread of its own, so that the caller can record one answer while others are awaited."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="webhooks", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Cancel what is still being sent, and end the thread."""
        asyncio.run_coroutine_threadsafe(_cancel_others(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def start(self, message: Message) -> "Future[Outcome]":
        """Start to send a message. Its outcome comes after about WEBHOOK_SECONDS at most."""
        return asyncio.run_coroutine_threadsafe(_send(message), self._loop)


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def headers_of(message: Message, now: datetime) -> list[tuple[bytes, bytes]]:
    """Return the HTTP headers. A signature covers the id, the time of this attempt and the body.

    There is one for each secret, so that a receiver can change its secret while messages arrive.
    """
    signature = " ".join(Webhook(secret).sign(str(message.event_id), now, message.body) for secret in message.secrets)
    return [
        (b"content-type", b"application/json"),
        (b"user-agent", AGENT),
        (b"webhook-id", str(message.event_id).encode()),
        (b"webhook-timestamp", str(int(now.timestamp())).encode()),
        (b"webhook-signature", signature.encode()),
    ]


async def _send(message: Message) -> Outcome:
    began = time.monotonic()
    return replace(await _attempt(message), seconds=time.monotonic() - began)


async def _attempt(message: Message) -> Outcome:
    try:
        addresses.require_well_formed(message.url)  # the settings may have changed since the endpoint was created
        async with asyncio.timeout(settings.WEBHOOK_SECONDS):
            return await _post(message)
    except addresses.AddressRefused as error:
        return Outcome(problem=str(error))
    except TimeoutError:
        return Outcome(problem=gettext_noop("no answer in time"))
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError) as error:
        log.info("the message %s did not reach %s: %r", message.event_id, message.url, error)
        return Outcome(problem=problem_of(error))
    except Exception:  # an unexpected error must not stop the other messages
        log.exception("the message %s cannot be sent", message.event_id)
        return Outcome(problem=gettext_noop("the message cannot be sent; the shop's operators can see why"))


def problem_of(error: Exception) -> str:
    """Return why there was no answer, as a text for the owner of the endpoint. System errors are for the log."""
    causes = tuple(_causes(error))
    for kind, text in _PROBLEMS.items():
        if any(isinstance(cause, kind) for cause in causes):
            return text
    return gettext_noop("the connection broke before an answer came")


_PROBLEMS: dict[type[BaseException], str] = {
    ssl.SSLCertVerificationError: gettext_noop("the certificate of the server is not valid for this host"),
    ssl.SSLError: gettext_noop("no encrypted connection (TLS) could be made"),
    httpcore.TimeoutException: gettext_noop("no answer in time"),
    httpcore.ProtocolError: gettext_noop("the answer was not HTTP"),
    ConnectionRefusedError: gettext_noop("the server refused the connection"),
    httpcore.ConnectError: gettext_noop("no connection to the server could be made"),
}
"""The text for each kind of error. The first kind that is among the causes counts."""


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what led to it."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            yield from error.exceptions
        error = error.__cause__ or error.__context__


async def _post(message: Message) -> Outcome:
    """Return the status of the answer. Each attempt has its own connection, so customers never share one.

    The content of the answer is not read: a server that sends it slowly would only take a place longer.
    """
    body = message.body.encode()
    headers = [
        *headers_of(message, datetime.now(UTC)),
        (b"host", _host(message.url)),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    async with (
        httpcore.AsyncConnectionPool(ssl_context=_tls(), network_backend=_CheckedBackend()) as pool,
        pool.stream("POST", message.url, headers=headers, content=body) as answer,
    ):
        return Outcome(status=int(answer.status), retry_after=_retry_after(answer))


def _retry_after(answer: httpcore.Response) -> float | None:
    """Return how many seconds the receiver asked to wait. None if it did not, or not in a way that can be read."""
    if answer.status not in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        return None
    text = next(
        (value.decode("latin-1").strip() for name, value in answer.headers if name.lower() == b"retry-after"), ""
    )
    if text.isascii() and text.isdecimal():
        return float(text[:_RETRY_AFTER_DIGITS])
    try:
        moment = parsedate_to_datetime(text)
        return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
    except (ValueError, OverflowError):
        return None


def _host(url: str) -> bytes:
    return addresses.require_well_formed(url).netloc.encode()


@cache
def _tls() -> ssl.SSLContext:
    return httpcore.default_ssl_context()


class _CheckedBackend(httpcore.AsyncNetworkBackend):
    """Resolve a name once, check the result, and connect to it. TLS still verifies the name."""

    def __init__(self) -> None:
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> AsyncNetworkStream:
        """Connect to the first checked address that answers. Raises AddressRefused, httpcore.ConnectError."""
        loop = asyncio.get_running_loop()
        *others, last = await loop.run_in_executor(addresses.LOOKUP_THREADS, addresses.look_up, host, port)
        for address in others:
            with suppress(httpcore.ConnectError):
                return await self._backend.connect_tcp(address, port, timeout, local_address, socket_options)
        return await self._backend.connect_tcp(last, port, timeout, local_address, socket_options)

    async def sleep(self, seconds: float) -> None:
        """Sleep, for httpcore's retries."""
        await asyncio.sleep(seconds)
