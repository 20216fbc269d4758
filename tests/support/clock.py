"""The moment at which the events of the tests begin."""

from datetime import UTC, datetime

AT = datetime(2011, 3, 30, 21, 30, tzinfo=UTC)  # 22:30 in the shop's time zone: two hours later it is the next day
