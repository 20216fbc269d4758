"""Service accounts of programs of the shop."""

from rest_framework.test import APIClient

from ordersite import service_accounts


def program(name: str = "erp", *may: str) -> APIClient:
    """Return an API client of a new service account with these permissions."""
    client = APIClient()
    token = service_accounts.create_token(service_accounts.create(name, may))
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client
