"""The threads of a web process that run the WSGI application."""

import threading
from collections.abc import Callable
from queue import SimpleQueue

Job = Callable[[], None]


class Threads:
    """At most `most` threads, started when they are needed. They end with the process, whatever they do.

    The executor of the standard library would wait for them, so an open event stream would hold up a stop.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._started = 0
        self._free = threading.Semaphore(0)
        self._jobs: SimpleQueue[Job] = SimpleQueue()

    def submit(self, job: Job) -> None:
        """Run a job, which must not raise, on a thread that is or becomes free. Called by one thread only."""
        self._jobs.put(job)
        if self._free.acquire(blocking=False) or self._started == self._most:
            return
        self._started += 1
        threading.Thread(target=self._work, name=f"request-{self._started}", daemon=True).start()

    def _work(self) -> None:
        while True:
            self._jobs.get()()
            self._free.release()
