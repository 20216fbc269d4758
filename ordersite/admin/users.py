"""Logins and groups in the admin."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserCreationForm

from eventstore.admin.large_lists import FastPaginator
from ordersite.admin.customers import AccountForm, CustomerCommands, FollowsTheLog
from ordersite.models import User

admin.site.unregister(Group)  # Django's own page of groups, which is not drawn by unfold


@admin.register(User)
class UserAdmin(CustomerCommands, FollowsTheLog, BaseUserAdmin, ModelAdmin):  # type: ignore[type-arg]  # only in the stubs
    form = AccountForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "first_name", "last_name", "is_staff", "customer_id", "is_demo")
    fieldsets = (*(BaseUserAdmin.fieldsets or ()), ("Customer", {"fields": ("customer_id",)}))
    actions_row = ("verify_email", "erase")
    paginator = FastPaginator  # there is an account for each customer
    show_full_result_count = False


@admin.register(Group)
class GroupAdmin(BaseGroupAdmin, ModelAdmin):
    pass
