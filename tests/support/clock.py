from datetime import UTC, datetime

AT = datetime(2011, 3, 30, 21, 30, tzinfo=UTC)  # 22:30 in the shop: two hours later it is another day
