"""The lag of read models, through Celery: under light load, and under half of the largest possible load.

Lag is the time from the commit of the events, before any worker is woken, until a reader that listens in Valkey, as
`min_version` does, finds the row in the database.
"""

import itertools
import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event as Begun
from statistics import median, quantiles
from uuid import UUID

from django.db import connection, connections, models, transaction

from benchmarks.harness import Options, Ratio, Report, Timing, at_most, interleave
from benchmarks.noop import noop
from benchmarks.working import working
from benchmarks.writers import side_by_side
from eventstore import store
from eventstore.dispatch import Context, dispatch
from eventstore.ids import new_id
from eventstore.models import ConsumerCheckpoint, Event
from eventstore.sql import cursor
from orders import commands as c
from projections.customer.orders import CustomerOrder
from projections.engine.checkpoints import LIVE, Checkpoint, DriftFlag, ParkedEvent
from projections.engine.projection import PROJECTIONS
from projections.monitoring import drift
from projections.reading.notify import any_row_channel
from projections.reading.read_your_writes import subscribe, unsubscribe, wait_for_message
from projections.staff.orders import StaffOrder

COMMANDS = 40  # in each round, under light load
PAUSE_SECONDS = 0.02  # between two commands
LOADED_SECONDS = 15.0
WRITERS = 4
WARM_UP = 20  # commands before the measurement
PATIENCE_SECONDS = 20.0  # for a read model to show a version
SAMPLE = 200  # aggregates that are compared with the log at the end
VIEWS: dict[str, type[models.Model]] = {"staff": StaffOrder, "customer": CustomerOrder}

_fork = multiprocessing.get_context("fork")


class NotShown(RuntimeError):
    """A read model does not show a committed version after PATIENCE_SECONDS."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A command, its order, and the order's version after it."""

    command: object
    order_id: UUID
    version: int


def run(options: Options) -> Report:
    """Run the benchmark."""
    most = side_by_side(_writer(pause=0), seconds=2).rate
    with working():
        _wait_until_caught_up()
        for view in VIEWS:
            _lags(view, WARM_UP)
        timings = interleave(
            {
                "ours": lambda: _lags("staff", COMMANDS),
                "noop_task": _round_trips,
                "the customers' view": lambda: _lags("customer", COMMANDS),
            }
        )
        light = median(lag for each in timings["ours"] for lag in each.latencies)
        loaded, load = _loaded(WRITERS / (most / 2))
        level_after = _wait_until_caught_up()
    rounds = zip(timings["ours"], timings["noop_task"], strict=True)
    return Report(
        bench="lag",
        what="From the commit of a single command's events to the row that shows them, through Celery.",
        unit="commands/s",
        sides=timings | {f"ours, at {load:.0f} commands/s": [loaded]},
        ratios={
            "noop_task": Ratio(
                [median(ours.latencies) / median(noops.latencies) for ours, noops in rounds], at_most(1.5)
            ),
            "p99_under_load": Ratio([_p99(loaded) / median(loaded.latencies)], at_most(10)),
        },
        checks=_checks(),
        figures={
            "the most that could be appended, commands/s": round(most),
            "level after the last command, s": round(level_after, 2),
            "p99 under load, of the p50 at light load": round(_p99(loaded) / light, 1),
        },
        notes=[
            "noop_task: from sending a task to its answer, with the same worker; the ratio is of medians.",
            "p99_under_load: the staff read model at half the rate of eight writers, compared with its p50 then.",
        ],
    )


def _lags(view: str, commands: int) -> Timing:
    """Send one command after another, and wait for each in this read model."""
    subscription, work, latencies = subscribe([any_row_channel(view)]), _commands(), []
    start = time.perf_counter()
    try:
        for _ in range(commands):
            latencies.append(_lag(view, subscription, next(work)))
            time.sleep(PAUSE_SECONDS)
    finally:
        unsubscribe(subscription)
    return Timing(commands, time.perf_counter() - start, latencies)


def _lag(view: str, subscription: object, sent: Sent) -> float:
    """Send a command; return the seconds until the read model shows it. Raises NotShown."""
    committed: list[float] = []
    with transaction.atomic():
        transaction.on_commit(lambda: committed.append(time.perf_counter()))  # before the workers are woken
        dispatch(sent.command, Context(actor="customer:1"))
    while not _shows(view, sent):
        if time.perf_counter() > committed[0] + PATIENCE_SECONDS:
            raise NotShown(f"{view} does not show version {sent.version} of {sent.order_id}")
        wait_for_message(subscription, 1)
    return time.perf_counter() - committed[0]


