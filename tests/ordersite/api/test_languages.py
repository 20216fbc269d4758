"""Clients get texts in their language, and every text is translated."""

import json
import re
from typing import Any, get_args
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import translation
from rest_framework.test import APIClient

from eventstore.dispatch import Context
from eventstore.errors import CommandRefused, Phrase
from eventstore.messages import EVENT_TYPES
from eventstore.personal_data.subjects import erase
from eventstore.queue import worker
from eventstore.queue.refusals import params_to_json, refusal_from_json
from orders.events import (
    EditDiscarded,
    EditStaged,
    LinesCancelled,
    NoteAdded,
    OrderCancelled,
    OrderCreated,
    OrderEvent,
    OrderPaid,
    OrderRestored,
    OrderShipped,
    ParcelShipped,
    PaymentCaptured,
    RefundSettled,
)
from orders.http.i18n import translate, translate_plural
from orders.rules.undoing import WORDS
from ordersite.middleware.language import supported_language
from ordersite.models import User
from tests.support import catalogues
from tests.support.api import BODY, ORDERS, PAYMENT, RUSSIAN, place, problem, send
from tests.support.back_office import staff_client

CYRILLIC = re.compile("[\u0400-\u04ff]")

# --- answers in two languages -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en-gb"),
        ("en-US,en;q=0.9", "en-gb"),
        ("ru", "ru"),
        ("RU-ru", "ru"),
        ("de, ru;q=0.5, en;q=0.3", "ru"),
        ("de, en;q=0.5, ru;q=0.3", "en-gb"),
        ("ru;q=0, en", "en-gb"),
        ("fr", "en-gb"),
        ("*", "en-gb"),
        ("\N{SNOWMAN};;q=x", "en-gb"),
        ("x-" * 2000, "en-gb"),
    ],
)
def test_the_first_supported_language_is_used(accepted: str, language: str) -> None:
    assert supported_language(accepted) == language


def test_every_answer_of_the_api_names_its_language_and_varies_by_it(api: APIClient, settings: Any) -> None:
    order = f"{ORDERS}/{place(api)}"
    unchanged = {"If-None-Match": api.get(order)["ETag"]}
    for answer in (
        api.get(order, headers=RUSSIAN),
        api.get(order, headers=RUSSIAN | unchanged),
        api.get("/api/v1/nothing", headers=RUSSIAN),
        api.get(order, headers=RUSSIAN | {"Host": "elsewhere.example"}),
        APIClient().get(order, headers=RUSSIAN),
    ):
        assert answer["Content-Language"] == "ru", answer.status_code
        assert "Accept-Language" in answer["Vary"]
    assert api.get(order)["Content-Language"] == "en-gb"


def test_the_admin_is_always_in_english(db: None) -> None:
    page = Client().get("/admin/login/", headers=RUSSIAN)
    assert "Content-Language" not in page
    assert not CYRILLIC.search(page.content.decode())


def test_a_request_in_russian_does_not_change_the_language_of_the_next(api: APIClient) -> None:
    api.get("/api/v1/nothing", headers=RUSSIAN)
    assert problem(api.get("/api/v1/nothing"), 404, "not_found")["detail"] == "there is nothing at /api/v1/nothing"


