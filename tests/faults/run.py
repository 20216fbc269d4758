"""`make faults SEED=7 SECONDS=120`: break a running site in random order while clients write, then check the result.

The seed decides the order of the faults and what the clients send. Each acknowledged command must have exactly its
events, and every read model must equal a fresh fold of the log.
"""

import argparse
import random
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.breaking import Breaker
from tests.faults.looking import database, end_of_log, events_of_orders, find_problems, wait_until_caught_up
from tests.faults.writing import Writer
from tests.support.running import Running

WRITERS = 3
MOST_TIMES_LONGER = 8  # than asked for, until the clients have done enough commands
ALONE = {"APPROVAL_LIMITS": "GBP=1000000000"}  # one person requests and approves each refund of a run


@dataclass
class Outcome:
    """What a run did, and the problems after it."""

    seed: int
    seconds: float
    orders: int = 0
    commands: int = 0
    sent_again: int = 0
    caught_up_after: float = 0
    faults: "Counter[str]" = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [
            f"seed {self.seed}: {self.seconds:.0f} s of faults, {WRITERS} clients",
            f"  {self.commands:,} commands of {self.orders:,} orders done; {self.sent_again:,} requests sent again",
            f"  the read models had caught up {self.caught_up_after:.1f} s after the last command",
        ]
        lines += [f"  {name}: {count:,}" for name, count in sorted(self.faults.items())]
        return "\n".join([*lines, *(f"FAILED: {problem}" for problem in self.problems)])


def run(running: Running, *, seed: int, seconds: float, commands: int = 0) -> Outcome:
    """Break the site for `seconds`, and check it. Everything runs again when this returns.

    With `commands`, a slow machine gets longer: faults go on until the clients have done that many, for at most
    MOST_TIMES_LONGER times `seconds`.
    """
    with database(running) as connection:
        before = end_of_log(connection)
    auths = {who: {"Authorization": f"Token {token}"} for who, token in running.tokens().items()}
    writers = [
        Writer(running, auths, f"{seed}-{number}", random.Random(f"{seed}/{number}")) for number in range(WRITERS)
    ]
    over = threading.Event()
    clients = [threading.Thread(target=writer.work, args=(over,)) for writer in writers]
    breaker = Breaker(running, seed)
    started = time.monotonic()
    for client in clients:
        client.start()
    try:
        breaker.run_until(lambda: _is_over(writers, time.monotonic() - started, seconds, commands))
    finally:
        over.set()
        for client in clients:
            client.join()
    outcome = Outcome(
        seed=seed,
        seconds=time.monotonic() - started,
        orders=sum(len(writer.orders) for writer in writers),
        commands=_done(writers),
        sent_again=sum(writer.sent_again for writer in writers),
        faults=breaker.done,
    )
    outcome.problems += [writer.problem for writer in writers if writer.problem]
    _check(running, before, {key: types for writer in writers for key, types in writer.orders.items()}, outcome)
    return outcome


def _is_over(writers: list[Writer], elapsed: float, seconds: float, commands: int) -> bool:
    """Say whether the faults lasted for `seconds` and the clients did enough, or it makes no sense to go on."""
    if elapsed < seconds:
        return False
    enough = _done(writers) >= commands or any(writer.problem for writer in writers)
    return enough or elapsed > MOST_TIMES_LONGER * seconds


def _done(writers: list[Writer]) -> int:
    """Return how many commands were acknowledged. The clients may still be writing."""
    return sum(len(types) for writer in writers for types in list(writer.orders.values()))


def _check(running: Running, before: int, expected: dict[str, list[str]], outcome: Outcome) -> None:
    """Compare the log with what was acknowledged, and add the problems to the outcome."""
    with database(running) as connection:
        outcome.caught_up_after = wait_until_caught_up(connection)
        logged = events_of_orders(connection, before)
        for order_id in sorted(expected.keys() | logged.keys()):
            acknowledged, stored = expected.get(order_id, []), logged.get(order_id, [])
            if acknowledged != stored:
                outcome.problems.append(f"order {order_id}: acknowledged {acknowledged}, in the log {stored}")
        outcome.problems += find_problems(running, connection, before)


def main() -> None:
    """Run the faults on a new site, and print the outcome."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--seconds", type=float, default=120)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ordersite-faults-") as folder:
        site = Running(Path(folder) / "state", more=ALONE).start()
        try:
            outcome = run(site, seed=arguments.seed, seconds=arguments.seconds)
        finally:
            site.stop()
    print(outcome)
    if outcome.problems:
        raise SystemExit(1)
    print("every acknowledged command has exactly its events, and every read model equals the log")


if __name__ == "__main__":
    main()
