"""The list of customers' accounts, with forms to open an account, deposit and withdraw."""

from contextlib import suppress
from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from unfold.decorators import action

from eventstore.dispatch import Answer, Context
from orders.accounts.commands import DepositMoney, OpenAccount, WithdrawMoney
from orders.accounts.identity import account_of
from orders.http.approvals import send
from ordersite.admin.forms.form_views import ask
from projections.accounting.admin.balances import AccountMoneyAdmin
from projections.accounting.balances import AccountMoney
from projections.admin.lookback import looked_back_at
from projections.reading.read_your_writes import NotYetVisible, wait_for
from projections.staff.order_sections import format_money

SUPPLIED = ("account_id", "customer_id", "currency", "by")  # fields that no form asks for: the page knows them


@admin.register(AccountMoney)
class CustomerAccountAdmin(AccountMoneyAdmin):
    """Lists accounts with their balances, and sends account commands."""

    actions_row = ("deposit", "withdraw")
    actions_list = ("open_account",)

    def has_send_permission(self, request: HttpRequest) -> bool:
        """Return False while the list shows a past moment: money is moved by the current balance only."""
        return not looked_back_at(request, AccountMoney) and request.user.has_perm("projections.send_commands")

    @action(description="Deposit", url_path="deposit", permissions=["send"], icon="savings")
    def deposit(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the form of a deposit; on POST, send it."""
        return self._ask(request, object_id, DepositMoney, "Deposit")

    @action(description="Withdraw", url_path="withdraw", permissions=["send"], icon="payments")
    def withdraw(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the form of a withdrawal; on POST, send it."""
        return self._ask(request, object_id, WithdrawMoney, "Withdraw")

    @action(description="Open an account", url_path="open", permissions=["send"], icon="add_card")
    def open_account(self, request: HttpRequest) -> HttpResponse:
        """Show the form of a new account; on POST, open it."""

        def complete(fields: dict[str, Any]) -> dict[str, Any]:
            return fields | {"account_id": account_of(fields["customer_id"], fields["currency"])}

        page = self._page(request, "Open an account", [])
        return ask(request, page, OpenAccount, "account_id", complete=complete, back=_list(), send=_send_and_wait)

    def _ask(self, request: HttpRequest, object_id: str, command: type, title: str) -> HttpResponse:
        account = self.get_object(request, object_id)
        if account is None:
            raise Http404("there is no such account")
        about = [("Customer", account.customer_id), ("Balance", format_money(account.balance, account.currency))]
        fixed = {"account_id": account.pk}
        return ask(
            request,
            self._page(request, title, about),
            command,
            *SUPPLIED,
            complete=lambda fields: fields | fixed,
            back=_list(),
            version=account.version,
            send=_send_and_wait,
        )

    def _page(self, request: HttpRequest, title: str, about: list[tuple[str, Any]]) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "title": title, "opts": self.opts, "about": about}


def _list() -> str:
    return reverse("admin:projections_accountmoney_changelist")


def _send_and_wait(command: Any, context: Context) -> Answer:
    """Send the command, then wait a limited time until the list shows its result."""
    answer = send(command, context)
    updated = AccountMoney.objects.filter(pk=answer.aggregate_id, version__gte=answer.version)
    with suppress(NotYetVisible):  # the list itself shows how far it is behind
        wait_for(updated.first, projection="account_money", rows=[answer.aggregate_id])
    return answer
