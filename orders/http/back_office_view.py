"""The base of all views of the back office: it checks the permission of each method before anything else."""

from typing import ClassVar

from rest_framework.request import Request
from rest_framework.views import APIView

from orders.http.access import require_permission


class BackOfficeView(APIView):
    """A view of the back office. For users without the permission it does not exist.

    `needs` has the permissions of each method: one of them is enough.
    """

    needs: ClassVar[dict[str, tuple[str, ...]]]

    def check_permissions(self, request: Request) -> None:
        """Check the permission first, so that other users learn nothing about the request."""
        super().check_permissions(request)
        method = {"HEAD": "GET"}.get(str(request.method), str(request.method))
        every = tuple(dict.fromkeys(name for names in self.needs.values() for name in names))
        require_permission(request, *self.needs.get(method, every))
