"""Settings of logs and metrics."""

import structlog

from eventstore.management.printing import printable
from ordersite.settings.environment import env

# Bearer token for /metrics. Without one, only a development site answers.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
# `line` for people, `json` (one object per line) for machines. Both contain the request id and the correlation ids.
LOG_FORMAT = env.str("LOG_FORMAT", default="line")
_FIELDS = [
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso"),
    structlog.contextvars.merge_contextvars,  # request_id and correlation_id, bound by the RequestId middleware
    structlog.stdlib.ExtraAdder(
        allow=["correlation_id", "correlation_ids", "projection", "shard", "events", "position"]
    ),
]
_META = structlog.stdlib.ProcessorFormatter.remove_processors_meta
_FORMATS = {
    # Plain tracebacks: richer ones show local variables, which may hold personal data and keys.
    "line": [
        _META,
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        lambda logger, method, line: printable(line),  # a terminal that shows the log must not obey what strangers sent
    ],
    "json": [_META, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()],
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        name: {"()": structlog.stdlib.ProcessorFormatter, "processors": processors, "foreign_pre_chain": _FIELDS}
        for name, processors in _FORMATS.items()
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {"django": {"handlers": [], "propagate": True}},
}
