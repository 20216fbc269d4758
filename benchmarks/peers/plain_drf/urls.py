"""The addresses of the two views."""

from django.urls import path

from benchmarks.peers.plain_drf.api import GetOrder, PlaceOrder

urlpatterns = [path("orders", PlaceOrder.as_view()), path("orders/<int:pk>", GetOrder.as_view())]