def test_problems_are_translated_and_keep_their_codes(api: APIClient, settings: Any) -> None:
    order = f"{ORDERS}/{place(api)}"
    login = {"username": "ada", "password": "no"}

    def send_text(body: str) -> Any:
        headers = RUSSIAN | {"Idempotency-Key": str(uuid4())}
        return api.post(ORDERS, body, content_type="application/json", headers=headers)

    answers = [
        (api.get(f"{ORDERS}/{uuid4()}", headers=RUSSIAN), 404, "order_not_found"),
        (api.get(f"/api/v1/commands/{uuid4()}", headers=RUSSIAN), 404, "command_not_found"),
        (api.get("/api/v1/nothing", headers=RUSSIAN), 404, "not_found"),
        (api.get(ORDERS, {"colour": "red"}, headers=RUSSIAN), 400, "invalid"),
        (api.get(ORDERS, {"status": "lost"}, headers=RUSSIAN), 400, "invalid"),
        (api.get(ORDERS, {"created_lt": "soon"}, headers=RUSSIAN), 400, "invalid"),
        (api.get(order, headers=RUSSIAN | {"Host": "elsewhere.example"}), 400, "bad_request"),
        (api.delete(order, headers=RUSSIAN), 405, "method_not_allowed"),
        (api.get(order, headers=RUSSIAN | {"Accept": "text/html"}), 406, "not_acceptable"),
        (APIClient().get(order, headers=RUSSIAN), 401, "not_authenticated"),
        (APIClient().post("/api/v1/auth/login", login, format="json", headers=RUSSIAN), 401, "wrong_credentials"),
        (send_text("{"), 400, "parse_error"),
        (send_text("x" * 3_000_000), 413, "body_too_large"),
    ]
    settings.API_RATE_ADDRESS = "1/min"
    answers.append((api.get(order, headers=RUSSIAN), 429, "throttled"))
    for answer, status, code in answers:
        body = problem(answer, status, code)
        if code != "parse_error":  # "JSON parse error" with the parser's own text
            assert CYRILLIC.search(body["detail"]), (code, body["detail"])


def test_errors_of_fields_are_translated(api: APIClient) -> None:
    lines = [{"sku": "", "name": "A", "quantity": 0, "unit_price": "x"}]
    body = problem(send(api, ORDERS, BODY | {"lines": lines}, **RUSSIAN), 400, "invalid")
    assert {error["field"] for error in body["errors"]} == {
        "lines.0.sku", "lines.0.quantity", "lines.0.unit_price"
    }  # fmt: skip
    for error in body["errors"]:
        assert CYRILLIC.search(error["message"]), error


def test_a_later_refusal_is_in_the_language_of_the_reader(api: APIClient, ada: User) -> None:
    place(api)
    waiting = send(api, ORDERS, BODY, Prefer="respond-async")
    assert ada.customer_id
    erase(ada.customer_id, Context(actor="staff:anna"))
    worker.run()
    at_once = problem(send(api, ORDERS, BODY, **RUSSIAN), 409, "subject_erased")
    later = api.get(waiting["Location"], headers=RUSSIAN).json()["problem"]
    assert later == at_once
    assert at_once["detail"] == f"персональные данные {ada.customer_id} удалены: новые больше не сохраняются"
    english = api.get(waiting["Location"]).json()["problem"]
    assert english["detail"] == f"the personal data of {ada.customer_id} was erased: no more is stored"


ENGLISH_WORD = re.compile(r"\b(?!GBP\b|card\b|DHL\b)[A-Za-z]{2,}")


def test_a_sentence_made_of_several_facts_is_translated_as_a_whole(api: APIClient, projecting: None) -> None:
    staff_api = staff_client()
    order_id = place(api)
    order, office = f"{ORDERS}/{order_id}", f"/api/v1/back-office/orders/{order_id}"
    send(api, f"{order}/payments", PAYMENT)
    send(staff_api, f"{office}/hold", {"reason": "Fraud"})
    send(staff_api, f"{office}/release", {})
    send(staff_api, f"{office}/ship", {"carrier": "DHL"})
    wish = {"version": 1, "reason": "Wrong"}
    detail = problem(send(staff_api, f"{office}/restore", wish, **RUSSIAN), 409, "money_moved")["detail"]
    assert not ENGLISH_WORD.search(detail), detail
    english = problem(send(staff_api, f"{office}/restore", wish), 409, "money_moved")["detail"]
    assert "22.50 GBP was paid by card and goods were shipped with DHL and more happened to it (held and" in english


def test_a_stored_refusal_keeps_the_phrases_of_its_sentence() -> None:
    fact = Phrase("{facts} and {fact}", facts=Phrase("goods were shipped"), fact=Phrase("held"))
    refusal = CommandRefused("x", "since {version}: {facts}", version=3, facts=fact)
    stored = {"code": "x", "message": refusal.message, "template": refusal.template}
    params = json.loads(json.dumps(params_to_json(refusal.params)))
    read = refusal_from_json(CommandRefused, stored | {"params": params})
    with translation.override("ru"):
        assert read.message_in(translate) == "since 3: товары отправлены и заказ приостановлен"
    assert read.message == refusal.message == "since 3: goods were shipped and held"


