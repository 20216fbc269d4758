"""Answer every error of the API as a problem (RFC 9457, `application/problem+json`) with a stable `code`."""

import logging
import sys
from collections.abc import Iterator
from dataclasses import asdict
from http import HTTPStatus
from itertools import islice
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError
from rest_framework import serializers
from rest_framework.exceptions import APIException, Throttled, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

from eventstore.errors import (
    UNREADABLE,
    AggregateNotFound,
    CommandRefused,
    ConcurrencyError,
    IdempotencyConflict,
    QueueFull,
    QueueShareFull,
)
from eventstore.sql import is_outage, is_read_only
from orders.actions import ACTIONS
from orders.http.allowed_requests import METHODS
from orders.http.bodies import MOST_ERRORS
from orders.http.i18n import translate
from orders.http.request import is_api
from ordersite.api.problem_codes import HEADER_CODES, PROBLEM_CODES
from ordersite.error_pages import READ_ONLY, error_page
from projections.reading.read_your_writes import NotYetVisible

log = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
LONGEST_MESSAGE, LONGEST_FIELD, LONGEST_DETAIL = 500, 200, 8_000  # characters; a problem may quote what was sent

_RENAMED = {413: "Content Too Large", 414: "URI Too Long", 422: "Unprocessable Content"}
"""Names of RFC 9110. Python before 3.13 has older names, and a title must not depend on the Python version."""


class FieldErrorSerializer(serializers.Serializer[Any]):
    """An error of one field."""

    field = serializers.CharField()
    message = serializers.CharField()
    code = serializers.CharField()


class AllowedRequestSerializer(serializers.Serializer[Any]):
    """A request that the order would accept now, given the right body."""

    action = serializers.ChoiceField(choices=ACTIONS, help_text="The name of the action, as in `allowed_actions`.")
    operation_id = serializers.CharField(help_text="The `operationId` of the request in this description.")
    method = serializers.ChoiceField(choices=METHODS, help_text="The HTTP method.")
    href = serializers.CharField(help_text="The path of the request on this host.")


class ProblemSerializer(serializers.Serializer[Any]):
    """An error (RFC 9457). `code` is stable: use it in your program, and show `detail` to people."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.ChoiceField(choices=PROBLEM_CODES)
    detail = serializers.CharField()
    errors = FieldErrorSerializer(  # type: ignore[assignment]  # DRF's name, our field
        many=True, required=False, help_text=f"With 400: each field that is wrong, at most {MOST_ERRORS} of them."
    )
    allowed_actions = serializers.ListField(
        child=serializers.ChoiceField(choices=ACTIONS),
        required=False,
        help_text="With 409: the names of what you could do with the order now.",
    )
    allowed_requests = AllowedRequestSerializer(
        many=True, required=False, help_text="With 409: the request for each allowed action."
    )


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """Handle an exception for DRF. Returns None, which becomes a 500, only for unexpected errors."""
    refusal = _domain_refusal(error)
    if refusal:
        set_rollback()
        return _respond(*refusal, **_actions(error))
    response = exception_handler(error, context)
    if response is None:
        return None
    headers = {name: response[name] for name in ("WWW-Authenticate", "Retry-After") if name in response}
    if isinstance(error, Http404 | PermissionDenied):
        code = HTTPStatus(response.status_code).phrase.lower().replace(" ", "_")
        return _respond(response.status_code, code, str(response.data["detail"]))
    assert isinstance(error, APIException)
    if isinstance(error, ValidationError):
        errors = list(islice(_field_errors(error.get_full_details()), MOST_ERRORS + 1))
        special = {entry["code"] for entry in errors} & HEADER_CODES
        detail = "; ".join(f"{entry['field']}: {entry['message']}" for entry in errors[:MOST_ERRORS])
        if len(errors) > MOST_ERRORS:
            errors = errors[:MOST_ERRORS]
            detail = translate("{errors}; there are more errors: correct these first", errors=detail)
        return _respond(400, next(iter(special), "invalid"), detail, headers, errors=errors)
    detail, code = str(error.detail), getattr(error.detail, "code", None) or error.default_code
    if isinstance(error, Throttled):
        code = "throttled"
    return _respond(response.status_code, code, detail, headers)


def problem_of(refusal: Exception) -> dict[str, Any]:
    """Return the problem that a synchronous request would get for a command that the domain refused."""
    answer = _domain_refusal(refusal)
    assert answer, refusal
    return _body(*answer[:3]) | _actions(refusal)


def _actions(error: Exception) -> dict[str, Any]:
    """Return the extra fields of a refusal by an order's rules: what its sender could send instead."""
    allowed = error.allowed_requests if isinstance(error, CommandRefused) else None
    if allowed is None:
        return {}
    return {
        "allowed_actions": [request.action for request in allowed],
        "allowed_requests": [asdict(request) for request in allowed],
    }


