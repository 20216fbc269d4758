"""URLs that only write. URLs that also read are in `ordersite.api.urls`."""

from django.urls import path

from orders.http import back_office, customer

urlpatterns = [
    path("orders/<uuid:order_id>/cancel", customer.CancelOwnOrder.as_view(), name="order-cancel"),
    path("orders/<uuid:order_id>/edits", customer.EditOwnOrder.as_view(), name="order-edits"),
    path("orders/<uuid:order_id>/shipping-address", customer.ChangeOwnAddress.as_view(), name="order-shipping-address"),
    *(
        path(f"back-office/orders/<uuid:order_id>/{name}", sender.as_view(), name=f"back-office-{name}")
        for name, sender in back_office.SENDERS.items()
    ),
]
