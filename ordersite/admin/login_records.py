"""The admin page of log-ins, failures and changes of access. It can be read, searched and filtered, and not edited."""

from django.contrib import admin
from django.utils.html import format_html
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

_BROWSERS = {"Edg": "Edge", "OPR": "Opera", "Firefox": "Firefox", "Chrom": "Chrome", "Safari": "Safari"}
_SYSTEMS = ("Windows", "Android", "iPhone", "iPad", "Mac OS", "Linux")
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

    list_display = ("at", "kind_shown", "name", "door", "address", "detail", "browser")
    list_display_links = None
    list_filter = (("kind", ChoicesDropdownFilter),)
    search_fields = ("name", "address", "detail")
    search_help_text = "Part of a name, of an address, or of what changed."
    indexed = ("id",)
    ordering = ("-id",)

    @display(description="Browser")
    def browser(self, entry: LoginRecord) -> str:
        """Return the browser and its system in short, with all that it says about itself as a hint."""
        return format_html('<span title="{}">{}</span>', entry.agent, short_agent(entry.agent)) if entry.agent else "-"

    @display(description="What", label=_COLOURS)
    def kind_shown(self, entry: LoginRecord) -> tuple[str, str]:
        """Return what happened, in words and with its colour."""
        return entry.kind, entry.get_kind_display()


def short_agent(agent: str) -> str:
    """Return `Firefox, Linux` for what a browser sends about itself; of a program, its name and version."""
    browser = next((name for sign, name in _BROWSERS.items() if sign in agent), "")
    system = next((name for name in _SYSTEMS if name in agent), "")
    return ", ".join(filter(None, (browser, system))) if browser else agent.split(" ", maxsplit=1)[0][:40]
