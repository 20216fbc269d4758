"""URLs of the API. URLs that both read and write are listed here; `projections` and `orders` list the others."""

from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny

from ordersite.api import accounts, auth, commands, me, orders
from ordersite.api.openapi.view import Description

_public = {"authentication_classes": [], "permission_classes": [AllowAny]}

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="docs")),
    path("schema", Description.as_view(**_public), name="schema"),
    path(
        "docs",
        SpectacularSwaggerSplitView.as_view(url_name="schema", template_name="ordersite/api_docs.html", **_public),
        name="docs",
    ),
    path("auth/register", auth.Register.as_view(), name="register"),
    path("auth/verify-email", auth.VerifyEmail.as_view(), name="verify-email"),
    path("auth/login", auth.Login.as_view(), name="login"),
    path("auth/logout", auth.Logout.as_view(), name="logout"),
    path("auth/logoutall", auth.LogoutAll.as_view(), name="logout-all"),
    path("me", me.Me.as_view(), name="me"),
    path("me/email", me.MyEmail.as_view(), name="me-email"),
    path("me/export", me.MyExport.as_view(), name="me-export"),
    path("me/erasure", me.MyErasure.as_view(), name="me-erasure"),
    path("account", accounts.Accounts.as_view(), name="account"),
    path("account/movements", accounts.Movements.as_view(), name="account-movements"),
    path("account/deposits", accounts.Deposits.as_view(), name="account-deposits"),
    path("orders", orders.Orders.as_view(), name="orders"),
    path("orders/<uuid:order_id>/payments", orders.Payments.as_view(), name="order-payments"),
    path("orders/<uuid:order_id>/returns", orders.Returns.as_view(), name="order-returns"),
    path("back-office/orders", orders.BackOfficeOrders.as_view(), name="back-office-orders"),
    path("back-office/orders/<uuid:order_id>", orders.BackOfficeOrder.as_view(), name="back-office-order"),
    path("commands/<uuid:command_id>", commands.GetCommand.as_view(), name="command"),
    path("", include("projections.customer.api.urls")),
    path("", include("projections.staff.urls")),
    path("", include("projections.webhooks.http.urls")),
    path("", include("orders.http.urls")),
]
