"""Views that send commands. Body, checks and documentation of each come from the command's dataclass.

Fast path: `CommandView.command` reads the body with one cached serializer per class instead of a new one per request.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers, status
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_dataclasses.serializers import DataclassSerializer

from eventstore.dispatch import Answer, Context, dispatch
from eventstore.errors import AggregateNotFound, CommandRefused
from eventstore.ids import id_begun_by
from eventstore.models import QueuedCommand
from eventstore.queue.acceptance import accept
from orders.http.allowed_requests import AllowedRequest
from orders.http.bodies import BoundedList, require_shape
from orders.http.i18n import translate
from orders.http.idempotency import command_id_of
from orders.http.request import IF_MATCH_SCHEMA, correlation_of, customer_of, query_of, version_in
from orders.order import ORDER

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": "^[!-~]{1,255}$"},
    OpenApiParameter.HEADER,
    required=True,
    description="Your own key for this request, such as a UUID. Repeating the request with the same key changes nothing"
    " and returns the same answer, with the header `Idempotency-Replayed: true`. The same key with another body is"
    " refused.",
)
IF_MATCH = OpenApiParameter(
    "If-Match",
    IF_MATCH_SCHEMA,
    OpenApiParameter.HEADER,
    required=True,
    description='The version you have seen, such as `"3"`, or `*` for any. If the version has changed since, nothing is'
    " done and the answer is 412. Without this header it is 428.",
)
PREFER = OpenApiParameter(
    "Prefer",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="`respond-async`: do not wait. The command is stored and accepted with 202, and will be done even after"
    " a crash. Read its outcome at the `Location` of the answer.",
)


def _response_header(name: str, codes: list[int], description: str) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.STR, OpenApiParameter.HEADER, response=codes, description=description)


DONE = [
    _response_header("ETag", [200, 201], "The version after the command. Send it as `If-Match` with the next command."),
    _response_header(
        "Idempotency-Replayed", [200, 201], "`true`: the command was done before, and this is its answer."
    ),
]
"""The response headers of a command that was done."""
MADE = [*DONE, _response_header("Location", [201], "Where to read the created resource.")]
"""The response headers of a command that created something."""
LATER = [
    _response_header("Location", [202], "Where to read the outcome of the command."),
    _response_header("Retry-After", [202], "The number of seconds after which to look."),
    _response_header("Preference-Applied", [202], "`respond-async`."),
]
"""The response headers of a command that was accepted and will be done later."""


class AnswerSerializer(serializers.Serializer[Answer]):
    """The answer of a command. Read the order with `min_version` to see its effect."""

    order_id = serializers.UUIDField(source="aggregate_id")
    version = serializers.IntegerField(help_text="The order's version after this command.")


class AcceptedSerializer(serializers.Serializer[QueuedCommand]):
    """A command that will be done later: the answer to `Prefer: respond-async`. Read its outcome at `Location`."""

    command_id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=QueuedCommand.Status.choices)
    order_id = serializers.UUIDField(source="aggregate_id")


class CommandSerializer(DataclassSerializer[Any]):
    """Reads a command from JSON. Other fields than those of the dataclass, and other types, are refused."""

    serializer_field_mapping = {**DataclassSerializer.serializer_field_mapping, list: BoundedList}

    def to_internal_value(self, data: Any) -> Any:
        """Read a value inside a command: the server sets none of its fields."""
        return self.read(data, {})

    def read(self, data: Any, supplied: dict[str, Any]) -> Any:
        """Return the command, with the `supplied` fields, which the server sets and the body may not.

        Raises ValidationError. Stores nothing, so threads can share one serializer.
        """
        require_shape(self.fields, data)
        values = serializers.Serializer.to_internal_value(self, data)
        fields = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
        return self.dataclass_definition.dataclass_type(**fields, **supplied)


CommandSerializer.serializer_dataclass_field = CommandSerializer  # type: ignore[assignment, method-assign]  # as documented


def body_of(command: type, *supplied: str, name: str = "") -> type[CommandSerializer]:
    """Return the serializer class of a command's body: all fields except the `supplied` ones, which the server sets.

    `name` is the name in the API description. Give one if a command has two different bodies.
    """
    name = name or command.__name__
    meta = type("Meta", (), {"dataclass": command, "exclude": supplied, "ref_name": name})
    return type(name, (CommandSerializer,), {"Meta": meta, "__doc__": command.__doc__ or ""})


@cache
def _reader(body: type[CommandSerializer]) -> CommandSerializer:
    """Return one serializer for all requests: creating its fields took longer than reading the body."""
    return body()


@cache
def _has_lists(body: type[CommandSerializer]) -> bool:
    return any(isinstance(field, serializers.ListField) for field in _reader(body).fields.values())


class PreconditionRequired(APIException):
    """A change of an existing order must name the version that the client has seen, to prevent lost updates."""

    status_code = status.HTTP_428_PRECONDITION_REQUIRED
    default_code = "if_match_missing"


class CommandView(APIView):
    """A view that sends one command. A refusal by the rules names the requests that would be accepted instead."""

    body: ClassVar[type[CommandSerializer]]
    query_params: ClassVar[tuple[str, ...]] = ()
    """The names of the allowed query parameters."""
    order_url: ClassVar[str] = "order"
    """The name of the URL where the sender reads an order."""

    @property
    def has_lists(self) -> bool:
        """Whether a body may have lists, and so may be long."""
        return _has_lists(self.body)

    def command(self, request: Request, **supplied: Any) -> Any:
        """Return the command, or other dataclass of the body, in the request. Raises ValidationError."""
        query_of(request, self.query_params)
        return _reader(self.body_for(request.data)).read(request.data, supplied)

    def body_for(self, data: Any) -> type[CommandSerializer]:
        """Return the serializer class that reads `data`. Override it where a view takes several bodies."""
        return self.body

    def send(self, request: Request, command: object, code: int) -> Response:
        """Do the command and answer with `code`; or accept it, if the client prefers `respond-async`.

        Raises what `dispatch` and `accept` raise.
        """
        context = self.context(request)
        if prefers_async(request):
            return accepted(accept(command, context, owner=customer_of(request)))
        return answered(self.do(command, context), code, self.order_url)

    def do(self, command: object, context: Context) -> Answer:
        """Dispatch the command. Raises what `dispatch` raises; a refusal names the allowed requests."""
        with self.naming_allowed_requests(command):
            return dispatch(command, context)

    @contextmanager
    def naming_allowed_requests(self, command: object) -> Iterator[None]:
        """Add the allowed requests to a refusal in the block, unless the order does not exist for its sender."""
        try:
            yield
        except CommandRefused as refusal:
            if not isinstance(refusal, AggregateNotFound):
                refusal.allowed_requests = self.allowed_requests(command)
            raise

    def allowed_requests(self, command: Any) -> list[AllowedRequest]:
        """Return the requests that would be accepted. Called only if the sender may see the order."""
        return []

    def actor(self, request: Request) -> str:
        """Return the actor that the log stores. Raises PermissionDenied, NotFound."""
        return f"customer:{customer_of(request)}"

    def context(self, request: Request, **more: Any) -> Context:
        """Return the context of the command. Raises ValidationError, PreconditionRequired."""
        return Context(
            actor=self.actor(request),
            command_id=command_id_of(request),
            correlation_id=correlation_of(request),
            **more,
        )


def order_id_of(request: Request) -> UUID:
    """Return the id of the order that the request places: the same for each repeat. Raises ValidationError."""
    return id_begun_by(command_id_of(request), ORDER.aggregate_type)


def seen_version(request: Request) -> int | None:
    """Return the version that the client has seen, or None for any. Raises ValidationError, PreconditionRequired."""
    header = request.headers.get("If-Match", None if settings.REQUIRE_IF_MATCH else "*")
    if header is None:
        raise PreconditionRequired(translate('Send the version you have seen as If-Match, such as "3", or * for any.'))
    return version_in(header)


def prefers_async(request: Request) -> bool:
    """Return whether the client prefers `respond-async` (RFC 7240: any order, any case, unknown ones are ignored)."""
    preferences = request.headers.get("Prefer", "").split(",")
    return any(re.split("[;=]", each)[0].strip().lower() == "respond-async" for each in preferences)


def accepted(
    queued: QueuedCommand, serializer: type[serializers.Serializer[QueuedCommand]] = AcceptedSerializer
) -> Response:
    """Return the response 202 for a command that will be done later. Its outcome will be at `Location`."""
    headers = {
        "Location": reverse("command", args=[queued.command_id]),
        "Preference-Applied": "respond-async",
        "Retry-After": "1",
    }
    return Response(serializer(queued).data, status=status.HTTP_202_ACCEPTED, headers=headers)


def headers_of(answer: Answer) -> dict[str, str]:
    """Return the response headers of an answer: its version, and whether the command was done before."""
    return {"ETag": f'"{answer.version}"'} | ({"Idempotency-Replayed": "true"} if answer.replayed else {})


def answered(answer: Answer, code: int, order_url: str) -> Response:
    """Return the response for the answer of an order command. `order_url` names the URL where its sender reads orders.

    201 has a `Location`, and whoever follows it at once finds what was created: a new order is read from the log, and
    the address of an older order waits for its new version.
    """
    headers = headers_of(answer)
    if code == status.HTTP_201_CREATED:
        address = reverse(order_url, args=[answer.aggregate_id])
        headers["Location"] = address if answer.version == 1 else f"{address}?min_version={answer.version}"
    return Response(AnswerSerializer(answer).data, status=code, headers=headers)
