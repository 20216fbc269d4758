"""The current state of an order and its lines."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models


class Order(models.Model):  # noqa: DJ008 - never shown
    """An order."""

    objects: "models.Manager[Order]" = models.Manager()

    customer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="orders")
    customer_name = models.CharField(max_length=200)
    customer_email = models.EmailField()
    reference = models.CharField(max_length=64, blank=True)
    currency = models.CharField(max_length=3)
    country = models.CharField(max_length=100, blank=True)
    shipping_address = models.CharField(max_length=500, blank=True)
    billing_address = models.CharField(max_length=500, blank=True)
    prices_include_tax = models.BooleanField(default=True)
    status = models.CharField(max_length=20, default="open")
    total = models.DecimalField(max_digits=18, decimal_places=2)
    tax = models.DecimalField(max_digits=18, decimal_places=2)
    placed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "plain_drf"


class Line(models.Model):  # noqa: DJ008 - never shown
    """A line of an order."""

    objects: "models.Manager[Line]" = models.Manager()

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    sku = models.CharField(max_length=64)
    name = models.CharField(max_length=200)
    quantity = models.IntegerField(validators=[MinValueValidator(1), MaxValueValidator(1_000_000)])
    unit_price = models.DecimalField(max_digits=18, decimal_places=2, validators=[MinValueValidator(0)])
    tax_rate = models.DecimalField(
        max_digits=7, decimal_places=4, default=0, validators=[MinValueValidator(0), MaxValueValidator(100)]
    )
    amount = models.DecimalField(max_digits=18, decimal_places=2)
    tax = models.DecimalField(max_digits=18, decimal_places=2)

    class Meta:
        app_label = "plain_drf"
        ordering = ("id",)
