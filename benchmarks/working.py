"""Start a worker and beat, as `make run` does, for a benchmark."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from celery import current_app

from benchmarks.scratch import STATE
from ordersite.devstack import supervisor

START_SECONDS = 60


class WorkerSilent(RuntimeError):
    """The worker did not start; its log says why."""


@contextmanager
def working() -> Iterator[None]:
    """Run a Celery worker and beat; begin once the worker answers. Raises WorkerSilent."""
    started = [_start(command, name) for name, command in supervisor.celery_commands(STATE).items()]
    try:
        deadline = time.monotonic() + START_SECONDS
        while not current_app.control.ping(timeout=0.5):
            if time.monotonic() > deadline or any(process.poll() is not None for process in started):
                raise WorkerSilent(f"the worker does not answer; see {STATE}/worker.log")
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()


def _start(command: list[str], name: str) -> "subprocess.Popen[bytes]":
    with (STATE / f"{name}.log").open("wb") as log:
        return subprocess.Popen(  # noqa: S603 - our own commands
            command,
            cwd=supervisor.ROOT,
            env=os.environ | {"DJANGO_SETTINGS_MODULE": "benchmarks.worker_settings"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
