"""The API of webhooks for the shop's own programs: the endpoints of a service account get the events of all orders.

The views are those of customers, with another owner.
"""

from uuid import UUID

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request

from orders.http.access import MANAGE_WEBHOOKS, service_of
from orders.http.back_office_view import BackOfficeView
from projections.webhooks.http import api, secrets_api
from projections.webhooks.http.callback import SHOP_MESSAGES
from projections.webhooks.http.owners import EndpointsView


class OfProgram(BackOfficeView, EndpointsView):
    """A mixin: the owner is the service account that sends the request."""

    needs = dict.fromkeys(("GET", "POST", "DELETE"), (MANAGE_WEBHOOKS,))

    def owner(self, request: Request) -> dict[str, UUID]:
        """Return the service account. Raises PermissionDenied for a person, who cannot have endpoints of the shop."""
        return {"service_id": service_of(request)}


@extend_schema_view(
    get=extend_schema(
        operation_id="back_office_webhook_endpoint_list",
        tags=["webhooks"],
        description="List the endpoints of this service account, oldest first.",
    ),
    post=extend_schema(
        operation_id="back_office_webhook_endpoint_create",
        tags=["webhooks"],
        description="Create an endpoint: the events of all orders are sent to this URL from now on.\n\n"
        "Store the `secret`: messages are signed with it as standardwebhooks.com specifies. Personal data is not sent.",
        callbacks=[SHOP_MESSAGES],
    ),
)
class ShopEndpoints(OfProgram, api.OwnEndpoints):
    """The endpoints of a service account."""


@extend_schema_view(delete=extend_schema(operation_id="back_office_webhook_endpoint_delete", tags=["webhooks"]))
class ShopEndpoint(OfProgram, api.OwnEndpoint):
    """One endpoint of a service account."""


@extend_schema_view(post=extend_schema(operation_id="back_office_webhook_secret_replace", tags=["webhooks"]))
class ShopSecret(OfProgram, secrets_api.OwnSecret):
    """The secret of an endpoint."""


@extend_schema_view(delete=extend_schema(operation_id="back_office_webhook_previous_secrets_end", tags=["webhooks"]))
class ShopPreviousSecrets(OfProgram, secrets_api.OwnPreviousSecrets):
    """The secrets of an endpoint that were replaced and sign still."""


@extend_schema_view(post=extend_schema(operation_id="back_office_webhook_endpoint_test", tags=["webhooks"]))
class TestShopEndpoint(OfProgram, api.TestOwnEndpoint):
    """Send a test message."""


@extend_schema_view(get=extend_schema(operation_id="back_office_webhook_delivery_list", tags=["webhooks"]))
class ShopDeliveries(OfProgram, api.OwnDeliveries):
    """The deliveries of an endpoint."""


@extend_schema_view(post=extend_schema(operation_id="back_office_webhook_delivery_retry", tags=["webhooks"]))
class RetryShopDelivery(OfProgram, api.RetryOwnDelivery):
    """Retry a failed delivery."""
