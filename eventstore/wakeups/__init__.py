"""Wake Celery workers after a commit, by deduplicated wake-up messages that go straight to the broker.

The messages carry no data. Each listener decides which tasks are woken.
"""
