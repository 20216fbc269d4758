"""A task that does nothing, to measure what a task costs. The benchmarks' settings register this module."""

from celery import shared_task


@shared_task(ignore_result=False)
def noop() -> None:
    """Do nothing."""
