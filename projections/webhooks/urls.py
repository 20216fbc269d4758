"""URLs of the API of webhooks."""

from django.urls import path

from projections.webhooks import api

urlpatterns = [
    path("webhook-endpoints", api.OwnEndpoints.as_view(), name="webhook-endpoints"),
    path("webhook-endpoints/<uuid:endpoint_id>", api.OwnEndpoint.as_view(), name="webhook-endpoint"),
    path("webhook-endpoints/<uuid:endpoint_id>/test", api.TestOwnEndpoint.as_view(), name="webhook-test"),
    path("webhook-endpoints/<uuid:endpoint_id>/deliveries", api.OwnDeliveries.as_view(), name="webhook-deliveries"),
    path(
        "webhook-endpoints/<uuid:endpoint_id>/deliveries/<uuid:event_id>/retry",
        api.RetryOwnDelivery.as_view(),
        name="webhook-retry",
    ),
]
