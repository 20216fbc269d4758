"""The processes of the web server: started from one parent, replaced when they end, stopped together.

uvicorn's own supervisor asks each process for a sign of life, and is deaf to signals until the answer comes. This one
waits for the processes themselves.
"""

import logging
import multiprocessing
import os
import signal
import socket
import threading
import time
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess

from uvicorn import Config, Server
from uvicorn.config import STARTUP_FAILURE

PAUSE_SECONDS = 0.5  # before a process is replaced, so that one which always ends at once does not use up a processor
STOP_SPARE_SECONDS = 3  # for a stop, in addition to the time that requests are given
logger = logging.getLogger(__name__)


class Processes:
    """The processes that serve one listening socket."""

    def __init__(self, config: Config, listener: socket.socket) -> None:
        self._config, self._listener = config, listener
        self._stopping = False
        self._running: list[SpawnProcess] = []

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT. Return the exit status: not 0 if the application cannot be loaded.

        SIGHUP replaces all processes by new ones, after each has answered its requests.
        """
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self._stop)
        signal.signal(signal.SIGHUP, self._replace)
        status = 0
        self._running = [self._start() for _ in range(self._config.workers)]
        while not self._stopping:
            wait([each.sentinel for each in self._running], timeout=PAUSE_SECONDS)
            ended = [each for each in self._running if each.exitcode is not None]
            if any(each.exitcode == STARTUP_FAILURE for each in ended):
                status, self._stopping = STARTUP_FAILURE, True
            elif ended and not self._stopping:
                time.sleep(PAUSE_SECONDS)
                self._running = [self._successor(each) for each in self._running]
        self._end()
        return status

    def _start(self) -> SpawnProcess:
        process = multiprocessing.get_context("spawn").Process(
            target=_serve, args=(self._config, self._listener), daemon=True
        )
        process.start()
        return process

    def _successor(self, process: SpawnProcess) -> SpawnProcess:
        """Return the process, or if it has ended a new one."""
        if process.exitcode is None or self._stopping:
            return process
        logger.info("web process %s ended (%s); starting another", process.pid, process.exitcode)
        return self._start()

    def _end(self) -> None:
        for process in self._running:
            process.terminate()
        deadline = time.monotonic() + (self._config.timeout_graceful_shutdown or 0) + STOP_SPARE_SECONDS
        for process in self._running:
            process.join(max(0, deadline - time.monotonic()))
            if process.exitcode is None:
                process.kill()

    def _stop(self, *signal_and_frame: object) -> None:
        self._stopping = True

    def _replace(self, *signal_and_frame: object) -> None:
        for process in self._running:
            process.terminate()


def configure_logging() -> None:
    """Write the log of this process to standard error."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")


def _serve(config: Config, listener: socket.socket) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    configure_logging()  # until the application does it
    config.configure_logging()  # the parent's has no effect here: without this, each request would be logged
    Server(config).run(sockets=[listener])


def _end_with_parent() -> None:
    """Stop this process if its parent is killed: nothing would stop it later, and it would keep the port."""
    parent = multiprocessing.parent_process()
    assert parent
    wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
