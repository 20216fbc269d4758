"""Wake Celery workers after a commit: deduplicated wake-up messages, sent straight to the broker.

The messages carry no data; what the workers then do belongs to whoever registers a listener.
"""
