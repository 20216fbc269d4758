"""URLs of monitoring."""

from django.urls import path

from ordersite.monitoring import health, metrics

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("metrics", metrics.metrics, name="metrics"),
]
