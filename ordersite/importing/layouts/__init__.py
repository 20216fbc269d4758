"""What the columns of a file mean. Each layout has a module of its own, and is listed here.

A layout names its tables and their columns, and turns rows into commands.
"""

from ordersite.importing.layouts.layout import Layout
from ordersite.importing.layouts.olist import Olist
from ordersite.importing.layouts.online_retail import OnlineRetail
from ordersite.importing.layouts.shopify import Shopify
from ordersite.importing.layouts.woocommerce import WooCommerce
from ordersite.importing.layouts.woocommerce_api import WooCommerceApi

LAYOUTS: dict[str, type[Layout]] = {
    layout.name: layout for layout in (OnlineRetail, Shopify, WooCommerce, WooCommerceApi, Olist)
}
"""All layouts, by the name that `--layout` takes."""
