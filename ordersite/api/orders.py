"""URLs of an order that both read and write: each view combines a reading view and a view that sends a command."""

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers

from orders.actions import ACTIONS, allowed_actions
from orders.http.access import operator_of
from orders.http.back_office import PlaceOrderForCustomer
from orders.http.customer import PayOwnOrder, PlaceOrder, ReturnOwnGoods
from projections.customer.api.orders import ListOwnOrders, OwnPayments, OwnReturns
from projections.staff.api import GetStaffOrder, ListStaffOrders, StaffOrderSerializer
from projections.staff.orders import StaffOrder


class Orders(ListOwnOrders, PlaceOrder):
    """`/orders`: list orders, place an order."""


class Payments(OwnPayments, PayOwnOrder):
    """`/orders/{id}/payments`: list payments, make a payment."""


class Returns(OwnReturns, ReturnOwnGoods):
    """`/orders/{id}/returns`: list returns, request a return."""


class BackOfficeOrders(ListStaffOrders, PlaceOrderForCustomer):
    """`/back-office/orders`: list the orders of the shop, place one for a customer. Each has its own permission."""

    needs = ListStaffOrders.needs | PlaceOrderForCustomer.needs


class BackOfficeOrderSerializer(StaffOrderSerializer):
    """An order as the shop sees it, with all its parts."""

    allowed_actions = serializers.ListField(
        child=serializers.ChoiceField(choices=ACTIONS), help_text="The commands that the order accepts now."
    )

    class Meta:
        ref_name = "StaffOrder"


@extend_schema_view(get=extend_schema(responses=BackOfficeOrderSerializer))
class BackOfficeOrder(GetStaffOrder):
    """`/back-office/orders/{id}`: the order as staff see it, with the actions that its rules allow."""

    def actions(self, order: StaffOrder) -> list[str]:
        """Return the commands that the order would accept now from this operator, if any may be sent."""
        return allowed_actions(order.state, by=operator_of(self.request))
