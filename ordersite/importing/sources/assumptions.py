"""Count what is taken for granted about the dates of a table, so that a person can be told."""

from collections import Counter
from collections.abc import Collection, Iterable
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from ordersite.importing.sources.values import BadValue, read_clock


class Assumption(StrEnum):
    """What a date does not say itself, so that the importer has to assume it."""

    CENTURY = "years_of_two_digits"
    MIDNIGHT = "dates_without_time"
    FIRST_HOUR = "times_in_a_repeated_hour"
    LEFT_OUT = "times_that_clocks_leave_out"


class Assumptions:
    """How many rows need each assumption, for each order of dates that is still possible."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, Assumption]] = Counter()

    def count(self, text: str, orders: Collection[str], zone: ZoneInfo) -> None:
        """Count the date of a row, as it is read in each of these `orders`."""
        for order in orders:
            for assumption in _needed(text, order, zone):
                self._counts[order, assumption] += 1

    def of(self, orders: Iterable[str]) -> dict[Assumption, int]:
        """Return how many dates need each assumption if they are read in these orders."""
        sums = {each: sum(self._counts[order, each] for order in orders) for each in Assumption}
        return {each: count for each, count in sums.items() if count}


@lru_cache(maxsize=5000)  # the lines of an invoice have the same time, read in three orders
def _needed(text: str, order: str, zone: ZoneInfo) -> tuple[Assumption, ...]:
    try:
        clock = read_clock(text, order)
    except BadValue:  # the row is quarantined, with this reason
        return ()
    needed = [] if clock.has_century else [Assumption.CENTURY]
    if not clock.has_time:
        needed.append(Assumption.MIDNIGHT)
    if not clock.offset:
        local = clock.local.replace(tzinfo=zone)
        first, second = local.utcoffset(), local.replace(fold=1).utcoffset()
        if first is not None and second is not None and first != second:
            needed.append(Assumption.FIRST_HOUR if first > second else Assumption.LEFT_OUT)
    return tuple(needed)
