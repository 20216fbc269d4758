"""The benchmarks' settings with the log of a real site: what a worker writes is part of what it costs."""

from benchmarks.settings import *  # noqa: F403

LOGGING_CONFIG = "logging.config.dictConfig"  # type: ignore[assignment]  # there it is None
