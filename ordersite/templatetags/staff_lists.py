"""What the project's templates for unfold's lists need: labels of rows on phones, and links that keep the filters."""

from typing import Any

from django.contrib.admin.templatetags.base import InclusionAdminNode
from django.contrib.admin.views.main import ALL_VAR, SEARCH_VAR
from django.template import Library
from django.template.base import Parser, Token
from django.utils.html import format_html
from django.utils.safestring import mark_safe
from django.utils.translation import gettext
from unfold.templatetags.unfold_list import result_list
from unfold.views import ChangeList

register = Library()


@register.simple_tag
def show_all_url(cl: ChangeList) -> str:
    """Return the address of the list on one page, with the filters, search and order of now; "" if it is one page."""
    if not (cl.can_show_all and cl.multi_page and not cl.show_all):
        return ""
    return str(cl.get_query_string({ALL_VAR: ""}))


@register.simple_tag
def without_filters(cl: ChangeList) -> str:
    """Return the address of the list without filters and without a search, in the same order."""
    return str(cl.get_query_string(remove=[SEARCH_VAR, *cl.get_filters_params()]))


@register.tag
def labelled_result_list(parser: Parser, token: Token) -> InclusionAdminNode:
    """Draw the list as unfold does. On a phone the label of a row's first cell names the row or the column."""
    template = "change_list_results.html"
    return InclusionAdminNode(parser, token, func=_labelled, template_name=template)  # type: ignore[call-arg, arg-type]  # stubs of Django 6.1


def _labelled(context: dict[str, Any], cl: ChangeList) -> dict[str, Any]:
    drawn: dict[str, Any] = result_list(context, cl)
    first = drawn["result_headers"][0]
    is_checkbox = "action-toggle" in first["text"]
    for row in drawn["results"]:
        label = f"Select {row.instance}" if is_checkbox else first["text"]
        row[0] = _relabel(row[0], label)
    return drawn


def _relabel(cell: str, label: str) -> str:
    """Replace the label that unfold gives to every first cell and its checkbox. The new one is escaped."""
    for attribute in ("data-label", "aria-label"):
        theirs = format_html('{}="{}"', attribute, gettext("Select record"))
        cell = cell.replace(theirs, format_html('{}="{}"', attribute, label), 1)
    return mark_safe(cell)  # noqa: S308 - made of safe parts only