def _domain_refusal(error: Exception) -> tuple[int, str, str, dict[str, str]] | None:
    """Return status, code, text and headers of a deliberate refusal; None for any other error."""
    answer: tuple[int, str, str, dict[str, str]]
    later = {"Retry-After": "1"}
    match error:
        case AggregateNotFound():
            answer = 404, error.code, error.message_in(gettext), {}
        case CommandRefused():
            answer = 409, error.code, error.message_in(gettext), {}
        case RequestDataTooBig():
            answer = 413, "body_too_large", translate("the body is too large: send less at once"), {}
        case RecursionError():
            answer = 400, "parse_error", translate("the body is nested too deeply"), {}
        case IdempotencyConflict():
            text = translate("this Idempotency-Key was used for another request: use a new one")
            answer = 422, "idempotency_key_reused", text, {}
        case ConcurrencyError() if error.actual is None:
            text = translate("too many requests change this at the same time: send the same request again")
            answer = 503, "contended", text, later
        case ConcurrencyError():
            text = translate("it has changed since you read it: read it again, then retry")
            answer = 412, "version_differs", text, {}
        case _:
            return _unavailable(error)
    return answer


def _queue_full(error: QueueFull) -> tuple[int, str, str, dict[str, str]]:
    """Return the same for a command that the queue did not accept."""
    if isinstance(error, QueueShareFull):
        text = translate("too many of your commands are waiting: send it again when some are done")
        return 429, "too_many_queued", text, {"Retry-After": "5"}
    return 503, "queue_full", translate("too many commands are waiting: send it again later"), {"Retry-After": "5"}


def _unavailable(error: Exception) -> tuple[int, str, str, dict[str, str]] | None:
    """Return the same for what the site cannot do at the moment."""
    match error:
        case QueueFull():
            return _queue_full(error)
        case NotYetVisible():
            text = translate("the version you asked for is not visible yet: ask again in a moment")
            return 503, "not_yet_visible", text, {"Retry-After": "1"}
        case _ if is_read_only(error):
            text = translate("nothing can be changed at the moment: send the same request again later")
            return 503, "read_only", text, {"Retry-After": "5"}
        case _ if _is_outage(error):
            log.error("a part that the site needs does not answer: %s", error, exc_info=error)
            text = translate("the site cannot answer at the moment: send the same request again later")
            return 503, "unavailable", text, {"Retry-After": "5"}
        case _ if isinstance(error, UNREADABLE):
            log.error("a history cannot be read: %s", error, exc_info=error)
            text = translate("this history cannot be read at the moment; the shop's operators can see why")
            return 503, "history_unreadable", text, {"Retry-After": "60"}
        case _:
            return None


def _is_outage(error: BaseException) -> bool:
    """Return whether the database, the cache or the broker does not answer."""
    return is_outage(error) or isinstance(error, RedisError | BrokerError)


def _respond(status: int, code: str, detail: str, headers: dict[str, str] | None = None, **more: Any) -> Response:
    return Response(_body(status, code, detail) | more, status=status, headers=headers, content_type=CONTENT_TYPE)


def _body(status: int, code: str, detail: str) -> dict[str, Any]:
    return {
        "type": f"urn:ordersite:problem:{code}",
        "title": title_of(status),
        "status": status,
        "code": code,
        "detail": shortened(detail, LONGEST_DETAIL),
    }


def shortened(text: str, most: int) -> str:
    """Return a text without what follows its first `most` characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def title_of(status: int) -> str:
    """Return the name of a status, as in RFC 9110."""
    return _RENAMED.get(status) or HTTPStatus(status).phrase


def _field_errors(details: Any, path: str = "") -> Iterator[dict[str, str]]:
    """Flatten nested errors; a field is named by its path, such as `lines.0.quantity`."""
    match details:
        case {"message": str(message), "code": str(code)}:
            field = shortened(path or "body", LONGEST_FIELD)
            yield {"field": field, "message": shortened(message, LONGEST_MESSAGE), "code": code}
        case dict():
            for name, inner in details.items():
                yield from _field_errors(inner, path if name == "non_field_errors" else f"{path}.{name}".lstrip("."))
        case list():
            for number, inner in enumerate(details):
                is_leaf = isinstance(inner, dict) and set(inner) == {"message", "code"}
                yield from _field_errors(inner, path if is_leaf else f"{path}.{number}")


def problem(request: HttpRequest, status: int, code: str, detail: str) -> HttpResponse:
    """Answer an error outside of views: with a problem below /api/, with a page for people elsewhere."""
    if not is_api(request):
        return error_page(request, status)
    body = _body(status, code, detail)
    return JsonResponse(body, status=status, content_type=CONTENT_TYPE, json_dumps_params={"ensure_ascii": False})


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django refuses before it calls a view, such as a wrong Host."""
    return problem(request, 400, "bad_request", translate("this request is malformed"))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request for which the account has no permission."""
    return problem(request, 403, "forbidden", translate("you may not do this"))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a path that does not exist."""
    return problem(request, 404, "not_found", translate("there is nothing at {path}", path=request.path))


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer an error that no view handled: 503 if a part of the site does not answer, otherwise 500.

    The traceback is in the log, with the request's id.
    """
    error = sys.exception()
    if is_api(request):
        text = translate("an internal error occurred: report the X-Request-ID of this answer")
        known = _unavailable(error) if isinstance(error, Exception) else None
        status, code, detail, headers = known or (500, "internal_error", text, {})
        response = problem(request, status, code, detail)
        for name, value in headers.items():
            response[name] = value
        return response
    if error is None or not _is_outage(error):
        return error_page(request, 500)
    response = error_page(request, 503, kind=READ_ONLY if is_read_only(error) else None)
    response["Retry-After"] = "60"
    return response
