"""The admin pages of accounts, groups and API tokens. Who may change whose access is in `ordersite.access.powers`."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from knox.admin import AuthTokenAdmin, AuthTokenCreateForm
from knox.models import AuthToken
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.forms import AdminPasswordChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminTextInputWidget

from eventstore.admin.large_lists import CheckedLists, FastPaginator
from ordersite.access import powers
from ordersite.access.recording import asked_by, record
from ordersite.admin.access_forms import (
    AsksWhy,
    OnlyManageable,
    OnlySuperusersChange,
    RecordsWhy,
    is_superuser,
)
from ordersite.admin.customers import AccountForm, ClaimsNames, CustomerCommands, FollowsTheLog
from ordersite.admin.forms.saved_rows import SavedPassword, SavedRows
from ordersite.logins import second_factor
from ordersite.models import User

ACCESS_FIELDS = ("is_active", "is_staff", "is_superuser", "groups", "user_permissions", "customer_id")
SUPERUSERS_FIELDS = ("is_staff", "is_superuser", "groups", "user_permissions", "customer_id")
"""Fields that only superusers change. A `customer_id` lets an account see and do what that customer may."""

PASSWORD_PAGE = "auth_user_password_change"  # noqa: S105 - the name of an address

admin.site.unregister(Group)  # Django's own page, which does not use unfold's templates
admin.site.unregister(AuthToken)


class PasswordForm(SavedPassword, AdminPasswordChangeForm):
    """The form that sets an account's password, unless somebody else has set it meanwhile."""


class UserForm(AsksWhy, AccountForm):
    """The form of an account, which asks why if it changes access."""

    access_fields = ACCESS_FIELDS


class NewAccountForm(ClaimsNames, UserCreationForm):
    """The form of a new account."""

    def clean_username(self) -> str:
        """Return the name; "" for one that is taken, where Django returns None and the checks after it would fail."""
        return str(super().clean_username() or "")


@admin.register(User)
class UserAdmin(
    OnlyManageable,
    RecordsWhy,
    SavedRows,
    CheckedLists,
    CustomerCommands,
    FollowsTheLog,
    BaseUserAdmin,  # type: ignore[type-arg]  # generic only in the stubs
    ModelAdmin,
):
    """The accounts, with commands about their customers."""

    form = UserForm
    add_form = NewAccountForm
    change_password_form = PasswordForm
    change_user_password_template = "ordersite/change_password.html"  # noqa: S105  # a template
    list_display = ("username", "first_name", "last_name", "is_staff", "customer_id", "is_demo")
    readonly_fields = ("last_login", "date_joined")  # facts: a form that was open during a log-in would undo its moment
    fieldsets = (
        *(BaseUserAdmin.fieldsets or ()),
        ("Customer", {"fields": ("customer_id",)}),
        ("Reason", {"fields": ("reason",)}),
    )
    actions_row = ("verify_email", "erase", "reset_factor")
    paginator = FastPaginator  # one account for each customer is too many to count
    show_full_result_count = False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Return the facts and, for anybody but a superuser, what gives access."""
        if is_superuser(request):
            return self.readonly_fields
        # The log names people of staff by their names, so to take over a name is to take over a person.
        name = ("username",) if obj is not None and obj.is_staff else ()
        return (*self.readonly_fields, *SUPERUSERS_FIELDS, *name)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        may: bool = super().has_change_permission(request, obj)
        if isinstance(obj, User) and request.resolver_match and request.resolver_match.url_name == PASSWORD_PAGE:
            return may and powers.may_become(request.user, obj)
        return may

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002  # Django's name
        """Show the form of a new password; on POST, set it in one transaction with the look at the stored one."""
        with transaction.atomic(), asked_by(request, "Set in the admin"):
            return super().user_change_password(request, id, form_url)

    def has_reset_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Return whether the person may reset a second factor: with it one could become that person."""
        return is_superuser(request)

    @action(description="Reset the second factor", url_path="reset-factor", permissions=["reset"], icon="lock_reset")
    def reset_factor(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask why; on POST, remove all apps, passkeys and recovery codes of somebody who lost them."""
        user = self.get_object(request, object_id)
        if user is None:
            raise Http404("there is no such account")
        form = ReasonForm(request.POST or None)
        back = reverse("admin:ordersite_user_changelist")
        if request.method == "POST" and form.is_valid():
            with asked_by(request, form.cleaned_data["reason"]):
                number = second_factor.reset(user, request)
            messages.success(request, f"{user.get_username()}: {number} removed. They can set up new ones now.")
            return HttpResponseRedirect(back)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Reset the second factor of {user.get_username()}",
            "opts": self.opts,
            "form": form,
            "back": back,
        }
        return TemplateResponse(request, "ordersite/reset_factor.html", context)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Return the accounts of people. Service accounts have a page of their own."""
        people: QuerySet[User] = super().get_queryset(request).filter(service_id=None)
        return people


class ReasonForm(forms.Form):
    """Why something is done."""

    reason = forms.CharField(
        label="Why", max_length=500, widget=UnfoldAdminTextInputWidget, help_text="It stands in the event log."
    )


class GroupForm(AsksWhy):
    """The form of a group, which asks why if its permissions change."""

    access_fields = ("permissions",)


@admin.register(Group)
class GroupAdmin(OnlySuperusersChange, RecordsWhy, SavedRows, CheckedLists, BaseGroupAdmin, ModelAdmin):
    """Django's groups, drawn by unfold. Only superusers change them."""

    form = GroupForm


class TokenForm(AuthTokenCreateForm):
    """The form of a new API token. A token is as good as the account's password."""

    person: Any = None  # who fills it in

    def clean_user(self) -> User:
        """Raises ValidationError if the person may not be that account."""
        user: User = self.cleaned_data["user"]
        if not powers.may_become(self.person, user):
            raise forms.ValidationError(
                "A token lets its holder act as this account, and you may not. Ask a superuser, or choose your own."
            )
        return user


@admin.register(AuthToken)
class TokenAdmin(CheckedLists, AuthTokenAdmin, ModelAdmin):
    """The API tokens: they are given and deleted, and never change."""

    add_form = TokenForm

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Return the class of the form, which knows who fills it in."""
        form = super().get_form(request, obj, change=change, **kwargs)
        return type(form.__name__, (form,), {"person": request.user}) if obj is None else form

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        may: bool = super().has_delete_permission(request, obj)
        return may and (obj is None or powers.may_manage(request.user, obj.user))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        with transaction.atomic(), asked_by(request, "Made in the admin"):
            super().save_model(request, obj, form, change)
            record(obj.user, granted=[f"token {obj.token_key}"])

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        with transaction.atomic(), asked_by(request, "Deleted in the admin"):
            record(obj.user, withdrawn=[f"token {obj.token_key}"])
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        with transaction.atomic(), asked_by(request, "Deleted in the admin"):
            for token in queryset.select_related("user"):
                record(token.user, withdrawn=[f"token {token.token_key}"])
            super().delete_queryset(request, queryset)
