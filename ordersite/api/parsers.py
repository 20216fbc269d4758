"""How request bodies are parsed: within limits of size, nesting and number, which are checked before decoding."""

import json
from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from eventstore.limits.json_text import RepeatedName, read_json
from eventstore.limits.numbers import parse_whole
from orders.http.bodies import BodyTooLarge, largest_body
from orders.http.i18n import translate
from ordersite.api.json_limits import TooLarge, require_bounded


class JSONParser(BaseParser):
    """Parse JSON, and say in the client's language where it is wrong.

    JSON is UTF-8, whatever `charset` a request states: decoding some other character sets takes quadratic time.
    """

    media_type = "application/json"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        """Return the parsed body. Raises BodyTooLarge before it reads a long body, and ParseError."""
        context = parser_context or {}
        _require_size(context["request"].META.get("CONTENT_LENGTH") or "0", largest_body(context["view"]))
        return parse_body(stream.read())


def parse_body(raw: bytes) -> Any:
    """Return what a body of JSON means. Raises ParseError if it is no JSON, is too large, or repeats a name."""
    try:
        text = raw.decode()
        require_bounded(text)
        body = read_json(text)
        if "\\u" in text:
            json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:  # neither a log nor an answer that quotes it could hold such a text
        raise ParseError(translate("The body has half of a surrogate pair, such as \\ud800.")) from error
    except ValueError as error:
        raise ParseError(_explained(error)) from error
    return body


def _require_size(stated: str, most: int) -> None:
    try:
        parse_whole(stated, most=most)
    except ValueError as error:
        raise BodyTooLarge(translate("the body is too large: the limit is {most} bytes", most=most)) from error


def _explained(error: ValueError) -> str:
    if isinstance(error, TooLarge):
        return str(error)
    if isinstance(error, RepeatedName):
        return translate("The body has '{name}' twice in one object: send each field once.", name=error.name)
    if isinstance(error, json.JSONDecodeError):
        return translate(
            "The body is not JSON: see line {line}, column {column}.",
            line=error.lineno,
            column=error.colno,
        )
    if isinstance(error, UnicodeError):
        return translate("The body is not UTF-8.")
    if "digits" in str(error):
        return translate("A number in the body has too many digits.")
    return translate("The body is not JSON: NaN and Infinity are no JSON numbers.")
