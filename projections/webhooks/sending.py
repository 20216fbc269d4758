"""Send signed messages to endpoints, many at once, as https://www.standardwebhooks.com says.

What is called is the very address that was looked at (`addresses`), a redirect is a failure, no proxy is used, and the
time and size of an answer are bounded whatever the other side does.
"""

import asyncio
import logging
import ssl
from collections.abc import Iterable, Sequence
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
READ_BYTES = 64 * 1024  # of an answer, whose content means nothing: what is longer is cut off


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is to be sent where. `body` is JSON; `secret` begins with `whsec_`."""

    event_id: UUID
    url: str
    secret: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of an attempt: the status that was answered, or in words why there was none."""

    status: int | None = None
    problem: str = ""

    @property
    def accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """The receiver wants no more of these, says the standard."""
        return self.status == HTTPStatus.GONE


def send(messages: Sequence[Message]) -> list[Outcome]:
    """Send all of them at once; the outcomes come in the same order. Takes WEBHOOK_SECONDS at most, and a moment."""

    async def all_of_them() -> list[Outcome]:
        return await asyncio.gather(*(_send(message) for message in messages))

    return asyncio.run(all_of_them())


def headers_of(message: Message, now: datetime) -> list[tuple[bytes, bytes]]:
    """The signature covers the id, the time of this attempt and the body."""
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
        addresses.require_well_formed(message.url)  # a setting may have changed since it was taken
        async with asyncio.timeout(settings.WEBHOOK_SECONDS):
            return Outcome(status=await _post(message))
    except addresses.AddressRefused as error:
        return Outcome(problem=str(error))
    except TimeoutError:
        return Outcome(problem=gettext_noop("no answer in time"))
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError) as error:
        return Outcome(problem=f"{type(error).__name__}: {error}"[:300])
    except Exception:  # whatever nobody foresaw is this message's alone: the others are sent
        log.exception("the message %s cannot be sent", message.event_id)
        return Outcome(problem=gettext_noop("it cannot be sent; whoever runs the shop sees why"))


async def _post(message: Message) -> int:
    """The status of the answer. One connection an attempt: nothing of one customer's is left for another's."""
    body = message.body.encode()
    headers = [
        *headers_of(message, datetime.now(UTC)),
        (b"host", _host(message.url)),
        (b"content-length", str(len(body)).encode()),
    ]
    async with (
        httpcore.AsyncConnectionPool(ssl_context=_tls(), network_backend=_Guarded()) as pool,
        pool.stream("POST", message.url, headers=headers, content=body) as answer,
    ):
        size = 0
        async for piece in answer.aiter_stream():
            size += len(piece)
            if size > READ_BYTES:
                break
        return int(answer.status)


def _host(url: str) -> bytes:
    return addresses.require_well_formed(url).netloc.encode()


@cache
def _tls() -> ssl.SSLContext:
    return httpcore.default_ssl_context()


class _Guarded(httpcore.AsyncNetworkBackend):
    """Looks a name up once, and calls what it found. TLS still checks the name."""

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
        loop = asyncio.get_running_loop()
        *others, last = await loop.run_in_executor(addresses.LOOKING_UP, addresses.look_up, host, port)
        for address in others:
            with suppress(httpcore.ConnectError):
                return await self._backend.connect_tcp(address, port, timeout, local_address, socket_options)
        return await self._backend.connect_tcp(last, port, timeout, local_address, socket_options)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
