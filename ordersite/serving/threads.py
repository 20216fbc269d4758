"""The threads of a web process that run the WSGI application, and the share of them that one client can have."""

import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable

from ordersite.serving.clients import Client

Job = Callable[[], None]


class Threads:
    """At most `most` threads, started when they are needed. They end with the process, whatever they do.

    One client has at most `each` of them, and all clients at one address at most what `each` leaves. What is beyond a
    share waits, and clients take turns. So a client whose requests take long waits for itself, and for nobody else.

    The executor of the standard library would wait for its threads, so an open event stream would hold up a stop.
    """

    def __init__(self, most: int, *, each: int | None = None) -> None:
        self._most = most
        self._each = most if each is None else min(each, most)
        self._each_address = max(self._each, most - self._each) if each is not None else most
        self._changed = threading.Condition()
        self._started = self._idle = 0
        self._jobs: OrderedDict[Client, deque[Job]] = OrderedDict()
        self._waiting: Counter[str] = Counter()
        self._running: Counter[str] = Counter()

    def submit(self, job: Job, client: Client) -> None:
        """Run a job, which must not raise, on a thread that is or becomes free, when it is the client's turn."""
        with self._changed:
            self._jobs.setdefault(client, deque()).append(job)
            self._waiting[client.name] += 1
            if not self._wake() and self._started < self._most:
                self._started += 1
                threading.Thread(target=self._work, name=f"request-{self._started}", daemon=True).start()

    def waiting(self, client: Client) -> int:
        """Return how many jobs of a client wait for a thread."""
        with self._changed:
            return self._waiting[client.name]

    def _work(self) -> None:
        while True:
            with self._changed:
                while (taken := self._take()) is None:
                    self._idle += 1
                    self._changed.wait()
                if self._jobs:
                    self._wake()  # the end of one job may allow two others
            job, client = taken
            job()
            del job, taken  # with the answer, which may be large
            with self._changed:
                _subtract(self._running, client.name)
                _subtract(self._running, client.place)

    def _wake(self) -> bool:
        """Wake a thread that waits for a job. Return False if there is none."""
        if not self._idle:
            return False
        self._idle -= 1  # here, so that no thread is counted on twice
        self._changed.notify()
        return True

    def _take(self) -> tuple[Job, Client] | None:
        """Take the next job of the first client that may have another thread; the client then goes to the end."""
        for client, jobs in self._jobs.items():
            if self._running[client.name] < self._each and self._running[client.place] < self._each_address:
                job = jobs.popleft()
                if jobs:
                    self._jobs.move_to_end(client)
                else:
                    del self._jobs[client]
                _subtract(self._waiting, client.name)
                self._running.update((client.name, client.place))
                return job, client
        return None


def _subtract(counter: Counter[str], name: str) -> None:
    """Count one less, and forget a name with none."""
    counter[name] -= 1
    if not counter[name]:
        del counter[name]
