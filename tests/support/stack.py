"""What clients of a whole site send to it."""

from tests.support.running import Running

ORDER = {
    "currency": "GBP",
    "country": "United Kingdom",
    "lines": [{"sku": "MUG-201", "name": "Stoneware mug", "quantity": 2, "unit_price": "9.95"}],
}


def customer(running: Running) -> dict[str, str]:
    return {"Authorization": f"Token {running.logins()['customer_token']}"}
