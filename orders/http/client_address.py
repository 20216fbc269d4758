"""The address of the client that sent a request, as limits count it."""

import ipaddress

from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle


def address_of(request: HttpRequest | Request) -> str:
    """Return the client's address, reading `X-Forwarded-For` as far as NUM_PROXIES allows.

    An IPv6 address stands for its /64 network, because a client can use all of it.
    """
    address: str = BaseThrottle().get_ident(request)  # type: ignore[arg-type]  # reads nothing but META
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:  # a dual-stack socket writes IPv4 this way: all of IPv4 would be one /64 network
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
