"""What a task costs that does nothing. The benchmarks' settings name this module, so a worker knows it."""

from celery import shared_task


@shared_task(ignore_result=False)
def noop() -> None:
    """Sent, taken by a worker, answered."""
