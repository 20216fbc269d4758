"""What is said to a client is said in its language; and nothing that is said has been forgotten."""

import re
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import translation
from rest_framework.test import APIClient

from eventstore.dispatch import Context
from eventstore.personal_data.subjects import erase
from eventstore.queue import worker
from orders.http.i18n import translate, translate_plural
from ordersite.middleware.language import spoken
from ordersite.models import User
from tests.support import catalogues
from tests.support.api import BODY, ORDERS, PAYMENT, place, problem, send

RUSSIAN = {"Accept-Language": "ru-RU,ru;q=0.9,en;q=0.8"}
CYRILLIC = re.compile("[\u0400-\u04ff]")

# --- what a client meets ----------------------------------------------------------------------------------------------


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
def test_the_first_language_that_the_site_speaks_is_spoken(accepted: str, language: str) -> None:
    assert spoken(accepted) == language


def test_every_answer_of_the_api_names_its_language_and_depends_on_it(api: APIClient, settings: Any) -> None:
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


def test_the_admin_speaks_english_whatever_a_browser_asks_for(db: None) -> None:
    page = Client().get("/admin/login/", headers=RUSSIAN)
    assert "Content-Language" not in page
    assert not CYRILLIC.search(page.content.decode())


def test_one_request_in_russian_leaves_the_next_in_english(api: APIClient) -> None:
    api.get("/api/v1/nothing", headers=RUSSIAN)
    assert problem(api.get("/api/v1/nothing"), 404, "not_found")["detail"] == "there is nothing at /api/v1/nothing"


def test_problems_are_told_in_russian_under_the_same_codes(api: APIClient, settings: Any) -> None:
    order = f"{ORDERS}/{place(api)}"
    login = {"username": "ada", "password": "no"}
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
        (api.post(ORDERS, "{", content_type="application/json", headers=RUSSIAN), 400, "parse_error"),
        (api.post(ORDERS, "x" * 3_000_000, content_type="application/json", headers=RUSSIAN), 413, "body_too_large"),
    ]
    settings.API_RATE_ADDRESS = "1/min"
    answers.append((api.get(order, headers=RUSSIAN), 429, "throttled"))
    for answer, status, code in answers:
        body = problem(answer, status, code)
        if code != "parse_error":  # "JSON parse error" and what the parser says of it
            assert CYRILLIC.search(body["detail"]), (code, body["detail"])


def test_what_is_wrong_with_a_field_is_told_in_russian(api: APIClient) -> None:
    lines = [{"sku": "", "name": "A", "quantity": 0, "unit_price": "x"}]
    body = problem(send(api, ORDERS, BODY | {"lines": lines}, **RUSSIAN), 400, "invalid")
    assert {error["field"] for error in body["errors"]} == {
        "lines.0.sku", "lines.0.quantity", "lines.0.unit_price"
    }  # fmt: skip
    for error in body["errors"]:
        assert CYRILLIC.search(error["message"]), error


def test_a_refusal_is_told_in_the_language_of_whoever_asks_even_later(api: APIClient, ada: User) -> None:
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


def test_an_orders_story_is_told_in_russian(api: APIClient) -> None:
    order = f"{ORDERS}/{place(api)}"
    send(api, f"{order}/payments", PAYMENT, **{"If-Match": '"1"'})
    send(api, f"{order}/cancel", {"reason": "no"}, **{"If-Match": '"2"'})
    told = [each["words"] for each in api.get(f"{order}/timeline", headers=RUSSIAN).json()]
    assert told == [
        "Вы заказали 2 позиции на сумму 22.50 GBP.",
        "Вы оплатили 22.50 GBP, способ оплаты: card.",
        "Заказ отменён. Вам вернётся 22.50 GBP.",
    ]


@pytest.mark.parametrize(
    ("seconds", "words"), [(1, "1 секунду"), (3, "3 секунды"), (11, "11 секунд"), (21, "21 секунду"), (60, "60 секунд")]
)
def test_words_go_with_their_number(seconds: int, words: str) -> None:
    with translation.override("ru"):
        told = translate_plural(
            "too many requests: send it again in {number} second",
            "too many requests: send it again in {number} seconds",
            number=seconds,
        )
    assert told == f"слишком много запросов: повторите через {words}"


def test_words_without_params_may_hold_braces() -> None:
    assert translate("a {brace} of its own") == "a {brace} of its own"


# --- nothing is forgotten ---------------------------------------------------------------------------------------------

# Still to name their templates, or to say what they raise. Take a file out when it does: the tests say so.
AWAITED: set[str] = set()
UNSAID: set[str] = set()


def test_what_is_said_is_a_literal_that_can_be_translated() -> None:
    wrong = [message for message in catalogues.messages() if not message.words]
    assert [message.where for message in wrong if message.path not in AWAITED] == []
    assert {message.path for message in wrong} >= AWAITED, "these name their templates now: await them no more"


def test_no_error_of_the_api_is_raised_with_words_in_one_language() -> None:
    bare = list(catalogues.unsaid())
    assert [message.where for message in bare if message.path not in UNSAID] == []
    assert {message.path for message in bare} == UNSAID, "these say what they raise now: await them no more"


def test_every_place_of_a_template_is_given_and_nothing_besides() -> None:
    for message in catalogues.messages():
        for words in message.words:
            if message.given is not None:
                missing = message.given ^ catalogues.places(words)
                assert missing <= ({"number"} if len(message.words) > 1 else set()), message.where


@pytest.mark.parametrize("language", catalogues.LANGUAGES)
def test_everything_that_is_said_has_a_translation_with_the_same_places(language: str) -> None:
    known = catalogues.catalogue(language)
    found = [message for message in catalogues.messages() if message.words]
    assert len(found) >= 40
    for message in found:
        entry = known.get(message.words[0])
        assert entry is not None, f"{message.where}: {message.words[0]!r} is in no catalogue: make messages"
        assert catalogues.is_translated(entry.string), (
            f"{message.where}: {message.words[0]!r} has no words in {language}"
        )
        assert not entry.fuzzy, f"{message.where}: nobody has approved {entry.string!r}"
        if message.given:
            for words in [entry.string] if isinstance(entry.string, str) else entry.string or ():
                assert catalogues.places(words) == catalogues.places(message.words[0]), message.where


@pytest.mark.parametrize("language", catalogues.LANGUAGES)
def test_what_is_compiled_is_what_is_written(language: str) -> None:
    compiled = catalogues.po(language).with_suffix(".mo").read_bytes()
    assert compiled == catalogues.compiled(catalogues.catalogue(language)), "make messages"


def test_what_is_said_no_more_is_kept_aside_and_comes_back() -> None:
    known = catalogues.catalogue("ru")
    known.add("said no more", "больше не говорится")
    aside = catalogues.updated(known)
    assert "said no more" not in aside
    assert aside.obsolete["said no more"].string == "больше не говорится"


@pytest.mark.parametrize("template", ["{due:,}", "{0}", "{}", "{order.due}", "{name!r}", "{"])
def test_a_place_is_a_plain_name(template: str) -> None:
    with pytest.raises(ValueError, match=r"plain name|encountered"):
        catalogues.places(template)
