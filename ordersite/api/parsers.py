"""How request bodies are parsed."""

import json
from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser as RestJSONParser

from orders.http.i18n import translate


class JSONParser(RestJSONParser):
    """Parse JSON, and say in the client's language where it is wrong."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        """Return the parsed body. Raises ParseError."""
        try:
            body = super().parse(stream, media_type, parser_context)
        except ParseError as error:
            raise ParseError(_explained(error.__context__)) from error
        try:
            json.dumps(body, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:  # neither a log nor an answer that quotes it could hold such a text
            raise ParseError(translate("The body has half of a surrogate pair, such as \\ud800.")) from error
        return body


def _explained(error: BaseException | None) -> str:
    if isinstance(error, json.JSONDecodeError):
        return translate(
            "The body is not JSON: see line {line}, column {column}.",
            line=error.lineno,
            column=error.colno,
        )
    if isinstance(error, UnicodeError):
        return translate("The body is not UTF-8.")
    if isinstance(error, ValueError) and "digits" in str(error):
        return translate("A number in the body has too many digits.")
    return translate("The body is not JSON: NaN and Infinity are no JSON numbers.")
