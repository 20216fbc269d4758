"""The words for payment methods that name no person. The log stores any other text as personal data."""

METHODS = frozenset(
    (
        "account",
        "apple pay",
        "bank transfer",
        "bancontact",
        "blik",
        "boleto",
        "card",
        "cash",
        "cash on delivery",
        "cheque",
        "credit card",
        "debit card",
        "direct debit",
        "eps",
        "gift card",
        "giropay",
        "google pay",
        "ideal",
        "invoice",
        "klarna",
        "multibanco",
        "paypal",
        "refund",
        "returned payment",
        "sepa",
        "sepa direct debit",
        "sofort",
        "stripe",
        "transfer",
        "twint",
        "voucher",
        "wire",
        "wire transfer",
    )
)
"""Words can be added. One that is removed would be personal from then on."""


def is_known_method(method: str) -> bool:
    """Return whether a payment method is one of `METHODS`. Case, `_` and `-` make no difference."""
    return method.lower().replace("_", " ").replace("-", " ") in METHODS
