"""The admin pages of accounts and groups."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group
from knox.admin import AuthTokenAdmin
from knox.models import AuthToken
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserCreationForm

from eventstore.admin.large_lists import CheckedLists, FastPaginator
from ordersite.admin.customers import AccountForm, CustomerCommands, FollowsTheLog
from ordersite.models import User

admin.site.unregister(Group)  # Django's own page, which does not use unfold's templates
admin.site.unregister(AuthToken)


@admin.register(User)
class UserAdmin(CheckedLists, CustomerCommands, FollowsTheLog, BaseUserAdmin, ModelAdmin):  # type: ignore[type-arg]  # generic only in the stubs
    """The accounts, with commands about their customers."""

    form = AccountForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "first_name", "last_name", "is_staff", "customer_id", "is_demo")
    fieldsets = (*(BaseUserAdmin.fieldsets or ()), ("Customer", {"fields": ("customer_id",)}))
    actions_row = ("verify_email", "erase")
    paginator = FastPaginator  # one account for each customer is too many to count
    show_full_result_count = False


@admin.register(Group)
class GroupAdmin(CheckedLists, BaseGroupAdmin, ModelAdmin):
    """Django's groups, drawn by unfold."""


@admin.register(AuthToken)
class TokenAdmin(CheckedLists, AuthTokenAdmin):
    """The API tokens."""
