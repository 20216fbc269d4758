"""HTTP to command. A command's body, its checks and its documentation come from its dataclass, declared once."""

import re
from typing import Any, ClassVar
from uuid import UUID, uuid5

from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_dataclasses.serializers import DataclassSerializer

from eventstore.dispatch import Answer, Context, dispatch
from eventstore.ids import new_id
from eventstore.models import QueuedCommand
from eventstore.queue import accept
from orders.commands import CancelOrder, CreateOrder, PayOrder
from orders.http import buyer_of, correlation_of, customer_of
from orders.order import OwnOrder

_KEYS = UUID("0f4c0f2e-52a5-4c39-8a0b-53f0d6b5d9a1")
_KEY = re.compile(r"[\x21-\x7e]{1,255}")

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    required=True,
    description="A name of your own for this very request, such as a UUID. Sending it again changes nothing and gives"
    " the same answer, with the header `Idempotency-Replayed: true`; with another body it is refused.",
)
IF_MATCH = OpenApiParameter(
    "If-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description='The version you have seen, such as `"3"`. If the order has moved on, nothing is done: 412.',
)


PREFER = OpenApiParameter(
    "Prefer",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="`respond-async`: do not wait. The command is accepted (202), and will be done even if everything here"
    " dies; what came of it is at the answer's `Location`.",
)


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
        if isinstance(data, dict) and (unknown := sorted(set(data) - set(self.fields))):
            raise ValidationError({name: [f"There is no field {name!r} here."] for name in unknown})
        given = serializers.Serializer.to_internal_value(self, data)
        exact = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
        supplied: dict[str, Any] = self.context.get("supplied", {}) if self.parent is None else {}
        return self.dataclass_definition.dataclass_type(**exact, **supplied)


CommandSerializer.serializer_dataclass_field = CommandSerializer  # type: ignore[assignment, method-assign]  # as documented


def body_of(command: type, *supplied: str) -> type[CommandSerializer]:
    """The serializer of a command's body: its fields but those that the path, the token or the server supply."""
    meta = type("Meta", (), {"dataclass": command, "exclude": supplied})
    return type(command.__name__, (CommandSerializer,), {"Meta": meta, "__doc__": command.__doc__ or ""})


class CommandView(APIView):
    """A POST that sends one command, as one customer."""

    body: ClassVar[type[CommandSerializer]]

    def send(self, request: Request, code: int, guard: OwnOrder | None = None, **supplied: Any) -> Response:
        """Validate, then do the command and answer with `code`; or, if that is preferred, accept it to be done later.

        Raises what `dispatch` and `accept` raise, and ValidationError.
        """
        customer_id = customer_of(request)
        body = self.body(data=request.data, context={"supplied": supplied})
        body.is_valid(raise_exception=True)
        context = Context(
            actor=f"customer:{customer_id}",
            command_id=self._command_id(request),
            correlation_id=correlation_of(request),
            expected_version=_if_match(request),
            guard=guard,
        )
        if _prefers_async(request):
            return accepted(accept(body.validated_data, context, owner=customer_id))
        return _answer(dispatch(body.validated_data, context), code)

    @staticmethod
    def _command_id(request: Request) -> UUID:
        """One customer's keys never meet another's."""
        key = request.headers.get("Idempotency-Key", "")
        if not _KEY.fullmatch(key):
            raise ValidationError(
                {"Idempotency-Key": ["Send this header: 1 to 255 visible characters that name this request."]},
                code="idempotency_key_missing",
            )
        return uuid5(_KEYS, f"{request.user.pk}:{key}")


def _if_match(request: Request) -> int | None:
    given = request.headers.get("If-Match", "*")
    if given == "*":
        return None
    named = re.fullmatch(r'"(\d{1,9})(\.[0-9a-f]+)?"', given)  # a command's ETag, or a reading's
    if named is None:
        raise ValidationError({"If-Match": ['Send the version in quotes, such as "3".']}, code="if_match_malformed")
    return int(named[1])


def _prefers_async(request: Request) -> bool:
    """RFC 7240: preferences come in any order and case, and unknown ones are ignored."""
    preferences = request.headers.get("Prefer", "").split(",")
    return any(re.split("[;=]", each)[0].strip().lower() == "respond-async" for each in preferences)


def accepted(queued: QueuedCommand) -> Response:
    """202: the command will be done; `Location` tells what came of it."""
    headers = {
        "Location": reverse("command", args=[queued.command_id]),
        "Preference-Applied": "respond-async",
        "Retry-After": "1",
    }
    return Response(AcceptedSerializer(queued).data, status=status.HTTP_202_ACCEPTED, headers=headers)


def _answer(answer: Answer, code: int) -> Response:
    headers = {"ETag": f'"{answer.version}"'}
    if answer.replayed:
        headers["Idempotency-Replayed"] = "true"
    if code == status.HTTP_201_CREATED:
        headers["Location"] = reverse("order", args=[answer.aggregate_id])
    return Response(AnswerSerializer(answer).data, status=code, headers=headers)


class PlaceOrder(CommandView):
    body = body_of(CreateOrder, "order_id", "customer_id", "customer_name", "customer_email")

    @extend_schema(
        operation_id="order_create",
        tags=["orders"],
        request=body,
        parameters=[IDEMPOTENCY_KEY, PREFER],
        responses={201: AnswerSerializer, 202: AcceptedSerializer},
    )
    def post(self, request: Request) -> Response:
        """Place an order."""
        return self.send(request, status.HTTP_201_CREATED, order_id=new_id(), **buyer_of(request))


class OwnOrderCommand(CommandView):
    """A command to an existing order, which to anybody but its customer does not exist."""

    def send_to(self, request: Request, order_id: UUID) -> Response:
        own = OwnOrder(order_id=order_id, customer_id=customer_of(request))
        return self.send(request, status.HTTP_200_OK, own, order_id=order_id)


class PayOwnOrder(OwnOrderCommand):
    body = body_of(PayOrder, "order_id")

    @extend_schema(
        operation_id="order_pay",
        tags=["orders"],
        request=body,
        parameters=[IDEMPOTENCY_KEY, IF_MATCH, PREFER],
        responses={200: AnswerSerializer, 202: AcceptedSerializer},
    )
    def post(self, request: Request, order_id: UUID) -> Response:
        """Pay what is due."""
        return self.send_to(request, order_id)


class CancelOwnOrder(OwnOrderCommand):
    body = body_of(CancelOrder, "order_id")

    @extend_schema(
        operation_id="order_cancel",
        tags=["orders"],
        request=body,
        parameters=[IDEMPOTENCY_KEY, IF_MATCH, PREFER],
        responses={200: AnswerSerializer, 202: AcceptedSerializer},
    )
    def post(self, request: Request, order_id: UUID) -> Response:
        """Cancel the order, as long as it has not been shipped."""
        return self.send_to(request, order_id)
