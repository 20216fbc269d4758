"""The times that the log accepts can be shown in any time zone, and one can add to them."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from eventstore.errors import LimitExceeded
from eventstore.limits import times

ACCEPTED = some.datetimes(
    min_value=times.EARLIEST.replace(tzinfo=None),
    max_value=times.LATEST.replace(tzinfo=None) - timedelta.resolution,
    timezones=some.just(UTC),
)


@given(ACCEPTED, some.integers(min_value=-24 * 60 + 1, max_value=24 * 60 - 1))
def test_an_accepted_time_can_be_shown_in_any_time_zone(moment: datetime, minutes: int) -> None:
    assert times.require_accepted(moment).astimezone(timezone(timedelta(minutes=minutes))) == moment


@pytest.mark.parametrize(
    "moment",
    [
        datetime.min.replace(tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
        datetime.min.replace(tzinfo=ZoneInfo("Asia/Tokyo")),
        datetime.max.replace(tzinfo=ZoneInfo("America/New_York")),
        datetime.fromisoformat("9999-12-31T23:59:59.999999-12:00"),
        datetime.fromisoformat("0001-01-01T00:00:00+14:00"),
        times.EARLIEST - timedelta.resolution,
        times.LATEST,
    ],
    ids=str,
)
def test_a_sentinel_date_is_refused(moment: datetime) -> None:
    with pytest.raises(LimitExceeded, match="the date must be in the years 1900 to 2199: correct it"):
        times.require_accepted(moment)
