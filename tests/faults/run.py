"""`make faults SEED=7 SECONDS=120`: break a running site in random order while clients write; does all of it hold?

The seed decides what is broken in which order, and what the clients send. It prints what it did and what it found;
each acknowledged command must have exactly its events, and every view must be what a fresh fold of the log makes.
"""

import argparse
import random
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from ordersite.embedded import Services
from tests.faults.breaking import Breaker
from tests.faults.writing import Writer
from tests.stack.running import Running

WRITERS = 3
LEVEL_SECONDS = 60  # after the last fault, until the views show everything

COUNTS = {  # what none of there may be; `before` is where the log ended when the run began
    "events parked": "SELECT count(*) FROM projections_parkedevent",
    "flags of drift": "SELECT count(*) FROM projections_driftflag",
    "aggregates with a gap between versions": """
        SELECT count(*) FROM (SELECT FROM events GROUP BY aggregate_id HAVING max(version) <> count(*)) gaps""",
    "commands without a receipt": """
        SELECT count(*) FROM events LEFT JOIN command_receipts receipt
            ON receipt.command_id = (metadata->>'command_id')::uuid
         WHERE position > %(before)s AND receipt.command_id IS NULL""",
    "commands done twice": """
        SELECT count(*) FROM (
            SELECT FROM events WHERE position > %(before)s
             GROUP BY metadata->>'command_id' HAVING count(*) > 1) twice""",
}


@dataclass
class Outcome:
    """What a run did, and what does not hold after it."""

    seed: int
    seconds: float
    orders: int = 0
    commands: int = 0
    sent_again: int = 0
    level_after: float = 0
    faults: "Counter[str]" = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [
            f"seed {self.seed}: {self.seconds:.0f} s of faults, {WRITERS} clients",
            f"  {self.commands:,} commands of {self.orders:,} orders done; {self.sent_again:,} requests sent again",
            f"  the views were level {self.level_after:.1f} s after the last command",
        ]
        lines += [f"  {name}: {count:,}" for name, count in sorted(self.faults.items())]
        return "\n".join([*lines, *(f"FAILED: {problem}" for problem in self.problems)])


def run(running: Running, *, seed: int, seconds: float) -> Outcome:
    """Break `running` for so long; everything is up again when this returns."""
    with _database(running) as connection:
        ((before,),) = connection.execute("SELECT max(position) FROM events").fetchall()
    auths = {who: {"Authorization": f"Token {token}"} for who, token in running.tokens().items()}
    writers = [
        Writer(running, auths, f"{seed}-{number}", random.Random(f"{seed}/{number}")) for number in range(WRITERS)
    ]
    over = threading.Event()
    clients = [threading.Thread(target=writer.work, args=(over,)) for writer in writers]
    breaker = Breaker(running, seed)
    for client in clients:
        client.start()
    try:
        breaker.go_on_for(seconds)
    finally:
        over.set()
        for client in clients:
            client.join()
    outcome = Outcome(
        seed=seed,
        seconds=seconds,
        orders=sum(len(writer.orders) for writer in writers),
        commands=sum(len(types) for writer in writers for types in writer.orders.values()),
        sent_again=sum(writer.sent_again for writer in writers),
        faults=breaker.done,
    )
    outcome.problems += [writer.problem for writer in writers if writer.problem]
    _look(running, before, {key: types for writer in writers for key, types in writer.orders.items()}, outcome)
    return outcome


def _database(running: Running) -> "psycopg.Connection[Any]":
    return psycopg.connect(Services(running.state).database_url, autocommit=True)


def _look(running: Running, before: int, expected: dict[str, list[str]], outcome: Outcome) -> None:
    """Does everything hold that was promised?"""
    with _database(running) as connection:
        outcome.level_after = _wait_until_level(connection)
        found: dict[str, list[str]] = {}
        query = "SELECT aggregate_id::text, event_type FROM events WHERE position > %s ORDER BY position"
        for order_id, event_type in connection.execute(query, [before]):
            found.setdefault(order_id, []).append(event_type)
        for order_id in sorted(expected.keys() | found.keys()):
            acknowledged, there = expected.get(order_id, []), found.get(order_id, [])
            if acknowledged != there:
                outcome.problems.append(f"order {order_id}: acknowledged {acknowledged}, in the log {there}")
        for name, counting in COUNTS.items():
            ((count,),) = connection.execute(counting, {"before": before}).fetchall()
            if count:
                outcome.problems.append(f"{count} {name}")
    for command, bad in (("rebuild_projections", ("added", "changed")), ("check_projections", ("ought to be",))):
        arguments = ["--dry-run"] if command == "rebuild_projections" else []
        try:
            said = running.manage(command, *arguments)
        except AssertionError as error:
            said = f"{bad[0]}: {error}"
        if any(word in said for word in bad):
            outcome.problems.append(f"{command}: {said}")


def _wait_until_level(connection: "psycopg.Connection[Any]") -> float:
    """Seconds until every checkpoint of the live views stands at the end of the log."""
    started = time.monotonic()
    query = """
        SELECT min(position) >= (SELECT max(position) FROM events) FROM projections_checkpoint WHERE space = ''"""
    while connection.execute(query).fetchone() != (True,):
        if time.monotonic() > started + LEVEL_SECONDS:
            raise AssertionError(f"the views are not level {LEVEL_SECONDS} s after the last fault")
        time.sleep(0.05)
    return time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--seconds", type=float, default=120)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ordersite-faults-") as folder:
        site = Running(Path(folder) / "state").start()
        try:
            outcome = run(site, seed=asked.seed, seconds=asked.seconds)
        finally:
            site.stop()
    print(outcome)
    if outcome.problems:
        raise SystemExit(1)
    print("every acknowledged command has exactly its events, and every view is what the log says")


if __name__ == "__main__":
    main()
