"""Place an order and read one, with a nested ModelSerializer and two generic views."""

from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.generics import CreateAPIView, RetrieveAPIView

from benchmarks.peers.plain_drf.models import Line, Order

CENT = Decimal("0.01")


class LineSerializer(serializers.ModelSerializer[Line]):
    """A line."""

    class Meta:
        model = Line
        fields = ("id", "sku", "name", "quantity", "unit_price", "tax_rate", "amount", "tax")
        read_only_fields = ("amount", "tax")


class OrderSerializer(serializers.ModelSerializer[Order]):
    """An order with its lines."""

    lines = LineSerializer(many=True, allow_empty=False)

    class Meta:
        model = Order
        fields = (
            "id", "reference", "currency", "country", "shipping_address", "billing_address", "prices_include_tax",
            "status", "total", "tax", "placed_at", "lines",
        )  # fmt: skip
        read_only_fields = ("status", "total", "tax", "placed_at")

    def create(self, validated_data: dict[str, Any]) -> Order:
        """Insert the order and its lines in one transaction."""
        lines = [Line(**line) for line in validated_data.pop("lines")]
        for line in lines:
            line.amount = line.quantity * line.unit_price
            line.tax = (line.amount * line.tax_rate / (100 + line.tax_rate)).quantize(CENT)
        user = self.context["request"].user
        with transaction.atomic():
            order = Order.objects.create(
                customer=user,
                customer_name=user.get_full_name(),
                customer_email=user.email,
                total=sum(line.amount for line in lines),
                tax=sum(line.tax for line in lines),
                **validated_data,
            )
            for line in lines:
                line.order = order
            Line.objects.bulk_create(lines)
        return order


class PlacedSerializer(OrderSerializer):
    """Answers with the order's id, as ours does."""

    def to_representation(self, instance: Order) -> dict[str, Any]:
        return {"order_id": instance.pk}


class PlaceOrder(CreateAPIView[Order]):
    """POST an order."""

    serializer_class = PlacedSerializer


class GetOrder(RetrieveAPIView[Order]):
    """GET one of the user's orders."""

    serializer_class = OrderSerializer

    def get_queryset(self) -> QuerySet[Order]:
        return Order.objects.filter(customer_id=self.request.user.pk).prefetch_related("lines")
