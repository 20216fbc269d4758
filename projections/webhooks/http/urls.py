"""URLs of the API of webhooks: the same for customers and for the shop's own programs."""

from django.urls import URLPattern, path

from projections.webhooks.http import api, secrets_api, shop_api
from projections.webhooks.http.owners import EndpointsView


def _urls(prefix: str, names: str, *views: type[EndpointsView]) -> list[URLPattern]:
    """Return the URLs below a prefix of the views of endpoints and of what belongs to one."""
    one = f"{prefix}webhook-endpoints/<uuid:endpoint_id>"
    paths = {
        "webhook-endpoints": f"{prefix}webhook-endpoints",
        "webhook-endpoint": one,
        "webhook-secret": f"{one}/secret",
        "webhook-previous-secrets": f"{one}/previous-secrets",
        "webhook-test": f"{one}/test",
        "webhook-deliveries": f"{one}/deliveries",
        "webhook-retry": f"{one}/deliveries/<uuid:event_id>/retry",
    }
    named = zip(paths.items(), views, strict=True)
    return [path(route, view.as_view(), name=f"{names}{name}") for (name, route), view in named]


urlpatterns = [
    *_urls(
        "",
        "",
        api.OwnEndpoints,
        api.OwnEndpoint,
        secrets_api.OwnSecret,
        secrets_api.OwnPreviousSecrets,
        api.TestOwnEndpoint,
        api.OwnDeliveries,
        api.RetryOwnDelivery,
    ),
    *_urls(
        "back-office/",
        "back-office-",
        shop_api.ShopEndpoints,
        shop_api.ShopEndpoint,
        shop_api.ShopSecret,
        shop_api.ShopPreviousSecrets,
        shop_api.TestShopEndpoint,
        shop_api.ShopDeliveries,
        shop_api.RetryShopDelivery,
    ),
]
