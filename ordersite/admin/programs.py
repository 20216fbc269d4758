"""The admin pages of service accounts, the shop's own programs, and of their tokens."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Max, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget, UnfoldBooleanSwitchWidget

from eventstore.admin.confirmation import confirmed, record
from eventstore.admin.large_lists import CheckedLists
from eventstore.admin.pages import ReadOnlyAdmin
from orders.http.access import SERVICE_PERMISSIONS
from ordersite import service_accounts
from ordersite.access import powers
from ordersite.access.recording import asked_by
from ordersite.admin.access_forms import AsksWhy, OnlyManageable, RecordsWhy
from ordersite.admin.forms.saved_rows import SavedRow, SavedRows, Values
from ordersite.models import ServiceAccount, ServiceToken
from ordersite.service_accounts import MOST_TOKEN_DAYS, TOKEN_DAYS


class ServiceAccountForm(AsksWhy):
    """The name, the permissions, and whether the tokens work. The name of an account that exists does not change."""

    access_fields = ("may", "is_active")
    person: Any = None  # who fills it in

    may = forms.MultipleChoiceField(
        label="It may",
        required=False,
        choices=[(name, name.replace("_", " ").capitalize()) for name in SERVICE_PERMISSIONS],
        widget=forms.CheckboxSelectMultiple,
        help_text="Without “Read personal data”, names, addresses and what people wrote are left out of every answer.",
    )

    class Meta:
        model = ServiceAccount
        fields = ("username", "is_active")
        widgets: ClassVar = {"username": UnfoldAdminTextInputWidget, "is_active": UnfoldBooleanSwitchWidget}
        help_texts: ClassVar = {
            "username": "The log names the program by it, for ever: service:NAME.",
            "is_active": "Switch it off to refuse all tokens of the account at once.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["may"].initial = service_accounts.granted(self.instance)

    def clean_may(self) -> list[str]:
        """Raises ValidationError for permissions that the person does not have: nobody gives those."""
        may: list[str] = self.cleaned_data["may"]
        if not powers.may_grant(self.person, {SERVICE_PERMISSIONS[name] for name in may}):
            raise forms.ValidationError("You can give a program only permissions that you have yourself.")
        return may

    def clean_username(self) -> str:
        """Raises ValidationError if a new account cannot have this name."""
        name: str = self.cleaned_data["username"]
        try:
            if not self.instance.pk:
                service_accounts.require_name(name)
        except service_accounts.NameRefused as error:
            raise forms.ValidationError(str(error)) from error
        return name


class SavedServiceAccountForm(SavedRow, ServiceAccountForm):
    """The form of an account that exists. Its permissions are no column of the row."""

    def values_of(self, row: Any) -> Values:
        """Return the saved value of each field."""
        return {**super().values_of(row), "may": sorted(service_accounts.granted(row))}


class NewTokenForm(forms.Form):
    """How long a new token is valid."""

    reason = forms.CharField(
        label="Why", max_length=500, widget=UnfoldAdminTextInputWidget, help_text="It stands in the event log."
    )
    days = forms.IntegerField(
        label="Valid for how many days",
        min_value=1,
        max_value=MOST_TOKEN_DAYS,
        initial=TOKEN_DAYS,
        widget=UnfoldAdminIntegerFieldWidget,
    )


@admin.register(ServiceAccount)
class ServiceAccountAdmin(OnlyManageable, RecordsWhy, SavedRows, CheckedLists, ModelAdmin):
    """The shop's own programs, what each may do, and new tokens for them."""

    form = ServiceAccountForm
    fields = ("username", "may", "is_active", "reason")
    list_display = ("username", "is_active", "permissions_shown", "tokens_shown", "last_used_shown")
    search_fields = ("username",)
    ordering = ("username",)
    actions_detail = ("new_token",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ServiceAccount]:
        """Return the accounts with the number of their tokens and the last use."""
        accounts: QuerySet[ServiceAccount] = super().get_queryset(request)
        used = accounts.annotate(tokens=Count("service_tokens"), last_used_at=Max("service_tokens__last_used_at"))
        return used.prefetch_related("user_permissions")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Return the class of the form."""
        form = SavedServiceAccountForm if obj else ServiceAccountForm
        made = super().get_form(request, obj, change=change, form=form, **kwargs)
        return type(made.__name__, (made,), {"person": request.user})

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Return the name of an account that exists: the log has it already."""
        return ("username",) if obj else ()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Create the account, or change it."""
        if change:
            super().save_model(request, obj, form, change)
            service_accounts.grant(obj, form.cleaned_data["may"])
            return
        created = service_accounts.create(obj.username, form.cleaned_data["may"])
        obj.pk, obj.service_id, obj.password = created.pk, created.service_id, created.password
        obj._state.adding = False
        if not obj.is_active:
            obj.save(update_fields=["is_active"])

    @display(description="It may")
    def permissions_shown(self, account: ServiceAccount) -> str:
        """Return what the account may do."""
        return ", ".join(name.replace("_", " ") for name in service_accounts.granted(account)) or "nothing"

    @display(description="Tokens", ordering="tokens")
    def tokens_shown(self, account: Any) -> int:
        """Return the number of tokens, with those that have expired."""
        return int(account.tokens)

    @display(description="Last used", ordering="last_used_at")
    def last_used_shown(self, account: Any) -> Any:
        """Return when a token of the account was last used."""
        return account.last_used_at

    @action(description="New token", url_path="new-token", permissions=["change"], icon="key")
    def new_token(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask how long the token is valid; on POST, create it and show it, this once."""
        account: ServiceAccount | None = self.get_object(request, object_id)
        if account is None:
            raise Http404("there is no such service account")
        if not powers.may_manage(request.user, account):
            raise PermissionDenied
        form = NewTokenForm(request.POST or None)
        token = ""
        if request.method == "POST" and form.is_valid():
            with asked_by(request, form.cleaned_data["reason"]):
                token = service_accounts.create_token(account, days=form.cleaned_data["days"])
            record(request, [account], "New token")
            messages.success(request, "The token is made. Copy it now: it is not shown again.")
        context = {
            **self.admin_site.each_context(request),
            "title": f"New token for {account.username}",
            "opts": self.opts,
            "form": form,
            "token": token,
            "back": reverse("admin:ordersite_serviceaccount_change", args=[account.pk]),
        }
        response = TemplateResponse(request, "ordersite/new_token.html", context)
        response["Cache-Control"] = "no-store"
        return response


