"""The problems of the webhooks API that are its own."""

from django.utils.translation import gettext_lazy
from rest_framework import status
from rest_framework.exceptions import APIException


class EndpointDisabled(APIException):
    """The endpoint is disabled."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "endpoint_disabled"
    default_detail = gettext_lazy("this endpoint is disabled: delete it and create it again")


class EndpointExists(APIException):
    """The customer already has an endpoint with this URL."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "endpoint_exists"
    default_detail = gettext_lazy("you already have an endpoint with this URL: delete it to create it again")


class TooManyEndpoints(APIException):
    """The customer has the maximum number of endpoints."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "too_many_endpoints"


class SubjectErased(APIException):
    """The customer's personal data was erased, so no secret can be encrypted."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "subject_erased"
    default_detail = gettext_lazy("your personal data was erased: no messages can be sent")


class NotGivenUp(APIException):
    """The delivery has not failed, so it cannot be retried."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "not_given_up"
    default_detail = gettext_lazy("this delivery has not failed: it arrived, or is still pending")


class TooManyTests(APIException):
    """The endpoint received too many tests in the last minutes."""

    status_code = status.HTTP_429_TOO_MANY_REQUESTS
    default_code = "too_many_tests"
    default_detail = gettext_lazy("this endpoint was tested too often: try again later")
    wait = 60  # seconds
