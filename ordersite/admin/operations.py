"""The admin's own log: who operated what, and who edited accounts and groups."""

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from eventstore.admin.pages import ReadOnlyAdmin


@admin.register(LogEntry)
class LogEntryAdmin(ReadOnlyAdmin):
    """The list of what people did in the admin. Commands to orders are events: they are in the event log."""

    list_display = ("action_time", "user", "what", "content_type", "object_repr")
    list_display_links = None
    list_filter = (("action_flag", ChoicesDropdownFilter),)
    list_select_related = ("user", "content_type")
    search_fields = ("user__username", "object_repr", "change_message")
    search_help_text = "Part of a user's name, of what was changed, or of what was done."
    indexed = ("id",)
    ordering = ("-id",)

    def get_actions(self, request: HttpRequest) -> dict[str, object]:
        return {}

    @display(description="What")
    def what(self, entry: LogEntry) -> str:
        """Return what was done, in words."""
        return entry.get_change_message() or entry.get_action_flag_display()
