"""Where a webhook may be sent: the shop must not be made to call servers of its own network.

An address is looked at twice: when a customer names it, so that they are told; and when it is called, where what was
looked up is what is called, so that a name that points elsewhere by then is of no use.
"""

import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from eventstore.errors import CommandRefused

LONGEST = 2000  # characters of a URL
LOOK_UP_SECONDS = 3.0  # for a name, while the customer waits
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # the last 32 bits are an IPv4 address that is called in truth

# A name server may take its time: these threads wait for it, not those that answer requests or send.
LOOKING_UP = ThreadPoolExecutor(max_workers=32, thread_name_prefix="look-up")


REFUSED = "url_refused"


class AddressRefused(CommandRefused):
    """Nothing is sent to this address. The message says why."""


def require_allowed(url: str) -> None:
    """Whether a customer may have this URL called, as far as can be told now. Raises AddressRefused."""
    parts = require_well_formed(url)
    found = LOOKING_UP.submit(look_up, parts.hostname or "", port_of(parts))
    try:
        found.result(timeout=LOOK_UP_SECONDS)
    except TimeoutError:
        found.cancel()
        raise AddressRefused(REFUSED, "{host} could not be looked up in time: try again", host=parts.hostname) from None


def require_well_formed(url: str) -> SplitResult:
    """Its parts. Raises AddressRefused."""
    if len(url) > LONGEST or not url.isascii() or not url.isprintable() or " " in url:
        raise AddressRefused(REFUSED, "a URL is at most {most} characters, all of ASCII, without spaces", most=LONGEST)
    try:
        parts = urlsplit(url)
        port_of(parts)
    except ValueError as error:
        raise AddressRefused(REFUSED, "this is not a URL: {problem}", problem=str(error)) from error
    if parts.scheme != "https" and not (parts.scheme == "http" and settings.WEBHOOK_PLAIN_HTTP):
        raise AddressRefused(REFUSED, "the URL has to begin with https://")
    if not parts.hostname:
        raise AddressRefused(REFUSED, "the URL names no host")
    if "@" in parts.netloc:
        raise AddressRefused(REFUSED, "the URL must hold no name or password: check the signature instead")
    if parts.fragment:
        raise AddressRefused(REFUSED, "the URL must have no #fragment")
    return parts


def port_of(parts: SplitResult) -> int:
    """Raises ValueError."""
    return parts.port or {"https": 443, "http": 80}.get(parts.scheme, 443)


def look_up(host: str, port: int) -> list[str]:
    """The addresses to call, best first. Raises AddressRefused where there is none, or one is not to be called."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise AddressRefused(REFUSED, "{host} has no address: {problem}", host=host, problem=str(error)) from error
    addresses = [str(each[4][0]) for each in found]
    for address in addresses:
        if not settings.WEBHOOK_PRIVATE_ADDRESSES and not is_public(address):
            raise AddressRefused(REFUSED, "{host} is not an address of the public internet", host=host)
    return addresses


def is_public(address: str) -> bool:
    """Whether an IP address can be of nobody but the public internet, whichever way it is written."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo and found.teredo[1])
        if found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner:
            return _is_global(inner)
    return _is_global(found)


def _is_global(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    of_a_site = isinstance(address, ipaddress.IPv6Address) and address.is_site_local  # fec0::/10 counts as global
    return address.is_global and not address.is_multicast and not address.is_reserved and not of_a_site
