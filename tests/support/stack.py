"""Requests to a running site."""

from tests.support.running import Running

ORDER = {
    "currency": "GBP",
    "country": "United Kingdom",
    "lines": [{"sku": "MUG-201", "name": "Stoneware mug", "quantity": 2, "unit_price": "9.95"}],
}


def customer(running: Running) -> dict[str, str]:
    """Return the headers of the demo customer."""
    return {"Authorization": f"Token {running.logins()['customer_token']}"}
