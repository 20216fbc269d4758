"""What a client may take of the web server. Each limit is a variable of the environment: docs/operations.md lists them.

They are not read from Django's settings, because the server's first process does not load Django.
"""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass

LARGEST_HEAD = 128 * 1024  # bytes of the request line and the headers; the site itself refuses more than 16,000 earlier


class BadLimit(ValueError):
    """A variable of the environment is not a number that makes sense. Its message says which, and what would be."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Times are in seconds, sizes in bytes, rates in bytes a second. All counts are of one process."""

    head_seconds: float = 10.0
    """From the start of a connection, or of a request, until all headers are here."""
    idle_seconds: float = 20.0
    """How long a connection stays open between two requests."""
    stall_seconds: float = 10.0
    """Time over which the rate of a client is measured: a pause that is shorter is forgiven."""
    least_rate: float = 500.0
    """A client that sends or takes fewer bytes a second is cut off."""
    body_seconds: float = 120.0
    """From the headers until the whole body is here."""
    answer_seconds: float = 600.0
    """How long a client may take to read what waits for it."""
    body_bytes: int = 10_000_000
    """A longer body is refused, unread."""
    connections: int = 2_000
    """Beyond this number, the connection that has waited longest without a request is closed."""


def read_limits(environment: Mapping[str, str] | None = None) -> Limits:
    """Return the limits of the environment. Raises BadLimit."""
    environment = os.environ if environment is None else environment
    standard = Limits()
    return Limits(
        head_seconds=_number(environment, "WEB_HEAD_SECONDS", standard.head_seconds),
        idle_seconds=_number(environment, "WEB_IDLE_SECONDS", standard.idle_seconds),
        stall_seconds=_number(environment, "WEB_STALL_SECONDS", standard.stall_seconds),
        least_rate=_number(environment, "WEB_LEAST_RATE", standard.least_rate),
        body_seconds=_number(environment, "WEB_BODY_SECONDS", standard.body_seconds),
        answer_seconds=_number(environment, "WEB_ANSWER_SECONDS", standard.answer_seconds),
        body_bytes=read_count("WEB_BODY_BYTES", standard.body_bytes, environment),
        connections=read_count("WEB_CONNECTIONS", standard.connections, environment),
    )


def read_count(name: str, standard: int, environment: Mapping[str, str] | None = None, *, least: int = 1) -> int:
    """Return a whole number of the environment. Raises BadLimit if it is not one, or below `least`."""
    environment = os.environ if environment is None else environment
    text = environment.get(name, "").strip() or str(standard)
    if not (text.isascii() and text.isdecimal() and len(text) < 16 and int(text) >= least):
        raise BadLimit(f"{name} is {text!r}: use a whole number from {least} on, such as {standard}")
    return int(text)


def _number(environment: Mapping[str, str], name: str, standard: float) -> float:
    text = environment.get(name, "").strip() or str(standard)
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise BadLimit(f"{name} is {text!r}: use a number above 0, such as {standard:g}")
    return number