def test_every_event_that_stands_in_the_way_of_a_restore_has_words() -> None:
    undoable = (OrderCancelled, LinesCancelled, OrderRestored, NoteAdded, EditStaged, EditDiscarded)
    facts = (OrderCreated, OrderPaid, PaymentCaptured, RefundSettled, OrderShipped, ParcelShipped)
    others = set(get_args(OrderEvent)) - {*undoable, *facts}
    assert {EVENT_TYPES[each].name for each in others} == set(WORDS)


def test_a_timeline_is_translated(api: APIClient) -> None:
    order = f"{ORDERS}/{place(api)}"
    send(api, f"{order}/payments", PAYMENT, **{"If-Match": '"1"'})
    send(api, f"{order}/cancel", {"reason": "no"}, **{"If-Match": '"2"'})
    timeline = [entry["words"] for entry in api.get(f"{order}/timeline", headers=RUSSIAN).json()]
    assert timeline == [
        "Вы заказали 2 позиции на сумму 22.50 GBP.",
        "Вы оплатили 22.50 GBP, способ оплаты: card.",
        "Заказ отменён. Вам вернётся 22.50 GBP.",
    ]


@pytest.mark.parametrize(
    ("seconds", "words"), [(1, "1 секунду"), (3, "3 секунды"), (11, "11 секунд"), (21, "21 секунду"), (60, "60 секунд")]
)
def test_plural_forms_match_their_number(seconds: int, words: str) -> None:
    with translation.override("ru"):
        text = translate_plural(
            "too many requests: send it again in {number} second",
            "too many requests: send it again in {number} seconds",
            number=seconds,
        )
    assert text == f"слишком много запросов: повторите через {words}"


def test_texts_without_params_may_contain_braces() -> None:
    assert translate("a {brace} of its own") == "a {brace} of its own"


# --- the catalogue is complete ----------------------------------------------------------------------------------------


def test_every_text_is_a_literal_that_can_be_extracted() -> None:
    assert [message.where for message in catalogues.messages() if not message.templates] == []


def test_no_api_error_is_raised_with_an_untranslated_text() -> None:
    assert [message.where for message in catalogues.untranslated()] == []


def test_every_placeholder_has_a_parameter_and_vice_versa() -> None:
    for message in catalogues.messages():
        for template in message.templates:
            if message.params is not None:
                missing = message.params ^ catalogues.placeholders(template)
                assert missing <= ({"number"} if len(message.templates) > 1 else set()), message.where


@pytest.mark.parametrize("language", catalogues.LANGUAGES)
def test_every_text_has_a_translation_with_the_same_placeholders(language: str) -> None:
    catalogue = catalogues.catalogue(language)
    messages = [message for message in catalogues.messages() if message.templates]
    assert len(messages) >= 40
    for message in messages:
        entry = catalogue.get(message.templates[0])
        assert entry is not None, f"{message.where}: {message.templates[0]!r} is missing: make messages"
        assert catalogues.is_translated(entry.string), (
            f"{message.where}: {message.templates[0]!r} is not translated into {language}"
        )
        assert not entry.fuzzy, f"{message.where}: {entry.string!r} is not approved"
        if message.params:
            for translated in [entry.string] if isinstance(entry.string, str) else entry.string or ():
                assert catalogues.placeholders(translated) == catalogues.placeholders(message.templates[0]), (
                    message.where
                )


@pytest.mark.parametrize("language", catalogues.LANGUAGES)
def test_the_compiled_catalogue_is_up_to_date(language: str) -> None:
    compiled = catalogues.po(language).with_suffix(".mo").read_bytes()
    assert compiled == catalogues.compiled(catalogues.catalogue(language)), "make messages"


def test_unused_texts_become_obsolete_and_come_back() -> None:
    catalogue = catalogues.catalogue("ru")
    catalogue.add("no longer used", "больше не используется")
    updated = catalogues.updated(catalogue)
    assert "no longer used" not in updated
    assert updated.obsolete["no longer used"].string == "больше не используется"


@pytest.mark.parametrize("template", ["{due:,}", "{0}", "{}", "{order.due}", "{name!r}", "{"])
def test_a_placeholder_is_a_plain_name(template: str) -> None:
    with pytest.raises(ValueError, match=r"plain name|encountered"):
        catalogues.placeholders(template)
