"""URLs of the read endpoints of the customer API. URLs that also accept writes are in `ordersite.api.urls`."""

from django.urls import path

from projections.customer.api import events, orders

urlpatterns = [
    path("orders/<uuid:order_id>", orders.GetOwnOrder.as_view(), name="order"),
    path("orders/<uuid:order_id>/timeline", orders.OwnTimeline.as_view(), name="order-timeline"),
    path("orders/<uuid:order_id>/shipments", orders.OwnShipments.as_view(), name="order-shipments"),
    path("orders/<uuid:order_id>/refunds", orders.OwnRefunds.as_view(), name="order-refunds"),
    path("events", events.ListOwnEvents.as_view(), name="events"),
    path("events/stream", events.StreamOwnEvents.as_view(), name="event-stream"),
]
