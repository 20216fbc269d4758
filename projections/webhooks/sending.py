"""Send signed messages to endpoints in parallel, as https://www.standardwebhooks.com specifies.

The connection goes to the IP address that was checked (`addresses`). A redirect counts as a failure, no proxy is used,
and the time and the size of an answer are limited.
"""

import asyncio
import logging
import ssl
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from http import HTTPStatus
from typing import Any
from uuid import UUID

import httpcore
from django.conf import settings
from django.utils.translation import gettext_noop
from httpcore import AsyncNetworkStream
from standardwebhooks.webhooks import Webhook

from projections.webhooks import addresses

log = logging.getLogger(__name__)

AGENT = b"ordersite-webhooks/1"
MAX_ANSWER_BYTES = 64 * 1024  # read of an answer; its content is ignored


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message and its destination. `body` is JSON; `secret` starts with `whsec_`."""

    event_id: UUID
    url: str
    secret: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of an attempt: the HTTP status of the answer, or the problem if there was no answer."""

    status: int | None = None
    problem: str = ""

    @property
    def accepted(self) -> bool:
        """Return whether the receiver accepted the message."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """Return whether the receiver wants no more messages; the standard defines 410 for this."""
        return self.status == HTTPStatus.GONE


def send(messages: Sequence[Message]) -> list[Outcome]:
    """Send all messages in parallel; return their outcomes in the same order. Takes about WEBHOOK_SECONDS at most."""

    async def send_all() -> list[Outcome]:
        return await asyncio.gather(*(_send(message) for message in messages))

    return asyncio.run(send_all())


def headers_of(message: Message, now: datetime) -> list[tuple[bytes, bytes]]:
    """Return the HTTP headers. The signature covers the id, the time of this attempt and the body."""
    signature = Webhook(message.secret).sign(str(message.event_id), now, message.body)
    return [
        (b"content-type", b"application/json"),
        (b"user-agent", AGENT),
        (b"webhook-id", str(message.event_id).encode()),
        (b"webhook-timestamp", str(int(now.timestamp())).encode()),
        (b"webhook-signature", signature.encode()),
    ]


async def _send(message: Message) -> Outcome:
    try:
        addresses.require_well_formed(message.url)  # the settings may have changed since the endpoint was created
        async with asyncio.timeout(settings.WEBHOOK_SECONDS):
            return Outcome(status=await _post(message))
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


async def _post(message: Message) -> int:
    """Return the HTTP status of the answer. Each attempt has its own connection, so customers never share one."""
    body = message.body.encode()
    headers = [
        *headers_of(message, datetime.now(UTC)),
        (b"host", _host(message.url)),
        (b"content-length", str(len(body)).encode()),
    ]
    async with (
        httpcore.AsyncConnectionPool(ssl_context=_tls(), network_backend=_CheckedBackend()) as pool,
        pool.stream("POST", message.url, headers=headers, content=body) as answer,
    ):
        size = 0
        async for chunk in answer.aiter_stream():
            size += len(chunk)
            if size > MAX_ANSWER_BYTES:
                break
        return int(answer.status)


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
