"""The customer's reading side of the API."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import QueryDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.generics import ListAPIView
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from eventstore.timetravel import AsOf, moment
from orders.http import customer_of
from orders.money import rounded
from projections.customer.orders import CustomerOrder
from projections.customer.queries import own_order, own_order_as_of, own_orders

MONEY = ("total", "paid", "due", "due_back")


class LineSerializer(serializers.Serializer[Any]):
    line_id = serializers.IntegerField()
    sku = serializers.CharField()
    name = serializers.CharField()
    quantity = serializers.IntegerField()
    unit_price = serializers.CharField()
    amount = serializers.CharField()
    kind = serializers.CharField()


class OrderSerializer(serializers.ModelSerializer[CustomerOrder]):
    """An order, with amounts in its currency's own decimals."""

    lines = LineSerializer(many=True)
    total = serializers.CharField()
    paid = serializers.CharField()
    due = serializers.CharField()
    due_back = serializers.CharField()

    class Meta:
        model = CustomerOrder
        fields = (
            "order_id", "version", "reference", "status", "country", "currency", *MONEY, "placed_at", "paid_at",
            "shipped_at", "cancelled_at", "carrier", "tracking_code", "lines",
        )  # fmt: skip

    def to_representation(self, instance: CustomerOrder) -> dict[str, Any]:
        shown = super().to_representation(instance)
        return shown | {name: str(rounded(getattr(instance, name), instance.currency)) for name in MONEY}


class OrderPages(CursorPagination):
    page_size = 20
    page_size_query_param = "limit"
    max_page_size = 100
    ordering = ("-placed_at", "-order_id")


class ListOwnOrders(ListAPIView[CustomerOrder]):
    serializer_class = OrderSerializer
    pagination_class = OrderPages
    queryset = CustomerOrder.objects.none()  # for the schema; every request asks for its own customer's

    @extend_schema(operation_id="order_list", tags=["orders"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List your orders, the newest first."""
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> Any:
        return own_orders(customer_of(self.request))


_MOMENT = "A date (to its end) or a date and time, ISO 8601; without a zone it is the shop's."


class GetOwnOrder(APIView):
    @extend_schema(
        operation_id="order_get",
        tags=["orders"],
        parameters=[
            OpenApiParameter(
                "min_version",
                OpenApiTypes.INT,
                description="Wait until this version is visible: what a command answered. 503 if that takes too long.",
            ),
            OpenApiParameter("version", OpenApiTypes.INT, description="The order as it was at this version."),
            OpenApiParameter(
                "as_of", OpenApiTypes.STR, description=f"The order as of what had happened by this moment. {_MOMENT}"
            ),
            OpenApiParameter(
                "recorded_by",
                OpenApiTypes.STR,
                description="The order as it was known at this moment: what happened earlier and was told later does"
                f" not count. {_MOMENT}",
            ),
        ],
        responses={200: OrderSerializer},
    )
    def get(self, request: Request, order_id: UUID) -> Response:
        """Get one of your orders, as it is or as it was."""
        customer_id, asked = customer_of(request), request.query_params
        order: CustomerOrder | None
        if {"version", "as_of", "recorded_by"} & set(asked):
            as_of = AsOf(
                version=_version(asked, "version"),
                occurred=_moment(asked, "as_of"),
                recorded=_moment(asked, "recorded_by"),
            )
            order = own_order_as_of(customer_id, order_id, as_of)
        else:
            order = own_order(customer_id, order_id, min_version=_version(asked, "min_version") or 0)
        if order is None:
            raise NotFound(f"there is no order {order_id}", code="order_not_found")
        return Response(OrderSerializer(order).data, headers={"ETag": f'"{order.version}"'})


def _version(asked: QueryDict, name: str) -> int | None:
    given = asked.get(name)
    if given is None:
        return None
    if not given.isdecimal() or len(given) > 9:
        raise ValidationError({name: ["A version is a whole number, such as 3."]})
    return int(given)


def _moment(asked: QueryDict, name: str) -> datetime | None:
    given = asked.get(name)
    if given is None:
        return None
    try:
        return moment(given)
    except ValueError as error:
        raise ValidationError({name: [str(error)]}) from error
