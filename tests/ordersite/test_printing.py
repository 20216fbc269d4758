"""What customers wrote cannot drive the terminal of the person who prints it."""

import json
import logging
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command, get_commands, load_command_class
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table

from eventstore.dispatch import Context, dispatch
from eventstore.management.base import SafeCommand
from eventstore.management.printing import printable
from tests.support import orders

ATTACK = "\x1b]0;owned\x07\x9b2J\r\u202egnp.exe\u2066\x7f\u2028[red]bold[/red]"
OBEYED = set(ATTACK) - set("]0;ownedgnp.exe2J[red]bold[/red]")


def test_every_command_of_the_project_escapes_what_it_prints() -> None:
    ours = ("eventstore", "orders", "projections", "ordersite", "benchmarks")
    # `migrate` is Django's: it prints names of migrations, in colours, and nothing that others wrote.
    mine = {name: app for name, app in get_commands().items() if app in ours and name != "migrate"}
    commands = [load_command_class(app, name) for name, app in mine.items()]
    assert len(commands) > 20
    assert [type(each).__module__ for each in commands if not isinstance(each, SafeCommand)] == []


class Printing(SafeCommand):
    """Prints what it is given, by each way in which a command prints."""

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(self.style.SUCCESS("plain ") + ATTACK)
        self.stderr.write(ATTACK)
        table = Table("Why")
        table.add_row(ATTACK)
        self.print_table(table)
        raise CommandError("stopped")


def test_output_errors_and_tables_are_escaped() -> None:
    out, err = StringIO(), StringIO()
    with pytest.raises(CommandError):
        call_command(Printing(), stdout=out, stderr=err)
    for printed in (out.getvalue(), err.getvalue()):
        assert OBEYED.isdisjoint(printed)
        assert "[red]bold[/red]" in printed, "nothing of it is markup"
        assert "\\u202e" in printed


@pytest.mark.django_db(transaction=True)
def test_an_aggregate_is_printed_with_escapes_that_json_reads_back() -> None:
    text = "Ann \u202e\x9b2J"
    order = replace(orders.new_order(), shipping_address=text)
    dispatch(order, Context(actor="staff:anna"))
    out = StringIO()
    call_command("show_aggregate", str(order.order_id), stdout=out)
    assert {"\u202e", "\x9b"}.isdisjoint(out.getvalue())
    assert text in json.dumps(json.loads(out.getvalue()), ensure_ascii=False)


def test_a_line_of_the_log_is_escaped() -> None:
    logging_settings: Any = settings.LOGGING
    formatter = logging_settings["formatters"]["line"]
    made = formatter["()"](processors=formatter["processors"], foreign_pre_chain=formatter["foreign_pre_chain"])
    line = made.format(logging.LogRecord("web", logging.INFO, "", 1, "no page %s", (ATTACK,), None))
    assert OBEYED.isdisjoint(line)


@given(st.text())
def test_json_means_the_same_after_it_was_escaped(text: str) -> None:
    assert json.loads(printable(json.dumps(text, ensure_ascii=False))) == text


def test_ordinary_text_stays_as_it_is() -> None:
    text = "Zoë\n\t\u0417\u0430 25 € \U0001f469\u200d\U0001f467 \u0645\u06cc\u200c\u062e"
    assert printable(text) == text
