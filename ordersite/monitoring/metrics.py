"""`GET /metrics`: how the read models are doing, for Prometheus.

Read from the database at each scrape, so that it does not matter which process answers.
"""

import secrets
from collections.abc import Iterator

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from eventstore import store
from projections.engine.checkpoints import DriftFlag
from projections.engine.projection import PROJECTIONS
from projections.monitoring.status import statuses

LABELS = ("projection", "shard")
_GAUGES = (
    ("position", "position", "Last position of the log that the rows show."),
    ("lag_events", "behind", "Events still to be taken, counted to 10,000."),
    ("lag_seconds", "late", "How long the first of them has been waiting."),
    ("parked_events", "parked", "Events that could not be taken, and those that wait behind them."),
)
_COUNTERS = (
    ("events", "events", "Events taken."),
    ("failures", "failures", "Attempts to read on that failed."),
)


class _Projections(Collector):
    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("ordersite_log_position", "Where the log ends.", value=store.latest_position())
        found = statuses()
        for kind, families in ((GaugeMetricFamily, _GAUGES), (CounterMetricFamily, _COUNTERS)):
            for name, attribute, words in families:
                family = kind(f"ordersite_projection_{name}", words, labels=LABELS)
                for status in found:
                    family.add_metric((status.projection, str(status.shard)), getattr(status, attribute))
                yield family
        drifted = GaugeMetricFamily(
            "ordersite_projection_drifted", "Rows and sums found not to follow from the log.", labels=("projection",)
        )
        for name in PROJECTIONS:
            drifted.add_metric((name,), DriftFlag.objects.filter(projection=name).count())
        yield drifted
        states = GaugeMetricFamily("ordersite_projection_state", "1 for the state it is in.", labels=(*LABELS, "state"))
        for status in found:
            states.add_metric((status.projection, str(status.shard), status.state), 1)
        yield states


_registry = CollectorRegistry()
_registry.register(_Projections())


def metrics(request: HttpRequest) -> HttpResponse:
    """Needs `Authorization: Bearer` and METRICS_TOKEN; where that is not set, only a development site answers."""
    wanted = settings.METRICS_TOKEN
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not wanted and not settings.DEMO_ACCOUNTS:
        return HttpResponse("set METRICS_TOKEN, and send it as a bearer token\n", status=403, content_type="text/plain")
    if wanted and not secrets.compare_digest(given.encode(), wanted.encode()):
        answer = HttpResponse("send METRICS_TOKEN as a bearer token\n", status=401, content_type="text/plain")
        answer["WWW-Authenticate"] = "Bearer"
        return answer
    return HttpResponse(generate_latest(_registry), content_type=CONTENT_TYPE_LATEST)
