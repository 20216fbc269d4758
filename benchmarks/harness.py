"""Measure several sides in turn, compare them round by round, and report whether the measured work was correct."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles

ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Timing:
    """What one side did in one round: `count` items in `seconds`, and the latencies of single calls in seconds."""

    count: int
    seconds: float
    latencies: Sequence[float] = ()

    @property
    def rate(self) -> float:
        """Return items per second."""
        return self.count / self.seconds


@dataclass(frozen=True, slots=True)
class Bar:
    """The limit that a ratio has to meet."""

    sign: str
    limit: float

    def __str__(self) -> str:
        return f"{self.sign} {self.limit:g}"

    def met_by(self, value: float) -> bool:
        """Whether the value meets the limit."""
        return value >= self.limit if self.sign == "≥" else value <= self.limit


def at_least(limit: float) -> Bar:
    """Return a lower limit."""
    return Bar("≥", limit)


def at_most(limit: float) -> Bar:
    """Return an upper limit."""
    return Bar("≤", limit)


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio that is measured once in each round."""

    rounds: Sequence[float]
    bar: Bar | None = None

    @property
    def value(self) -> float:
        """Return the median."""
        return median(self.rounds)

    @property
    def spread(self) -> tuple[float, float]:
        """Return the smallest and the largest value."""
        return min(self.rounds), max(self.rounds)

    @property
    def is_met(self) -> bool | None:
        """Whether the limit is met; None if there is no limit."""
        return self.bar.met_by(self.value) if self.bar else None


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a benchmark: the number of events, for those that take a size."""

    events: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The result of a benchmark. One of `sides` is "ours". `checks` says whether the measured work was correct."""

    bench: str
    what: str
    unit: str
    sides: Mapping[str, Sequence[Timing]]
    ratios: Mapping[str, Ratio]
    checks: Mapping[str, bool]
    figures: Mapping[str, float | int | str] = field(default_factory=dict)
    notes: Sequence[str] = ()

    @property
    def is_right(self) -> bool:
        """Whether all checks passed."""
        return all(self.checks.values())


def interleave(sides: Mapping[str, Callable[[], Timing]], *, rounds: int = ROUNDS) -> dict[str, list[Timing]]:
    """Measure every side once in each round, and begin each round with another side.

    So a disturbance of the machine affects all sides.
    """
    taken: dict[str, list[Timing]] = {name: [] for name in sides}
    names = list(sides)
    for number in range(rounds):
        start = number % len(names)
        for name in names[start:] + names[:start]:
            taken[name].append(sides[name]())
    return taken


def speed(ours: Iterable[Timing], peer: Iterable[Timing], bar: Bar | None = None) -> Ratio:
    """Return our rate divided by the peer's rate."""
    return Ratio([mine.rate / theirs.rate for mine, theirs in zip(ours, peer, strict=True)], bar)


def cost(ours: Iterable[Timing], base: Iterable[Timing], bar: Bar | None = None) -> Ratio:
    """Return our time per item divided by the base's time per item."""
    return Ratio([theirs.rate / mine.rate for mine, theirs in zip(ours, base, strict=True)], bar)


def timed(work: Callable[[], object], *, count: int = 1) -> Timing:
    """Measure one call of `work`, which does `count` items."""
    start = time.perf_counter()
    work()
    return Timing(count, time.perf_counter() - start)


def one_by_one(work: Callable[[], object], *, times: int) -> Timing:
    """Measure `times` calls of `work`, and the latency of each."""
    latencies = []
    start = previous = time.perf_counter()
    for _ in range(times):
        work()
        now = time.perf_counter()
        latencies.append(now - previous)
        previous = now
    return Timing(times, previous - start, latencies)


@dataclass(frozen=True, slots=True)
class Summary:
    """A side's median rate (items per second), and percentiles of its latencies in ms (0 without latencies)."""

    rate: float
    p50_ms: float
    p99_ms: float


def summary(rounds: Sequence[Timing]) -> Summary:
    """Summarise the rounds of a side."""
    latencies = sorted(latency for each in rounds for latency in each.latencies)
    percentiles = quantiles(latencies, n=100) if len(latencies) > 1 else [0.0] * 99
    return Summary(
        rate=median(each.rate for each in rounds), p50_ms=percentiles[49] * 1000, p99_ms=percentiles[98] * 1000
    )
