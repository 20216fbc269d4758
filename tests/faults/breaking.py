"""Break a running site: kill any part of it with -9, and lose, repeat or shuffle messages of the broker."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import psycopg
import redis

from ordersite.devstack.processes import EmbeddedError, owner
from ordersite.devstack.servers import Services
from tests.support.running import Running

QUEUES = ("celery", "catch_up", "outside")  # the broker's lists of waiting messages
RESTARTS = 3  # of a process in a minute: the supervisor gives up a process that dies more often
MEDDLING_SECONDS = 0.4  # how long the queues are changed again and again, because messages wait for milliseconds only


@dataclass
class Breaker:
    """Breaks a site in an order that depends only on the seed, and counts the faults."""

    running: Running
    seed: int
    done: "Counter[str]" = field(default_factory=Counter)
    _killed: dict[str, list[float]] = field(default_factory=dict)
    _seen: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        # A separate generator: the number of its draws depends on timing, and must not change the order of the faults.
        self.details = random.Random(f"{self.seed}/details")

    @property
    def services(self) -> Services:
        """Return the site's PostgreSQL and Valkey."""
        return Services(self.running.state)

    def run_until(self, is_over: Callable[[], bool], *, pause: tuple[float, float] = (0.2, 1.5)) -> None:
        """Cause one fault after another until `is_over`. Everything runs again at the end."""
        faults: list[Callable[[], None]] = [
            *(lambda name=name: self.kill_process(name) for name in ("worker", "worker", "catch-up", "beat", "web")),
            *(self.kill_postgres, self.kill_backend, self.kill_valkey),
            *(self.lose_messages, self.double_messages, self.shuffle_messages),
        ]
        chance = random.Random(self.seed)
        while not is_over():
            chance.shuffle(faults)
            for fault in faults:
                if is_over():
                    break
                fault()
                time.sleep(chance.uniform(*pause))

    def kill_process(self, name: str) -> None:
        """Kill a process with its children. The supervisor starts it again."""
        recent = [moment for moment in self._killed.get(name, []) if moment > time.monotonic() - 60]
        if len(recent) >= RESTARTS:
            return
        with suppress(ProcessLookupError):  # it died of another fault, and does not run yet
            os.killpg(self.running.pid_of(name), signal.SIGKILL)
            self._killed[name] = [*recent, time.monotonic()]
            self.done[f"kill -9 {name}"] += 1

    def kill_postgres(self) -> None:
        """Kill the whole server, and start it after a moment."""
        data = self.services.state / "pg"
        self._kill_server(owner(data / "postmaster.pid", str(data)), "postgres")

    def kill_valkey(self) -> None:
        """Kill the whole server, and start it after a moment."""
        self._kill_server(owner(self.services.state / "valkey.pid", "valkey-server"), "valkey")

    def kill_backend(self) -> None:
        """Kill the process of one connection. PostgreSQL then ends all connections and recovers."""
        query = (
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            " ORDER BY backend_start"
        )
        with suppress(psycopg.OperationalError, ProcessLookupError):
            with psycopg.connect(self.services.database_url, connect_timeout=5) as connection:
                pids = [pid for (pid,) in connection.execute(query)]
            if pids:
                os.kill(self.details.choice(pids), signal.SIGKILL)
                self.done["kill -9 a PostgreSQL backend"] += 1

    def lose_messages(self) -> None:
        """Delete waiting messages."""

        def lose(broker: "redis.Redis", queue: str) -> int:
            return len(broker.lpop(queue, 100) or ())

        self._meddle("messages lost", lose)

    def double_messages(self) -> None:
        """Send waiting and earlier messages again."""

        def double(broker: "redis.Redis", queue: str) -> int:
            waiting: Any = broker.lrange(queue, 0, 20)
            self._seen = [*self._seen, *waiting][-50:]
            again = [*waiting, *self.details.sample(self._seen, min(len(self._seen), 2))]
            return broker.lpush(queue, *again) and len(again) if again else 0

        self._meddle("messages doubled", double)

    def shuffle_messages(self) -> None:
        """Change the order of waiting messages."""

        def shuffle(broker: "redis.Redis", queue: str) -> int:
            waiting: Any = broker.lpop(queue, 100) or []
            self._seen = [*self._seen, *waiting][-50:]
            self.details.shuffle(waiting)
            return broker.rpush(queue, *waiting) and len(waiting) if waiting else 0

        self._meddle("messages shuffled", shuffle)

    def _meddle(self, name: str, how: Callable[["redis.Redis", str], int]) -> None:
        broker = redis.Redis.from_url(self.services.redis_url, socket_timeout=2)
        until = time.monotonic() + MEDDLING_SECONDS
        with suppress(redis.RedisError):
            while time.monotonic() < until:
                self.done[name] += sum(how(broker, queue) for queue in QUEUES)
                time.sleep(0.002)

    def _kill_server(self, pid: int | None, name: str) -> None:
        if pid is None:
            return
        os.kill(pid, signal.SIGKILL)
        self.done[f"kill -9 {name}"] += 1
        time.sleep(self.details.uniform(0, 1.5))  # the time without the server
        for attempt in range(3):
            try:
                self.services.start({name})
                return
            except EmbeddedError:
                if attempt == 2:
                    raise
