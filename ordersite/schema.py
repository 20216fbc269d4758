"""How the API's description is made."""

from typing import Any, Literal

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse
from rest_framework.permissions import AllowAny

from ordersite.problems import CONTENT_TYPE, ProblemSerializer

Direction = Literal["request", "response"]


class Schema(AutoSchema):
    """Adds to each operation the problems it can answer with."""

    def _get_response_bodies(self, direction: Direction = "response") -> Any:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        shaped: Any = self._get_response_for_code
        for code, why in self._problems().items():
            response = OpenApiResponse(ProblemSerializer, description=why)
            bodies.setdefault(code, shaped(response, code, [CONTENT_TYPE], direction))
        return bodies

    def _problems(self) -> dict[str, str]:
        problems = {"400": "Something in the request is malformed; `errors` says what."}
        if AllowAny not in self.view.permission_classes:
            problems |= {"401": "No valid token.", "403": "This account is not a customer's."}
        else:
            problems |= {"401": "Wrong name or password.", "429": "Too many attempts; see `Retry-After`."}
        if "{order_id}" in self.path:
            problems["404"] = "You have no such order."
        if "{command_id}" in self.path:
            problems["404"] = "You sent no such command with `Prefer: respond-async`, or too long ago."
        if self.method == "GET" and "{order_id}" in self.path:
            problems["503"] = "`min_version` is not visible yet; see `Retry-After`."
        if self.method == "POST" and "/orders" in self.path:
            problems |= {
                "413": "The body is too large.",
                "503": "Too many change this order at once, or wait to be done; see `Retry-After`.",
                "409": "A rule of the order forbids it; `code` says which.",
                "412": "The order has changed since the version you named.",
                "422": "This Idempotency-Key was used for another request.",
            }
        return problems
