"""The addresses of the second factor, below the admin's."""

from django.urls import include, path

from ordersite.logins import passkeys
from ordersite.logins import second_factor_pages as pages

urlpatterns = [
    path("", pages.overview, name="second-factor"),
    path("app/", pages.app, name="second-factor-app"),
    path("passkey/", pages.passkey, name="second-factor-passkey"),
    path("check/", pages.check, name="second-factor-check"),
    path("codes/", pages.codes, name="second-factor-codes"),
    path("remove/", pages.remove, name="second-factor-remove"),
    path("passkeys/", include((passkeys.patterns, "otp_webauthn"))),
]