def _shows(view: str, sent: Sent) -> bool:
    table = VIEWS[view]._meta.db_table
    with cursor() as opened:
        opened.execute(f"SELECT version FROM {table} WHERE order_id = %s", (sent.order_id,), prepare=True)
        return bool((opened.fetchone() or (0,))[0] >= sent.version)


def _commands() -> Iterator[Sent]:
    """Orders of three lines, each paid for."""
    lines = tuple(
        c.NewLine(sku=f"MUG-{number}", name="Stoneware mug", quantity=2, unit_price=Decimal("9.95"))
        for number in range(3)
    )
    while True:
        order_id = new_id()
        order = c.CreateOrder(
            order_id=order_id,
            customer_id=new_id(),
            customer_name="Ada Lovelace",
            customer_email="ada@example.org",
            currency="GBP",
            lines=lines,
            country="France",
        )
        yield Sent(order, order_id, 1)
        yield Sent(c.PayOrder(order_id=order_id, amount=Decimal("59.70"), payment_method="card"), order_id, 2)


def _writer(pause: float, begun: Begun | None = None) -> Callable[[], AbstractContextManager[Callable[[], object]]]:
    """Return a writer that sends one command every `pause` seconds."""

    @contextmanager
    def opened() -> Iterator[Callable[[], object]]:
        work, due = _commands(), itertools.count(time.perf_counter(), pause)

        def one() -> None:
            time.sleep(max(0.0, next(due) - time.perf_counter()))
            dispatch(next(work).command, Context(actor="customer:1"))
            if begun:
                begun.set()

        yield one
        connection.close()

    return opened


def _round_trips() -> Timing:
    latencies = []
    start = time.perf_counter()
    for _ in range(COMMANDS):
        sent = time.perf_counter()
        noop.delay().get(timeout=PATIENCE_SECONDS)
        latencies.append(time.perf_counter() - sent)
        time.sleep(PAUSE_SECONDS)
    return Timing(COMMANDS, time.perf_counter() - start, latencies)


def _loaded(pause: float) -> tuple[Timing, float]:
    """Return the lag of the staff read model while writers append at this pace, and the commands per second."""
    connections.close_all()  # a connection must not be shared with a child
    parent, child = _fork.Pipe()
    begun = _fork.Event()
    sampler = _fork.Process(target=_sample, args=(begun, child), daemon=True)
    sampler.start()
    load = side_by_side(_writer(pause, begun), writers=WRITERS, seconds=LOADED_SECONDS)
    parent.send("over")
    lags: Timing = parent.recv()
    sampler.join()
    return lags, load.rate + lags.rate


def _sample(begun: Begun, pipe: Connection) -> None:
    """Sample the lag once there is load: the writers' processes take seconds to start."""
    begun.wait(PATIENCE_SECONDS)
    rounds = []
    while not pipe.poll():
        rounds.append(_lags("staff", 5))
    lags = [lag for each in rounds for lag in each.latencies]
    pipe.send(Timing(len(lags), sum(each.seconds for each in rounds), lags))
    connections.close_all()


def _p99(timing: Timing) -> float:
    return quantiles(timing.latencies, n=100)[98]


def _wait_until_caught_up() -> float:
    """Wait until all read models and processes have caught up. Return the seconds. Raises NotShown."""
    start = time.perf_counter()
    while not _is_caught_up():
        if time.perf_counter() > start + PATIENCE_SECONDS:
            raise NotShown("the read models do not catch up")
        time.sleep(0.02)
    return time.perf_counter() - start


def _is_caught_up() -> bool:
    latest = store.latest_position()
    caught_up = Checkpoint.objects.filter(space=LIVE, position__gte=latest, level_at__isnull=False).count()
    processes = ConsumerCheckpoint.objects.filter(name__startswith="process:", position__lt=latest)
    return caught_up == len(PROJECTIONS) and not processes.exists()


def _checks() -> dict[str, bool]:
    placed = Event.objects.filter(event_type="order.created").count()
    handled = dict(Checkpoint.objects.filter(space=LIVE).values_list("projection", "events"))
    logged = {
        name: Event.objects.filter(event_type__in=projection.event_types).count()
        for name, projection in PROJECTIONS.items()
    }
    for projection in PROJECTIONS.values():
        drift.look_for_drift(projection, count=SAMPLE)
    return {
        f"{placed:,} orders were placed, and each read model of orders has as many rows": {
            view._default_manager.count() for view in VIEWS.values()
        }
        == {placed},
        "every read model handled each of its events once, and parked none": handled == logged
        and not ParkedEvent.objects.exists(),
        f"rows of {SAMPLE} aggregates of each read model equal a fold of the log": not DriftFlag.objects.exists(),
    }