@admin.register(ServiceToken)
class ServiceTokenAdmin(ReadOnlyAdmin):
    """The tokens of service accounts: until when they are valid, when each was last used."""

    list_display = ("account", "start", "created_at", "expiry", "last_used_at", "is_valid")
    list_select_related = ("account",)
    ordering = ("-created_at",)
    actions = ("revoke",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ServiceToken]:
        """Return the tokens, each with whether it is valid."""
        tokens: QuerySet[ServiceToken] = super().get_queryset(request)
        return service_accounts.with_validity(tokens)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may delete tokens."""
        return bool(request.user.has_perm("ordersite.delete_servicetoken"))

    @display(description="Valid", boolean=True)
    def is_valid(self, token: Any) -> bool:
        """Return whether the token is neither revoked nor expired."""
        return bool(token.is_valid)

    @action(description="Revoke", permissions=["revoke"])
    @confirmed("Programs that use these tokens are refused from now on. This cannot be undone.")
    def revoke(self, request: HttpRequest, queryset: QuerySet[ServiceToken]) -> None:
        """Revoke the chosen tokens."""
        with asked_by(request, "Revoked in the admin"):
            number = service_accounts.revoke(queryset)
        messages.info(request, f"{number} token{'' if number == 1 else 's'} revoked.")
