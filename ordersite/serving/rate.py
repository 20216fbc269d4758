"""The rate at which a client sends or takes bytes, measured over `stall_seconds` at a time."""

from ordersite.serving.limits import Limits


class Rate:
    """Compare a growing count of bytes with the least rate."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._began: float | None = None
        self._window = 0.0
        self._count = 0

    def restart(self) -> None:
        """Measure from the next look on: the client owes nothing now."""
        self._began = None

    def lasted(self, now: float) -> float:
        """Return for how many seconds it has been measured without a restart."""
        return 0.0 if self._began is None else now - self._began

    def is_low(self, now: float, count: int) -> bool:
        """Return whether `count` grew too slowly in a whole window; `now` is in seconds of `time.monotonic`."""
        if self._began is None:
            self._began = self._window = now
            self._count = count
            return False
        seconds = now - self._window
        if seconds < self._limits.stall_seconds:
            return False
        low = count - self._count < self._limits.least_rate * seconds
        self._window, self._count = now, count
        return low
