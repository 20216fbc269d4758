"""`GET /metrics`: the state of the read models, for Prometheus.

The figures are read from the database at each scrape, so every web process gives the same answer.
"""

import secrets
from collections.abc import Iterator

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from eventstore import store
from eventstore.followers.handling import CONSUMERS
from eventstore.followers.parking import parked_counts
from eventstore.models import LogFinding
from eventstore.seals import chain
from ordersite.monitoring.schedule import scheduled_tasks
from projections.engine.checkpoints import DriftFlag
from projections.engine.projection import PROJECTIONS
from projections.monitoring.status import statuses

LABELS = ("projection", "shard")
_GAUGES = (
    ("position", "position", "Last position of the log that the read model includes."),
    ("lag_events", "behind", "Events not yet handled, counted up to 10,000."),
    ("lag_seconds", "late", "Seconds that the oldest event not yet handled has waited."),
    ("missing_events", "missing", "Events that the log holds and the read model has passed by, or took twice."),
    ("parked_events", "parked", "Events that failed, and later events that wait behind them."),
)
_COUNTERS = (
    ("events", "events", "Events handled."),
    ("failures", "failures", "Failed attempts to handle events."),
)


class _Projections(Collector):
    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("ordersite_log_position", "Last position of the log.", value=store.latest_position())
        shards = statuses()
        for kind, families in ((GaugeMetricFamily, _GAUGES), (CounterMetricFamily, _COUNTERS)):
            for name, attribute, description in families:
                family = kind(f"ordersite_projection_{name}", description, labels=LABELS)
                for status in shards:
                    family.add_metric((status.projection, str(status.shard)), getattr(status, attribute))
                yield family
        drifted = GaugeMetricFamily(
            "ordersite_projection_drifted",
            "Rows and sums that differ from their events.",
            labels=("projection",),
        )
        for name in PROJECTIONS:
            drifted.add_metric((name,), DriftFlag.objects.filter(projection=name).count())
        yield drifted
        findings = GaugeMetricFamily("ordersite_log_finding", "1 for what the log needs and lacks.", labels=("name",))
        for finding in LogFinding.objects.all():
            findings.add_metric((finding.name,), 1)
        yield findings
        states = GaugeMetricFamily("ordersite_projection_state", "1 for the current state.", labels=(*LABELS, "state"))
        for status in shards:
            states.add_metric((status.projection, str(status.shard), status.state), 1)
        yield states
        parked = GaugeMetricFamily(
            "ordersite_consumer_parked_events",
            "Events that a consumer of the log could not handle, and later events that wait behind them.",
            labels=("consumer",),
        )
        counts = parked_counts()
        for name in CONSUMERS:
            parked.add_metric((name,), counts.get(name, 0))
        yield parked


class _Schedule(Collector):
    def collect(self) -> Iterator[Metric]:
        done = GaugeMetricFamily(
            "ordersite_scheduled_task_done_seconds",
            "When a worker last did the scheduled task, in seconds since 1970.",
            labels=("task",),
        )
        overdue = GaugeMetricFamily(
            "ordersite_scheduled_task_overdue", "1 if the scheduled task missed its turn.", labels=("task",)
        )
        for task in scheduled_tasks():
            overdue.add_metric((task.name,), task.is_overdue)
            if task.done_at:
                done.add_metric((task.name,), task.done_at.timestamp())
        yield from (done, overdue)
        unsealed = "Events that no seal covers yet, counted up to 10,000."
        yield GaugeMetricFamily("ordersite_log_unsealed_events", unsealed, value=chain.unsealed_count())


_registry = CollectorRegistry()
_registry.register(_Projections())
_registry.register(_Schedule())


def metrics(request: HttpRequest) -> HttpResponse:
    """Answer a scrape that sends METRICS_TOKEN as a bearer token. Unless it is set, only a development site answers."""
    expected = settings.METRICS_TOKEN
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not expected and not settings.DEMO_ACCOUNTS:
        return HttpResponse("set METRICS_TOKEN, and send it as a bearer token\n", status=403, content_type="text/plain")
    if expected and not secrets.compare_digest(token.encode(), expected.encode()):
        response = HttpResponse("send METRICS_TOKEN as a bearer token\n", status=401, content_type="text/plain")
        response["WWW-Authenticate"] = "Bearer"
        return response
    return HttpResponse(generate_latest(_registry), content_type=CONTENT_TYPE_LATEST)
