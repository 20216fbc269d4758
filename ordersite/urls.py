"""All URLs of the site. The API and monitoring list their own."""

from django.contrib import admin
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("favicon.ico", lambda request: redirect(static("ordersite/icon.svg"))),
    path("admin/second-factor/", include("ordersite.logins.urls")),
    path("admin/", admin.site.urls),
    path("api/v1/", include("ordersite.api.urls")),
    path("", include("ordersite.monitoring.urls")),
]
handler400 = "ordersite.api.problems.bad_request"
handler403 = "ordersite.api.problems.forbidden"
handler404 = "ordersite.api.problems.not_found"
handler500 = "ordersite.api.problems.server_error"
