"""Every address of the site."""

from django.contrib import admin
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework.permissions import AllowAny

from orders import back_office
from ordersite import account_api, api, auth, health, me, metrics
from projections.customer import feed_api
from projections.customer.webhooks import api as webhooks

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
    path("api/v1/auth/logoutall", auth.LogoutAll.as_view(), name="logout-all"),
    path("api/v1/auth/register", auth.Register.as_view(), name="register"),
    path("api/v1/auth/verify-email", auth.VerifyEmail.as_view(), name="verify-email"),
    path("api/v1/me", me.Me.as_view(), name="me"),
    path("api/v1/me/email", me.MyEmail.as_view(), name="me-email"),
    path("api/v1/me/export", me.MyExport.as_view(), name="me-export"),
    path("api/v1/me/erasure", me.MyErasure.as_view(), name="me-erasure"),
    path("api/v1/account", account_api.Accounts.as_view(), name="account"),
    path("api/v1/account/movements", account_api.Movements.as_view(), name="account-movements"),
    path("api/v1/account/deposits", account_api.Deposits.as_view(), name="account-deposits"),
    path("api/v1/orders", api.Orders.as_view(), name="orders"),
    path("api/v1/orders/<uuid:order_id>", api.GetOwnOrder.as_view(), name="order"),
    path("api/v1/orders/<uuid:order_id>/timeline", api.OwnTimeline.as_view(), name="order-timeline"),
    path("api/v1/orders/<uuid:order_id>/payments", api.Payments.as_view(), name="order-payments"),
    path("api/v1/orders/<uuid:order_id>/shipments", api.OwnShipments.as_view(), name="order-shipments"),
    path("api/v1/orders/<uuid:order_id>/refunds", api.OwnRefunds.as_view(), name="order-refunds"),
    path("api/v1/orders/<uuid:order_id>/returns", api.Returns.as_view(), name="order-returns"),
    path("api/v1/orders/<uuid:order_id>/cancel", api.CancelOwnOrder.as_view(), name="order-cancel"),
    path("api/v1/orders/<uuid:order_id>/edits", api.EditOwnOrder.as_view(), name="order-edits"),
    path(
        "api/v1/orders/<uuid:order_id>/shipping-address", api.ChangeOwnAddress.as_view(), name="order-shipping-address"
    ),
    path("api/v1/back-office/orders", back_office.PlaceForSomebody.as_view(), name="back-office-orders"),
    path("api/v1/back-office/orders/<uuid:order_id>", api.BackOfficeOrder.as_view(), name="back-office-order"),
    *(
        path(f"api/v1/back-office/orders/<uuid:order_id>/{name}", sender.as_view(), name=f"back-office-{name}")
        for name, sender in back_office.SENDERS.items()
    ),
    path("api/v1/commands/<uuid:command_id>", api.GetCommand.as_view(), name="command"),
    path("api/v1/events", feed_api.ListOwnEvents.as_view(), name="events"),
    path("api/v1/events/stream", feed_api.StreamOwnEvents.as_view(), name="event-stream"),
    path("api/v1/webhook-endpoints", webhooks.OwnEndpoints.as_view(), name="webhook-endpoints"),
    path("api/v1/webhook-endpoints/<uuid:endpoint_id>", webhooks.OwnEndpoint.as_view(), name="webhook-endpoint"),
    path("api/v1/webhook-endpoints/<uuid:endpoint_id>/test", webhooks.TestOwnEndpoint.as_view(), name="webhook-test"),
    path(
        "api/v1/webhook-endpoints/<uuid:endpoint_id>/deliveries",
        webhooks.OwnDeliveries.as_view(),
        name="webhook-deliveries",
    ),
    path(
        "api/v1/webhook-endpoints/<uuid:endpoint_id>/deliveries/<uuid:event_id>/retry",
        webhooks.RetryOwnDelivery.as_view(),
        name="webhook-retry",
    ),
    path("api/v1/schema", SpectacularAPIView.as_view(**_open), name="schema"),
    path("api/v1/docs", SpectacularSwaggerView.as_view(url_name="schema", **_open), name="docs"),
]
handler400 = "ordersite.problems.bad_request"
handler404 = "ordersite.problems.not_found"
handler500 = "ordersite.problems.server_error"
