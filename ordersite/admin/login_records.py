"""The admin page of log-ins, failures and changes of access. It can be read, searched and filtered, and not edited."""

from django.contrib import admin
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from django_otp_webauthn.models import WebAuthnAttestation, WebAuthnCredential
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from eventstore.admin.pages import ReadOnlyAdmin
from ordersite.models import LoginRecord

for model in (TOTPDevice, StaticDevice, WebAuthnCredential, WebAuthnAttestation):
    if admin.site.is_registered(model):
        admin.site.unregister(model)  # the libraries' own pages, which show the keys of other people's apps

_COLOURS = {
    LoginRecord.Kind.FAILED: "danger",
    LoginRecord.Kind.CODE_REFUSED: "danger",
    LoginRecord.Kind.ACCESS: "warning",
    LoginRecord.Kind.PASSWORD: "warning",
    LoginRecord.Kind.LOGGED_OUT: "info",
    LoginRecord.Kind.LOGGED_IN: "success",
}


@admin.register(LoginRecord)
class LoginRecordAdmin(ReadOnlyAdmin):
    """The list, newest first."""

    list_display = ("at", "kind_shown", "name", "door", "address", "detail", "agent")
    list_display_links = None
    list_filter = (("kind", ChoicesDropdownFilter),)
    search_fields = ("name", "address", "detail")
    search_help_text = "Part of a name, of an address, or of what changed."
    indexed = ("id",)
    ordering = ("-id",)

    @display(description="What", label=_COLOURS)
    def kind_shown(self, entry: LoginRecord) -> tuple[str, str]:
        """Return what happened, in words and with its colour."""
        return entry.kind, entry.get_kind_display()
