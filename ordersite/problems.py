"""Every error of the API as a problem (RFC 9457, `application/problem+json`) with a stable `code`."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from rest_framework import serializers
from rest_framework.exceptions import APIException, Throttled, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

from eventstore.errors import AggregateNotFound, CommandRefused, ConcurrencyError, IdempotencyConflict, QueueFull
from projections.waiting import NotYetVisible

CONTENT_TYPE = "application/problem+json"


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
    errors = FieldErrorSerializer(many=True, required=False)  # type: ignore[assignment]  # DRF's name, our field


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: None, that is a 500, only for what nobody foresaw."""
    known = _of_the_domain(error)
    if known:
        set_rollback()
        return _respond(*known)
    response = exception_handler(error, context)
    if response is None:
        return None
    headers = {name: response[name] for name in ("WWW-Authenticate", "Retry-After") if name in response}
    if isinstance(error, Http404 | PermissionDenied):
        return _respond(
            response.status_code, HTTPStatus(response.status_code).phrase.lower().replace(" ", "_"), str(error)
        )
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
    return _body(*known[:3])


def _of_the_domain(error: Exception) -> tuple[int, str, str, dict[str, str]] | None:
    """Status, code, words and headers of what is refused on purpose."""
    known: tuple[int, str, str, dict[str, str]]
    later = {"Retry-After": "1"}
    match error:
        case AggregateNotFound():
            known = (404, error.code, error.message, {})
        case CommandRefused():
            known = (409, error.code, error.message, {})
        case IdempotencyConflict():
            words = "this Idempotency-Key was used for another request: use a new one"
            known = (422, "idempotency_key_reused", words, {})
        case ConcurrencyError() if error.actual is None:
            known = (503, "contended", "too many change this order at once: send the same request again", later)
        case ConcurrencyError():
            words = "the order has changed since you read it: read it again, then retry"
            known = (412, "version_differs", words, {})
        case RequestDataTooBig():
            known = (413, "body_too_large", "the body is larger than this site takes: send less at once", {})
        case RecursionError():
            known = (400, "parse_error", "the body is nested too deeply", {})
        case QueueFull():
            known = (503, "queue_full", str(error), {"Retry-After": "5"})
        case NotYetVisible():
            known = (503, "not_yet_visible", f"{error}; ask again in a moment", later)
        case _:
            return None
    return known


def _respond(status: int, code: str, detail: str, headers: dict[str, str] | None = None, **more: Any) -> Response:
    return Response(_body(status, code, detail) | more, status=status, headers=headers, content_type=CONTENT_TYPE)


def _body(status: int, code: str, detail: str) -> dict[str, Any]:
    return {
        "type": f"urn:ordersite:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }


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


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What Django refuses before any view is asked, such as a wrong Host."""
    if request.path.startswith("/api/"):
        body = _body(400, "bad_request", "this request is not well-formed")
        return JsonResponse(body, status=400, content_type=CONTENT_TYPE)
    return HttpResponse("<h1>Bad request</h1>", status=400)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A path that is not there: a problem below /api/, a plain page elsewhere."""
    if request.path.startswith("/api/"):
        body = _body(404, "not_found", f"there is nothing at {request.path}")
        return JsonResponse(body, status=404, content_type=CONTENT_TYPE)
    return HttpResponse("<h1>Not found</h1><p><a href='/'>Start page</a></p>", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """What nobody foresaw. The log has it under this request's id."""
    if request.path.startswith("/api/"):
        body = _body(500, "internal_error", "something went wrong here; quote the X-Request-ID of this answer")
        return JsonResponse(body, status=500, content_type=CONTENT_TYPE)
    return HttpResponse(
        "<h1>Something went wrong</h1><p>The log has it under this answer's X-Request-ID.</p>", status=500
    )
