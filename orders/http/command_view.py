"""A request becomes a command. Its body, its checks and its documentation come from its dataclass, declared once."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, ClassVar
from uuid import UUID, uuid5

from django.conf import settings
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers, status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_dataclasses.serializers import DataclassSerializer

from eventstore.dispatch import Answer, Context, dispatch
from eventstore.errors import AggregateNotFound, CommandRefused
from eventstore.models import QueuedCommand
from eventstore.queue.acceptance import accept
from orders.http.i18n import translate
from orders.http.request import correlation_of, customer_of, query_of

_KEYS = UUID("0f4c0f2e-52a5-4c39-8a0b-53f0d6b5d9a1")
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_SEEN = re.compile(r'"(\d{1,9})(\.[0-9a-f]+)?"')  # a command's ETag, or a reading's

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": "^[!-~]{1,255}$"},
    OpenApiParameter.HEADER,
    required=True,
    description="A name of your own for this very request, such as a UUID. Sending it again changes nothing and gives"
    " the same answer, with the header `Idempotency-Replayed: true`; with another body it is refused.",
)
IF_MATCH = OpenApiParameter(
    "If-Match",
    {"type": "string", "pattern": r'^(\*|"[0-9]{1,9}(\.[0-9a-f]+)?")$'},
    OpenApiParameter.HEADER,
    required=True,
    description='The version you have seen, such as `"3"`; `*` for any. If it has moved on, nothing is done: 412.'
    " Without it: 428.",
)
PREFER = OpenApiParameter(
    "Prefer",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="`respond-async`: do not wait. The command is accepted (202), and will be done even if everything here"
    " dies; what came of it is at the answer's `Location`.",
)


def _answers_with(name: str, codes: list[int], words: str) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.STR, OpenApiParameter.HEADER, response=codes, description=words)


DONE = [
    _answers_with("ETag", [200, 201], "The version after it, to send as `If-Match` with the next command."),
    _answers_with("Idempotency-Replayed", [200, 201], "`true`: it was done before, and this is what came of it."),
]
"""The headers of what was done."""
MADE = [*DONE, _answers_with("Location", [201], "Where to read what was made.")]
LATER = [
    _answers_with("Location", [202], "Where to read what came of it."),
    _answers_with("Retry-After", [202], "Seconds after which to look."),
    _answers_with("Preference-Applied", [202], "`respond-async`."),
]
"""The headers of what was accepted to be done later."""


class AnswerSerializer(serializers.Serializer[Answer]):
    """What a command did. Ask for the order with `min_version` to see it done."""

    order_id = serializers.UUIDField(source="aggregate_id")
    version = serializers.IntegerField(help_text="The order's version after this command.")


class AcceptedSerializer(serializers.Serializer[QueuedCommand]):
    """A command that will be done: the answer to `Prefer: respond-async`. Its `Location` tells what came of it."""

    command_id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=QueuedCommand.Status.choices)
    order_id = serializers.UUIDField(source="aggregate_id")


class CommandSerializer(DataclassSerializer[Any]):
    """A command from JSON: what its dataclass says, and no field besides.

    The context's `supplied` holds the fields that no body may name.
    """

    def to_internal_value(self, data: Any) -> Any:
        supplied: dict[str, Any] = self.context.get("supplied", {}) if self.parent is None else {}
        return self.read(data, supplied)

    def read(self, data: Any, supplied: dict[str, Any]) -> Any:
        """The command. Raises ValidationError. Keeps nothing of it, so one of a class can read for all threads."""
        if isinstance(data, dict) and not self.fields.keys() >= data.keys():
            unknown = sorted(set(data) - set(self.fields))
            raise ValidationError(
                {name: [translate("There is no field '{name}' here.", name=name)] for name in unknown}
            )
        given = serializers.Serializer.to_internal_value(self, data)
        exact = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
        return self.dataclass_definition.dataclass_type(**exact, **supplied)


CommandSerializer.serializer_dataclass_field = CommandSerializer  # type: ignore[assignment, method-assign]  # as documented


def body_of(command: type, *supplied: str, name: str = "") -> type[CommandSerializer]:
    """The serializer of a command's body: its fields but those that the path, the token or the server supply.

    `name` is what the API's description calls it, where two bodies of one command differ.
    """
    name = name or command.__name__
    meta = type("Meta", (), {"dataclass": command, "exclude": supplied, "ref_name": name})
    return type(name, (CommandSerializer,), {"Meta": meta, "__doc__": command.__doc__ or ""})


@cache
def _reader(body: type[CommandSerializer]) -> CommandSerializer:
    """One serializer that reads for all requests: to make its fields anew took longer than to read by them."""
    return body()


class PreconditionRequired(APIException):
    """A change of something that exists names the version that was seen, so that nobody overwrites unseen."""

    status_code = status.HTTP_428_PRECONDITION_REQUIRED
    default_code = "if_match_missing"


class CommandView(APIView):
    """A request that sends one command. Where a rule refuses it, it says what could be sent instead."""

    body: ClassVar[type[CommandSerializer]]
    asked: ClassVar[tuple[str, ...]] = ()
    """The parameters that its query may have."""

    def command(self, request: Request, **supplied: Any) -> Any:
        """The command, or whatever `body` describes, that is in the body. Raises ValidationError."""
        query_of(request, self.asked)
        with suppress(ValidationError):
            return _reader(self.body).read(request.data, supplied)
        # Again, by one of its own: that one tells all that is wrong as DRF does.
        body = self.body(data=request.data, context={"supplied": supplied})
        body.is_valid(raise_exception=True)
        return body.validated_data

    def send(self, request: Request, command: object, code: int) -> Response:
        """Do the command and answer with `code`; or, if that is preferred, accept it to be done later.

        Raises what `dispatch` and `accept` raise.
        """
        context = self.context(request)
        if prefers_async(request):
            return accepted(accept(command, context, owner=customer_of(request)))
        return answered(self.do(command, context), code)

    def do(self, command: object, context: Context) -> Answer:
        """Raises what `dispatch` raises; a refusal says what could be sent instead."""
        with self.telling_what_is_allowed(command):
            return dispatch(command, context)

    @contextmanager
    def telling_what_is_allowed(self, command: object) -> Iterator[None]:
        """A refusal in here says what could be sent instead; but not of an order that does not exist for its sender."""
        try:
            yield
        except CommandRefused as refusal:
            if not isinstance(refusal, AggregateNotFound):
                refusal.allowed_actions = self.allowed_instead(command)
            raise

    def allowed_instead(self, command: Any) -> list[str]:
        """The names of the commands that would be taken. Asked only where the sender was let near the order."""
        return []

    def actor(self, request: Request) -> str:
        """Who sends it, as the log remembers it. Raises PermissionDenied, NotFound."""
        return f"customer:{customer_of(request)}"

    def context(self, request: Request, **more: Any) -> Context:
        """Who sends it, under what name. Raises ValidationError, PreconditionRequired."""
        return Context(
            actor=self.actor(request),
            command_id=command_id_of(request),
            correlation_id=correlation_of(request),
            **more,
        )


def command_id_of(request: Request) -> UUID:
    """The command's id, made from the request's key: two customers' keys never meet. Raises ValidationError."""
    key = request.headers.get("Idempotency-Key", "")
    if not _KEY.fullmatch(key):
        words = translate("Send this header: 1 to 255 visible characters that name this request.")
        raise ValidationError({"Idempotency-Key": [words]}, code="idempotency_key_missing")
    return uuid5(_KEYS, f"{request.user.pk}:{key}")


