"""Measure several sides in turn, compare them round by round, and say whether what was timed was right."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles

ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Timing:
    """What one side did in one round: so many items in so many seconds; `latencies` (seconds) of single ones."""

    count: int
    seconds: float
    latencies: Sequence[float] = ()

    @property
    def rate(self) -> float:
        """Items a second."""
        return self.count / self.seconds


@dataclass(frozen=True, slots=True)
class Bar:
    """What a ratio is asked to be."""

    sign: str
    limit: float

    def __str__(self) -> str:
        return f"{self.sign} {self.limit:g}"

    def met_by(self, value: float) -> bool:
        return value >= self.limit if self.sign == "≥" else value <= self.limit


def at_least(limit: float) -> Bar:
    return Bar("≥", limit)


def at_most(limit: float) -> Bar:
    return Bar("≤", limit)


@dataclass(frozen=True, slots=True)
class Ratio:
    """One ratio, measured once a round. Its value is the median, its spread the least and the greatest."""

    rounds: Sequence[float]
    bar: Bar | None = None

    @property
    def value(self) -> float:
        return median(self.rounds)

    @property
    def spread(self) -> tuple[float, float]:
        return min(self.rounds), max(self.rounds)

    @property
    def is_met(self) -> bool | None:
        """None where nothing is asked of it."""
        return self.bar.met_by(self.value) if self.bar else None


@dataclass(frozen=True, slots=True)
class Options:
    """What whoever runs a benchmark may choose: of how many events, where it takes a size."""

    events: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a benchmark found. `sides` has "ours" among them; `checks` says of what was timed whether it was right."""

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
        return all(self.checks.values())


def interleave(sides: Mapping[str, Callable[[], Timing]], *, rounds: int = ROUNDS) -> dict[str, list[Timing]]:
    """Every side once a round, each time beginning with another one: what disturbs the machine disturbs all of them."""
    taken: dict[str, list[Timing]] = {name: [] for name in sides}
    names = list(sides)
    for number in range(rounds):
        start = number % len(names)
        for name in names[start:] + names[:start]:
            taken[name].append(sides[name]())
    return taken


def speed(ours: Iterable[Timing], peer: Iterable[Timing], bar: Bar | None = None) -> Ratio:
    """How many times the peer's rate ours is."""
    return Ratio([mine.rate / theirs.rate for mine, theirs in zip(ours, peer, strict=True)], bar)


def cost(ours: Iterable[Timing], base: Iterable[Timing], bar: Bar | None = None) -> Ratio:
    """How many times the base's time one of ours takes."""
    return Ratio([theirs.rate / mine.rate for mine, theirs in zip(ours, base, strict=True)], bar)


def timed(work: Callable[[], object], *, count: int = 1) -> Timing:
    """`work` done once, which is `count` items."""
    start = time.perf_counter()
    work()
    return Timing(count, time.perf_counter() - start)


def one_by_one(work: Callable[[], object], *, times: int) -> Timing:
    """`work` done so many times, with the latency of each."""
    latencies = []
    start = mark = time.perf_counter()
    for _ in range(times):
        work()
        now = time.perf_counter()
        latencies.append(now - mark)
        mark = now
    return Timing(times, mark - start, latencies)


@dataclass(frozen=True, slots=True)
class Summary:
    """A side in short: median items a second, and percentiles of the latencies (ms), 0 where none were kept."""

    rate: float
    p50_ms: float
    p99_ms: float


def summary(rounds: Sequence[Timing]) -> Summary:
    latencies = sorted(latency for each in rounds for latency in each.latencies)
    percentiles = quantiles(latencies, n=100) if len(latencies) > 1 else [0.0] * 99
    return Summary(
        rate=median(each.rate for each in rounds), p50_ms=percentiles[49] * 1000, p99_ms=percentiles[98] * 1000
    )
