"""From a commit to the views that show it, by way of Celery: with little to do, and under half of all that can be done.

Lag is counted from the commit of the events, before anybody is woken, to the moment in which a reader who listens in
Valkey, as `min_version` does, has found the row in the database.
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

COMMANDS = 40  # of each round, under light load
PAUSE_SECONDS = 0.02  # between two of them
LOADED_SECONDS = 15.0
WRITERS = 4
WARMING = 20  # commands before the clock runs
PATIENCE_SECONDS = 20.0  # until a view that does not follow is given up
SAMPLE = 200  # aggregates that are compared with the log at the end
VIEWS: dict[str, type[models.Model]] = {"staff": StaffOrder, "customer": CustomerOrder}

_fork = multiprocessing.get_context("fork")


class NotShown(RuntimeError):
    """A view does not show what was committed long ago."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A command, its order, and the version that the order has after it."""

    command: object
    order_id: UUID
    version: int


def run(options: Options) -> Report:
    most = side_by_side(_writer(pause=0), seconds=2).rate
    with working():
        _wait_until_level()
        for view in VIEWS:
            _lags(view, WARMING)
        timings = interleave(
            {
                "ours": lambda: _lags("staff", COMMANDS),
                "noop_task": _round_trips,
                "the customers' view": lambda: _lags("customer", COMMANDS),
            }
        )
        light = median(lag for each in timings["ours"] for lag in each.latencies)
        loaded, load = _loaded(WRITERS / (most / 2))
        level_after = _wait_until_level()
    rounds = zip(timings["ours"], timings["noop_task"], strict=True)
    return Report(
        bench="lag",
        what="From the commit of a command's events to the row that shows them, through Celery; of single commands.",
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
            "noop_task: sent, run by the same worker, and its answer waited for; the ratio is of medians.",
            "p99_under_load: of the staff view, at half of what eight writers could append, against its p50 then.",
        ],
    )


def _lags(view: str, commands: int) -> Timing:
    """One command after another, each waited for in this view."""
    ear, work, latencies = subscribe([any_row_channel(view)]), _commands(), []
    start = time.perf_counter()
    try:
        for _ in range(commands):
            latencies.append(_lag(view, ear, next(work)))
            time.sleep(PAUSE_SECONDS)
    finally:
        unsubscribe(ear)
    return Timing(commands, time.perf_counter() - start, latencies)


def _lag(view: str, ear: object, sent: Sent) -> float:
    """Raises NotShown."""
    committed: list[float] = []
    with transaction.atomic():
        transaction.on_commit(lambda: committed.append(time.perf_counter()))  # before anybody is woken
        dispatch(sent.command, Context(actor="customer:1"))
    while not _shows(view, sent):
        if time.perf_counter() > committed[0] + PATIENCE_SECONDS:
            raise NotShown(f"{view} does not show version {sent.version} of {sent.order_id}")
        wait_for_message(ear, 1)
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
    """A process that sends one command after another, each so long after the one before was due."""

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
    """The lag of the staff view while writers append at this pace, and how many commands a second they did."""
    connections.close_all()  # a connection must not be shared with a child
    ours, theirs = _fork.Pipe()
    begun = _fork.Event()
    sampler = _fork.Process(target=_sample, args=(begun, theirs), daemon=True)
    sampler.start()
    load = side_by_side(_writer(pause, begun), writers=WRITERS, seconds=LOADED_SECONDS)
    ours.send("over")
    lags: Timing = ours.recv()
    sampler.join()
    return lags, load.rate + lags.rate


def _sample(begun: Begun, pipe: Connection) -> None:
    """Only while there is load: processes take seconds to begin after many tasks were sent from here."""
    begun.wait(PATIENCE_SECONDS)
    rounds = []
    while not pipe.poll():
        rounds.append(_lags("staff", 5))
    lags = [lag for each in rounds for lag in each.latencies]
    pipe.send(Timing(len(lags), sum(each.seconds for each in rounds), lags))
    connections.close_all()


def _p99(timing: Timing) -> float:
    return quantiles(timing.latencies, n=100)[98]


def _wait_until_level() -> float:
    """Seconds until every view and every process has read all there is. Raises NotShown."""
    start = time.perf_counter()
    while not _is_level():
        if time.perf_counter() > start + PATIENCE_SECONDS:
            raise NotShown("the views are not level")
        time.sleep(0.02)
    return time.perf_counter() - start


def _is_level() -> bool:
    latest = store.latest_position()
    marks = Checkpoint.objects.filter(space=LIVE, position__gte=latest, level_at__isnull=False).count()
    processes = ConsumerCheckpoint.objects.filter(name__startswith="process:", position__lt=latest)
    return marks == len(PROJECTIONS) and not processes.exists()


def _checks() -> dict[str, bool]:
    placed = Event.objects.filter(event_type="order.created").count()
    taken = dict(Checkpoint.objects.filter(space=LIVE).values_list("projection", "events"))
    logged = {
        name: Event.objects.filter(event_type__in=projection.event_types).count()
        for name, projection in PROJECTIONS.items()
    }
    for projection in PROJECTIONS.values():
        drift.look_for_drift(projection, count=SAMPLE)
    return {
        f"{placed:,} orders were placed, and each view of orders has as many rows": {
            view._default_manager.count() for view in VIEWS.values()
        }
        == {placed},
        "every view took each of its events once, and parked none": taken == logged
        and not ParkedEvent.objects.exists(),
        f"rows of {SAMPLE} aggregates of each view are what the log makes of them": not DriftFlag.objects.exists(),
    }
