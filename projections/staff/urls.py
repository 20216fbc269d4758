"""URLs of the read endpoints of the back office API. URLs that also accept writes are in `ordersite.api.urls`."""

from django.urls import path

from projections.staff import events_api

urlpatterns = [
    path("back-office/events", events_api.ListShopEvents.as_view(), name="back-office-events"),
    path("back-office/events/stream", events_api.StreamShopEvents.as_view(), name="back-office-event-stream"),
]
