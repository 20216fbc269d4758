"""URLs that only write. URLs that also read are in `ordersite.api.urls`."""

from django.urls import path

from orders.http import approval_views, back_office, customer

urlpatterns = [
    path("orders/<uuid:order_id>/cancel", customer.CancelOwnOrder.as_view(), name="order-cancel"),
    path("orders/<uuid:order_id>/edits", customer.EditOwnOrder.as_view(), name="order-edits"),
    path("orders/<uuid:order_id>/shipping-address", customer.ChangeOwnAddress.as_view(), name="order-shipping-address"),
    path("back-office/approvals", approval_views.Approvals.as_view(), name="back-office-approvals"),
    path("back-office/approvals/<uuid:approval_id>", approval_views.GetApproval.as_view(), name="back-office-approval"),
    path(
        "back-office/approvals/<uuid:approval_id>/approve",
        approval_views.Approve.as_view(),
        name="back-office-approval-approve",
    ),
    path(
        "back-office/approvals/<uuid:approval_id>/decline",
        approval_views.Decline.as_view(),
        name="back-office-approval-decline",
    ),
    *(
        path(f"back-office/orders/<uuid:order_id>/{name}", sender.as_view(), name=f"back-office-{name}")
        for name, sender in back_office.SENDERS.items()
    ),
]
