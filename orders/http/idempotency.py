"""A client's own key for a request, and the command id that it becomes. Both sides of the API import this."""

import re
from uuid import UUID, uuid5

from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from orders.http.i18n import translate

_KEYS = UUID("0f4c0f2e-52a5-4c39-8a0b-53f0d6b5d9a1")
_KEY = re.compile(r"[\x21-\x7e]{1,255}")

OPTIONAL_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": "^[!-~]{1,255}$"},
    OpenApiParameter.HEADER,
    description="Optional: your own name for this request. Sent again with the same key, it gets the same answer.",
)


def command_id_of(request: Request) -> UUID:
    """Return the command id, computed from the user and the `Idempotency-Key`. Raises ValidationError."""
    key = request.headers.get("Idempotency-Key", "")
    if not key:
        message = translate("Send this header with your own key for this request: 1 to 255 visible characters.")
        raise ValidationError({"Idempotency-Key": [message]}, code="idempotency_key_missing")
    if not _KEY.fullmatch(key):
        message = translate("A key has 1 to 255 visible characters of ASCII, and no spaces.")
        raise ValidationError({"Idempotency-Key": [message]}, code="idempotency_key_malformed")
    return uuid5(_KEYS, f"{request.user.pk}:{key}")
