"""The benchmarks' settings with a real site's logging, because log lines are part of a worker's cost."""

from benchmarks.settings import *  # noqa: F403

LOGGING_CONFIG = "logging.config.dictConfig"  # type: ignore[assignment]  # None in the other settings
