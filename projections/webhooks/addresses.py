"""Check the addresses of webhooks, so that no customer can make the shop call servers of its own network.

An address is checked twice. First when the customer creates the endpoint, to report an error early. Then at each
request: the connection goes to the IP address that was checked, so a DNS name that changes later does no harm.

Whatever is wrong with a host gets the same answer after the same time: a difference would tell strangers which names
and addresses exist in the shop's network.
"""

import logging
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from eventstore.errors import CommandRefused
from projections.webhooks.networks import is_public

log = logging.getLogger(__name__)

LONGEST = 2000  # characters of a URL
LOOK_UP_SECONDS = 2.0  # for DNS, while the customer waits; a refusal comes after exactly this time

# DNS can be slow. These threads wait for it, not the threads of requests or of sending.
LOOKUP_THREADS = ThreadPoolExecutor(max_workers=64, thread_name_prefix="look-up")

REFUSED = "url_refused"


class AddressRefused(CommandRefused):
    """Messages must not be sent to this address. The text says why.

    Texts contain no system error, which is for the log, and no host, so that they can be stored and translated later.
    """


def unusable() -> AddressRefused:
    """Return the answer for a host or port that must not be called. It is the same for every reason."""
    return AddressRefused(
        REFUSED,
        "this URL cannot be used: its host has to be on the public internet, and its port one that the shop calls",
    )


def require_allowed(url: str) -> None:
    """Check that a customer may use this URL, as far as can be known now. Raises AddressRefused."""
    parts = require_well_formed(url)
    answer_at = time.monotonic() + LOOK_UP_SECONDS
    lookup = LOOKUP_THREADS.submit(look_up, parts.hostname or "", port_of(parts))
    try:
        lookup.result(timeout=LOOK_UP_SECONDS)
    except TimeoutError:
        lookup.cancel()
        raise unusable() from None
    except AddressRefused:
        time.sleep(max(0.0, answer_at - time.monotonic()))  # so that the time tells nothing about the reason
        raise


def require_well_formed(url: str) -> SplitResult:
    """Return the parts of a URL. Raises AddressRefused."""
    if len(url) > LONGEST or not url.isascii() or not url.isprintable() or " " in url:
        raise AddressRefused(REFUSED, "a URL has at most {most} characters, only ASCII, without spaces", most=LONGEST)
    try:
        parts = urlsplit(url)
        port_of(parts)
    except ValueError as error:
        raise AddressRefused(REFUSED, "this is not a URL: check its host and its port") from error
    if parts.scheme != "https" and not (parts.scheme == "http" and settings.WEBHOOK_PLAIN_HTTP):
        raise AddressRefused(REFUSED, "the URL has to start with https://")
    if not parts.hostname:
        raise AddressRefused(REFUSED, "the URL has no host")
    if "@" in parts.netloc:
        raise AddressRefused(REFUSED, "the URL must not contain a name or password: verify the signature instead")
    if parts.fragment:
        raise AddressRefused(REFUSED, "the URL must not have a #fragment")
    if port_of(parts) not in settings.WEBHOOK_PORTS:
        raise unusable()
    return parts


def port_of(parts: SplitResult) -> int:
    """Return the port of a URL, or the default port of its scheme. Raises ValueError."""
    return parts.port or {"https": 443, "http": 80}.get(parts.scheme, 443)


def look_up(host: str, port: int) -> list[str]:
    """Return the IP addresses of a host, best first.

    Raises AddressRefused, with the same text, if there is none, or if one of them is not public.
    """
    try:
        results = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        log.info("the host %s of a webhook has no address: %s", host, error)
        raise unusable() from error
    addresses = [str(result[4][0]) for result in results]
    for address in addresses:
        if not settings.WEBHOOK_PRIVATE_ADDRESSES and not is_public(address):
            log.info("the host %s of a webhook has the address %s, which is not public", host, address)
            raise unusable()
    return addresses
