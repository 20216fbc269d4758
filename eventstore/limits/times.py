"""The times that the log accepts, both recorded times and business times."""

from datetime import UTC, datetime

from eventstore.errors import LimitExceeded

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
"""The first accepted moment."""
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
"""The end of the accepted moments: every one is before it.

The bounds are far from the years 1 and 9999, so that a reader can convert a moment to any time zone and add to it.
"""


def is_accepted(moment: datetime) -> bool:
    """Return whether the log accepts this time: it has a time zone and is within the bounds."""
    return moment.tzinfo is not None and EARLIEST <= moment < LATEST


def require_accepted(moment: datetime) -> datetime:
    """Return the time. Raises LimitExceeded if the log does not accept it."""
    if moment.tzinfo is None:
        raise LimitExceeded("time_zone_missing", "the time must have a time zone")
    if not is_accepted(moment):
        raise LimitExceeded(
            "time_out_of_range",
            "the date must be in the years {first} to {last}: correct it",
            first=EARLIEST.year,
            last=LATEST.year - 1,
        )
    return moment
