"""Every error of the API as a problem (RFC 9457, `application/problem+json`) with a stable `code`."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.html import escape
from django.utils.translation import gettext
from rest_framework import serializers
from rest_framework.exceptions import APIException, Throttled, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

from eventstore.errors import AggregateNotFound, CommandRefused, ConcurrencyError, IdempotencyConflict, QueueFull
from orders.http.i18n import translate
from orders.http.request import API
from projections.reading.read_your_writes import NotYetVisible

CONTENT_TYPE = "application/problem+json"

_RENAMED = {413: "Content Too Large", 414: "URI Too Long", 422: "Unprocessable Content"}
"""By RFC 9110; Python before 3.13 has their older names, and a title should not depend on that."""


class FieldErrorSerializer(serializers.Serializer[Any]):
    field = serializers.CharField()
    message = serializers.CharField()
    code = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457. `code` is stable: branch on it, show `detail`."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    errors = FieldErrorSerializer(  # type: ignore[assignment]  # DRF's name, our field
        many=True, required=False, help_text="Of 400: what is wrong, field by field."
    )
    allowed_actions = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        help_text="Of 409: the commands that the order would take now, sent with the right content.",
    )


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: None, that is a 500, only for what nobody foresaw."""
    known = _of_the_domain(error)
    if known:
        set_rollback()
        return _respond(*known, **_instead(error))
    response = exception_handler(error, context)
    if response is None:
        return None
    headers = {name: response[name] for name in ("WWW-Authenticate", "Retry-After") if name in response}
    if isinstance(error, Http404 | PermissionDenied):
        code = HTTPStatus(response.status_code).phrase.lower().replace(" ", "_")
        return _respond(response.status_code, code, str(response.data["detail"]))
    assert isinstance(error, APIException)
    if isinstance(error, ValidationError):
        errors = list(_field_errors(error.get_full_details()))
        own = {entry["code"] for entry in errors} & {"idempotency_key_missing", "if_match_malformed"}
        detail = "; ".join(f"{entry['field']}: {entry['message']}" for entry in errors)
        return _respond(400, next(iter(own), "invalid"), detail, headers, errors=errors)
    detail, code = str(error.detail), getattr(error.detail, "code", None) or error.default_code
    if isinstance(error, Throttled):
        code = "throttled"
    return _respond(response.status_code, code, detail, headers)


def problem_of(refusal: Exception) -> dict[str, Any]:
    """What a request that waits would have been answered, where the domain refused its command."""
    known = _of_the_domain(refusal)
    assert known, refusal
    return _body(*known[:3]) | _instead(refusal)


def _instead(error: Exception) -> dict[str, Any]:
    """What a refusal by the rules says besides."""
    if isinstance(error, CommandRefused) and not isinstance(error, AggregateNotFound):
        return {"allowed_actions": list(error.allowed_actions)}
    return {}


def _of_the_domain(error: Exception) -> tuple[int, str, str, dict[str, str]] | None:
    """Status, code, words and headers of what is refused on purpose."""
    known: tuple[int, str, str, dict[str, str]]
    later = {"Retry-After": "1"}
    match error:
        case AggregateNotFound():
            known = (404, error.code, error.message_in(gettext), {})
        case CommandRefused():
            known = (409, error.code, error.message_in(gettext), {})
        case IdempotencyConflict():
            words = translate("this Idempotency-Key was used for another request: use a new one")
            known = (422, "idempotency_key_reused", words, {})
        case ConcurrencyError() if error.actual is None:
            words = translate("too many change it at once: send the same request again")
            known = (503, "contended", words, later)
        case ConcurrencyError():
            words = translate("it has changed since you read it: read it again, then retry")
            known = (412, "version_differs", words, {})
        case RequestDataTooBig():
            known = (413, "body_too_large", translate("the body is larger than this site takes: send less at once"), {})
        case RecursionError():
            known = (400, "parse_error", translate("the body is nested too deeply"), {})
        case QueueFull():
            words = translate("too many commands are waiting, and no more are taken: send it again in a while")
            known = (503, "queue_full", words, {"Retry-After": "5"})
        case NotYetVisible():
            words = translate("the version you asked for is not visible yet: ask again in a moment")
            known = (503, "not_yet_visible", words, later)
        case _:
            return None
    return known


def _respond(status: int, code: str, detail: str, headers: dict[str, str] | None = None, **more: Any) -> Response:
    return Response(_body(status, code, detail) | more, status=status, headers=headers, content_type=CONTENT_TYPE)


def _body(status: int, code: str, detail: str) -> dict[str, Any]:
    return {
        "type": f"urn:ordersite:problem:{code}",
        "title": _title(status),
        "status": status,
        "code": code,
        "detail": detail,
    }


def _title(status: int) -> str:
    return _RENAMED.get(status) or HTTPStatus(status).phrase


def _field_errors(details: Any, path: str = "") -> Iterator[dict[str, str]]:
    """Nested errors as a flat list: `lines.0.quantity` and what is wrong with it."""
    match details:
        case {"message": str(message), "code": str(code)}:
            yield {"field": path or "body", "message": message, "code": code}
        case dict():
            for name, inner in details.items():
                yield from _field_errors(inner, path if name == "non_field_errors" else f"{path}.{name}".lstrip("."))
        case list():
            for number, inner in enumerate(details):
                is_leaf = isinstance(inner, dict) and set(inner) == {"message", "code"}
                yield from _field_errors(inner, path if is_leaf else f"{path}.{number}")


def problem(request: HttpRequest, status: int, code: str, detail: str, page: str = "") -> HttpResponse:
    """What is answered outside any view: a problem below /api/, a plain page elsewhere."""
    if request.path.startswith(API):
        as_they_are = {"ensure_ascii": False}
        body = _body(status, code, detail)
        return JsonResponse(body, status=status, content_type=CONTENT_TYPE, json_dumps_params=as_they_are)
    return HttpResponse(page or f"<h1>{_title(status)}</h1><p>{escape(detail)}</p>", status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What Django refuses before any view is asked, such as a wrong Host."""
    return problem(request, 400, "bad_request", translate("this request is not well-formed"))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A path that is not there."""
    words = translate("there is nothing at {path}", path=request.path)
    return problem(request, 404, "not_found", words, "<h1>Not found</h1><p><a href='/'>Start page</a></p>")


def server_error(request: HttpRequest) -> HttpResponse:
    """What nobody foresaw. The log has it under this request's id."""
    words = translate("something went wrong here; quote the X-Request-ID of this answer")
    return problem(request, 500, "internal_error", words)
