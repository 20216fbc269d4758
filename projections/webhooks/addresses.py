"""Check the addresses of webhooks, so that no customer can make the shop call servers of its own network.

An address is checked twice. First when the customer creates the endpoint, to report an error early. Then at each
request: the connection goes to the IP address that was checked, so a DNS name that changes later does no harm.
"""

import ipaddress
import logging
import socket
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from eventstore.errors import CommandRefused

log = logging.getLogger(__name__)

LONGEST = 2000  # characters of a URL
LOOK_UP_SECONDS = 3.0  # for DNS, while the customer waits
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # the last 32 bits are the IPv4 address that is really called

# DNS can be slow. These threads wait for it, not the threads of requests or of sending.
LOOKUP_THREADS = ThreadPoolExecutor(max_workers=32, thread_name_prefix="look-up")

REFUSED = "url_refused"


class AddressRefused(CommandRefused):
    """Messages must not be sent to this address. The text says why.

    Texts contain no system error, which is for the log, and no host, so that they can be stored and translated later.
    """


def require_allowed(url: str) -> None:
    """Check that a customer may use this URL, as far as can be known now. Raises AddressRefused."""
    parts = require_well_formed(url)
    lookup = LOOKUP_THREADS.submit(look_up, parts.hostname or "", port_of(parts))
    try:
        lookup.result(timeout=LOOK_UP_SECONDS)
    except TimeoutError:
        lookup.cancel()
        raise AddressRefused(REFUSED, "the host name could not be looked up in time: try again") from None


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
    return parts


def port_of(parts: SplitResult) -> int:
    """Return the port of a URL, or the default port of its scheme. Raises ValueError."""
    return parts.port or {"https": 443, "http": 80}.get(parts.scheme, 443)


def look_up(host: str, port: int) -> list[str]:
    """Return the IP addresses of a host, best first. Raises AddressRefused if there is none, or one is not public."""
    try:
        results = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        log.info("the host %s of a webhook has no address: %s", host, error)
        raise AddressRefused(
            REFUSED, "the host name has no address at the moment: check its spelling, or try again later"
        ) from error
    addresses = [str(result[4][0]) for result in results]
    for address in addresses:
        if not settings.WEBHOOK_PRIVATE_ADDRESSES and not is_public(address):
            raise AddressRefused(REFUSED, "the host does not have an address of the public internet")
    return addresses


def is_public(address: str) -> bool:
    """Return whether an IP address belongs to the public internet, in any notation."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo and ip.teredo[1])
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner:
            return _is_global(inner)
    return _is_global(ip)


def _is_global(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    is_site_local = isinstance(address, ipaddress.IPv6Address) and address.is_site_local  # is_global is true for these
    return address.is_global and not address.is_multicast and not address.is_reserved and not is_site_local
