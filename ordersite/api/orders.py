"""Addresses of an order that are both read and written: a view of the read model and one that sends a command."""

from orders.actions import allowed_actions
from orders.http.customer import PayOwnOrder, PlaceOrder, ReturnOwnGoods
from projections.customer.api.orders import ListOwnOrders, OwnPayments, OwnReturns
from projections.staff.api import GetStaffOrder
from projections.staff.orders import StaffOrder


class Orders(ListOwnOrders, PlaceOrder):
    """`/orders`: read them, place one."""


class Payments(OwnPayments, PayOwnOrder):
    """`/orders/{id}/payments`: read them, make one."""


class Returns(OwnReturns, ReturnOwnGoods):
    """`/orders/{id}/returns`: read them, ask for one."""


class BackOfficeOrder(GetStaffOrder):
    """`/back-office/orders/{id}`: the order as the shop sees it, and what its rules would take."""

    def actions(self, order: StaffOrder) -> list[str]:
        return allowed_actions(order.state)