def seen_version(request: Request) -> int | None:
    """The version that the sender has seen; None where any will do. Raises ValidationError, PreconditionRequired."""
    given = request.headers.get("If-Match", None if settings.REQUIRE_IF_MATCH else "*")
    if given is None:
        raise PreconditionRequired(translate('Send the version you have seen as If-Match, such as "3", or * for any.'))
    if given == "*":
        return None
    named = _SEEN.fullmatch(given)
    if named is None:
        words = translate('Send the version in quotes, such as "3".')
        raise ValidationError({"If-Match": [words]}, code="if_match_malformed")
    return int(named[1])


def prefers_async(request: Request) -> bool:
    """RFC 7240: preferences come in any order and case, and unknown ones are ignored."""
    preferences = request.headers.get("Prefer", "").split(",")
    return any(re.split("[;=]", each)[0].strip().lower() == "respond-async" for each in preferences)


def accepted(
    queued: QueuedCommand, shown: type[serializers.Serializer[QueuedCommand]] = AcceptedSerializer
) -> Response:
    """202: the command will be done; `Location` tells what came of it."""
    headers = {
        "Location": reverse("command", args=[queued.command_id]),
        "Preference-Applied": "respond-async",
        "Retry-After": "1",
    }
    return Response(shown(queued).data, status=status.HTTP_202_ACCEPTED, headers=headers)


def headers_of(answer: Answer) -> dict[str, str]:
    """What says which version a command led to, and whether it had been done before."""
    return {"ETag": f'"{answer.version}"'} | ({"Idempotency-Replayed": "true"} if answer.replayed else {})


def answered(answer: Answer, code: int) -> Response:
    """What an order's command did."""
    headers = headers_of(answer)
    if code == status.HTTP_201_CREATED:
        headers["Location"] = reverse("order", args=[answer.aggregate_id])
    return Response(AnswerSerializer(answer).data, status=code, headers=headers)
