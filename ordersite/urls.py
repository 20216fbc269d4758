"""Every address of the site."""

from django.contrib import admin
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework.permissions import AllowAny

from ordersite import api, health, metrics

_open = {"authentication_classes": [], "permission_classes": [AllowAny]}

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("favicon.ico", lambda request: redirect(static("ordersite/icon.svg"))),
    path("healthz", health.healthz, name="healthz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("admin/", admin.site.urls),
    path("api/v1/", RedirectView.as_view(pattern_name="docs")),
    path("api/v1/auth/login", api.Login.as_view(), name="login"),
    path("api/v1/auth/logout", api.Logout.as_view(), name="logout"),
    path("api/v1/orders", api.Orders.as_view(), name="orders"),
    path("api/v1/orders/<uuid:order_id>", api.GetOwnOrder.as_view(), name="order"),
    path("api/v1/orders/<uuid:order_id>/timeline", api.OwnTimeline.as_view(), name="order-timeline"),
    path("api/v1/orders/<uuid:order_id>/payments", api.PayOwnOrder.as_view(), name="order-payments"),
    path("api/v1/orders/<uuid:order_id>/cancel", api.CancelOwnOrder.as_view(), name="order-cancel"),
    path("api/v1/commands/<uuid:command_id>", api.GetCommand.as_view(), name="command"),
    path("api/v1/schema", SpectacularAPIView.as_view(**_open), name="schema"),
    path("api/v1/docs", SpectacularSwaggerView.as_view(url_name="schema", **_open), name="docs"),
]
handler400 = "ordersite.problems.bad_request"
handler404 = "ordersite.problems.not_found"
handler500 = "ordersite.problems.server_error"
