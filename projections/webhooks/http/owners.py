"""The owner of endpoints, and the view in which only the owner's endpoints exist."""

from uuid import UUID

from django.db.models import QuerySet
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.views import APIView

from eventstore.ids import id_begun_by, new_id
from orders.http.i18n import translate
from orders.http.idempotency import command_id_of
from orders.http.request import customer_of
from projections.webhooks.http.problems import EndpointDisabled
from projections.webhooks.models import WebhookEndpoint


class EndpointsView(APIView):
    """A view of the endpoints of one owner: here a customer. `shop_api` has the same views for service accounts."""

    def owner(self, request: Request) -> dict[str, UUID]:
        """Return the column and the id of the owner. Raises PermissionDenied for a user who can have no endpoints."""
        return {"customer_id": customer_of(request)}

    def own_endpoints(self, request: Request) -> "QuerySet[WebhookEndpoint]":
        """Return the endpoints of the owner who sent the request."""
        return WebhookEndpoint.objects.filter(**self.owner(request))

    def own_endpoint(self, request: Request, endpoint_id: UUID) -> WebhookEndpoint:
        """Return one endpoint of the owner. Raises NotFound, also if it is another owner's."""
        endpoint = self.own_endpoints(request).filter(pk=endpoint_id).first()
        if endpoint is None:
            raise no_endpoint(endpoint_id)
        return endpoint

    def enabled_endpoint(self, request: Request, endpoint_id: UUID) -> WebhookEndpoint:
        """Return one endpoint of the owner that is not disabled. Raises NotFound, EndpointDisabled."""
        endpoint = self.own_endpoint(request, endpoint_id)
        if endpoint.disabled_at:
            raise EndpointDisabled
        return endpoint


def no_endpoint(endpoint_id: UUID) -> NotFound:
    """Return the problem of an endpoint that the owner does not have."""
    return NotFound(
        translate("there is no webhook endpoint {endpoint_id}", endpoint_id=endpoint_id),
        code="webhook_endpoint_not_found",
    )


def begun_by(request: Request, kind: str) -> UUID:
    """Return the id of what the request creates: with a key, the same for each repeat."""
    if "Idempotency-Key" not in request.headers:
        return new_id()
    return id_begun_by(command_id_of(request), kind)
