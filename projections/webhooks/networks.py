"""Which IP addresses belong to the public internet.

The networks of the special-purpose registries of IANA are listed here, not left to the standard library alone, because
its lists differ between versions of Python: https://www.iana.org/assignments/iana-ipv4-special-registry and
https://www.iana.org/assignments/iana-ipv6-special-registry.
"""

import ipaddress
from functools import cache

from django.conf import settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_SPECIAL = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"),
    *("192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24"),
    *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
    *("::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23", "2001:db8::/32"),
    *("2002::/16", "2620:4f:8000::/48", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
)
_METADATA = ("168.63.129.16/32",)  # of a cloud, although it is in no special network; the others are in one
_INTERNET = ipaddress.IPv6Network("2000::/3")  # the only part of IPv6 that is given out
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # the last 32 bits are the IPv4 address that is really called
_ISATAP = (0x00005EFE, 0x02005EFE)  # bits 64 to 95; the last 32 bits are an IPv4 address


def is_public(address: str) -> bool:
    """Return whether an IP address belongs to the public internet, in any notation.

    An IPv6 address that stands for an IPv4 address is judged by that. Tunnels (6to4, Teredo) are never public.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        low = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if ip.ipv4_mapped or ip in _NAT64:
            return _is_public(low)
        if (int(ip) >> 32) & 0xFFFFFFFF in _ISATAP and not _is_public(low):
            return False
        return ip in _INTERNET and _is_public(ip)
    return _is_public(ip)


def _is_public(ip: Address) -> bool:
    refused = any(ip in network for network in _refused(tuple(settings.WEBHOOK_REFUSED_NETWORKS)))
    return not refused and ip.is_global and not ip.is_multicast


@cache
def _refused(more: tuple[str, ...]) -> tuple[Network, ...]:
    """Return every refused network; `more` are those of the settings."""
    return tuple(ipaddress.ip_network(text, strict=False) for text in (*_SPECIAL, *_METADATA, *more))
