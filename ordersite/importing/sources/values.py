"""Read numbers, times and identifiers that were written by people and programs of several countries."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

DATE_ORDERS = {"dmy": "day first", "mdy": "month first", "ymd": "year first"}
DECIMALS = {".": "point", ",": "comma"}
SIGNS = {"GBP": "£", "EUR": "€", "USD": "$", "JPY": "¥", "RUB": "₽", "BRL": "R$"}
_CACHED = 10_000  # parsed texts

_GROUPED = r"[1-9]\d{{0,2}}(?P<group>[{groups} \u00a0\u202f'\u2019])\d{{3}}(?:(?P=group)\d{{3}})*"
_NUMBERS = {
    point: re.compile(
        rf"(?P<sign>[-+\u2212]?)(?P<units>{_GROUPED.format(groups=group)}|\d+|(?=[{point}]\d))"
        rf"(?:[{point}](?P<fraction>\d*))?(?P<exponent>[eE][-+]?\d{{1,3}})?",
        re.ASCII,
    )
    for point, group in ((".", ","), (",", "."))
}
_DATE = re.compile(r"(\d{1,4})([-/.])(\d{1,2})\2(\d{1,4})", re.ASCII)
_TIME = re.compile(
    r"(?:T|,? +)(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,6})\d*)?)?(?: ?([AaPp])\.?[Mm]\.?)? ?(Z|[-+]\d{2}:?\d{2})?",
    re.ASCII,
)
_WHOLE_AS_FLOAT = re.compile(r"(\d+)([.,])(0+)", re.ASCII)
_ROUNDED = re.compile(r"\d(?:[.,]\d+)?E\+\d+", re.ASCII)


class BadValue(ValueError):
    """A text is not the value that is expected. The message says why."""


@lru_cache(maxsize=_CACHED)
def read_number(text: str, decimal: str, currency: str = "") -> Decimal:
    """Return the number. `decimal` is the decimal sign; a sign or code of `currency` may stand beside the number.

    Digits may be in groups of three. Raises BadValue.
    """
    bare = text.strip()
    if currency:
        for sign in (SIGNS.get(currency, currency), currency):
            bare = bare.removeprefix(sign).removesuffix(sign).strip()
            bare = bare.replace(f"-{sign}", "-", 1)
    match = _NUMBERS[decimal].fullmatch(bare)
    if match is None:
        raise BadValue("is not a number")
    units = re.sub(r"\D", "", match["units"])
    sign = "-" if match["sign"] in {"-", "\u2212"} else ""
    return Decimal(f"{sign}{units or 0}.{match['fraction'] or 0}{match['exponent'] or ''}")


def number_readings(text: str, currency: str = "") -> dict[str, Decimal]:
    """Return what the text is with each decimal sign."""
    readings: dict[str, Decimal] = {}
    for decimal in DECIMALS:
        try:
            readings[decimal] = read_number(text, decimal, currency)
        except BadValue:
            continue
    return readings


def date_readings(text: str) -> dict[str, date]:
    """Return which day the text is in each order of day, month and year."""
    match = _DATE.match(text.strip())
    if match is None:
        return {}
    first, _, second, third = match.groups()
    return {order: day for order in DATE_ORDERS if (day := _day(first, second, third, order)) is not None}


def _day(first: str, second: str, third: str, order: str) -> date | None:
    """Return the day, or None. A year of four digits says where it is; two digits are 2000 to 2099."""
    if len(first) == 4 or order == "ymd":
        year, month, day = first, second, third
    elif order == "mdy":
        month, day, year = first, second, third
    else:
        day, month, year = first, second, third
    if len(year) not in {2, 4} or len(month) > 2 or len(day) > 2:
        return None
    try:
        return date(int(year) + (2000 if len(year) == 2 else 0), int(month), int(day))
    except ValueError:
        return None


@lru_cache(maxsize=1000)  # the lines of an invoice have the same time
def read_moment(text: str, order: str, zone: ZoneInfo) -> datetime:
    """Return the time, in `zone`. A time with an offset of its own is converted, and a day alone begins at 00:00.

    Without an `order`, only dates that begin with a year of four digits are read. An hour that the clocks repeat is the
    first one. Raises BadValue.
    """
    written = read_clock(text, order)
    return _placed(written.local, written.offset, zone)


class Clock(NamedTuple):
    """A time as it is written, before it has a time zone. `offset` is the one from UTC, if the text has one."""

    local: datetime
    offset: str | None
    has_time: bool
    has_century: bool


def read_clock(text: str, order: str) -> Clock:
    """Return the time as it is written. Raises BadValue."""
    bare = text.strip()
    match = _DATE.match(bare)
    day = date_readings(bare).get(order or "ymd") if match else None
    if match is None or day is None or (not order and len(match[1]) != 4):
        raise BadValue("cannot be read")
    has_century = len(match[1]) == 4 or len(match[4]) == 4
    rest = bare[match.end() :]
    if not rest:
        return Clock(datetime(day.year, day.month, day.day), None, False, has_century)  # noqa: DTZ001 - see Clock
    time = _TIME.fullmatch(rest)
    if time is None:
        raise BadValue("cannot be read")
    hour, minute, second, fraction, half, offset = time.groups()
    hours = int(hour)
    if half:
        if not 1 <= hours <= 12:
            raise BadValue("cannot be read")
        hours = hours % 12 + (12 if half in "Pp" else 0)
    try:
        local = datetime(  # noqa: DTZ001 - see Clock
            day.year, day.month, day.day, hours, int(minute), int(second or 0), int((fraction or "0").ljust(6, "0"))
        )
    except ValueError:
        raise BadValue("cannot be read") from None
    return Clock(local, offset, True, has_century)


def _placed(local: datetime, offset: str | None, zone: ZoneInfo) -> datetime:
    moment = local.replace(tzinfo=zone)
    try:
        if offset:
            shift = timedelta(0) if offset == "Z" else timedelta(hours=int(offset[1:3]), minutes=int(offset[-2:]))
            return local.replace(tzinfo=timezone(-shift if offset[0] == "-" else shift)).astimezone(zone)
        exists = moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == local
    except (ValueError, OverflowError):  # an offset of a day or more, or the first or last day of the calendar
        raise BadValue("cannot be read") from None
    if not exists:
        raise BadValue(f"does not exist: the clocks of {zone.key} went forward")
    return moment


@lru_cache(maxsize=_CACHED)
def read_identifier(text: str, decimal: str) -> str:
    """Return a number or code without spaces around it. Programs write 17850 as 17850.0, and both are the same.

    `decimal` is the decimal sign of the file. Another sign before three zeros divides thousands, so the text stays as
    it is. Raises BadValue for 1.7E+10, of which a spreadsheet dropped the last digits.
    """
    bare = text.strip()
    if (whole := _WHOLE_AS_FLOAT.fullmatch(bare)) and (whole[2] == decimal or len(whole[3]) != 3):
        return whole[1]
    if _ROUNDED.fullmatch(bare):
        raise BadValue("was rounded by a spreadsheet")
    return bare
