"""The admin pages of accounts and groups."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from knox.admin import AuthTokenAdmin
from knox.models import AuthToken
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserCreationForm

from eventstore.admin.large_lists import CheckedLists, FastPaginator
from ordersite.admin.customers import AccountForm, CustomerCommands, FollowsTheLog
from ordersite.admin.forms.saved_rows import SavedPassword, SavedRows
from ordersite.models import User

admin.site.unregister(Group)  # Django's own page, which does not use unfold's templates
admin.site.unregister(AuthToken)


class PasswordForm(SavedPassword, AdminPasswordChangeForm):
    """The form that sets an account's password, unless somebody else has set it meanwhile."""


@admin.register(User)
class UserAdmin(SavedRows, CheckedLists, CustomerCommands, FollowsTheLog, BaseUserAdmin, ModelAdmin):  # type: ignore[type-arg]  # generic only in the stubs
    """The accounts, with commands about their customers."""

    form = AccountForm
    add_form = UserCreationForm
    change_password_form = PasswordForm
    change_user_password_template = "ordersite/change_password.html"  # noqa: S105  # a template
    list_display = ("username", "first_name", "last_name", "is_staff", "customer_id", "is_demo")
    readonly_fields = ("last_login", "date_joined")  # facts: a form that was open during a log-in would undo its moment
    fieldsets = (*(BaseUserAdmin.fieldsets or ()), ("Customer", {"fields": ("customer_id",)}))
    actions_row = ("verify_email", "erase")
    paginator = FastPaginator  # one account for each customer is too many to count
    show_full_result_count = False

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002  # Django's name
        """Show the form of a new password; on POST, set it in one transaction with the look at the stored one."""
        with transaction.atomic():
            return super().user_change_password(request, id, form_url)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Return the accounts of people. Service accounts have a page of their own."""
        people: QuerySet[User] = super().get_queryset(request).filter(service_id=None)
        return people


@admin.register(Group)
class GroupAdmin(SavedRows, CheckedLists, BaseGroupAdmin, ModelAdmin):
    """Django's groups, drawn by unfold."""


@admin.register(AuthToken)
class TokenAdmin(CheckedLists, AuthTokenAdmin, ModelAdmin):
    """The API tokens: they are given and deleted, and never change."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
