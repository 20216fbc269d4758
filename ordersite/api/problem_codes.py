"""The codes of all problems, which the API's description lists.

`make schema` finds them in the source and writes the list. A code that was ever sent keeps its meaning.
"""

HEADER_CODES = frozenset({"idempotency_key_malformed", "idempotency_key_missing", "if_match_malformed"})
"""Codes of errors of a header, which are codes of the whole problem."""

PROBLEM_CODES = (
    "account_exists", "account_not_empty", "account_not_found", "already_so", "amount_differs", "amount_not_exact",
    "amount_not_positive", "amount_or_quantity", "amount_too_large", "approval_is_otherwise", "approval_needed",
    "approval_not_found", "authentication_failed", "authorization_malformed", "bad_request", "balance_too_low",
    "body_too_large", "capture_instead", "change_prepared", "command_not_found", "contended", "currency_differs",
    "cursor_expired", "cursor_malformed", "customer_erased", "customer_exists", "customer_not_found",
    "delivered_already", "delivery_not_found", "discount_too_large", "discount_wrong", "email_differs",
    "email_malformed", "email_taken", "email_unchanged", "endpoint_disabled", "endpoint_exists", "error", "forbidden",
    "from_account", "goods_shipped", "headers_too_large", "history_unreadable", "idempotency_key_malformed",
    "idempotency_key_missing", "idempotency_key_reused", "if_match_malformed", "if_match_missing", "internal_error",
    "invalid", "length_required", "line_named_twice", "line_not_editable", "line_not_found", "method_not_allowed",
    "method_reserved", "money_moved", "more_happened", "more_than_authorised", "more_than_captured", "more_than_due",
    "more_than_line", "more_than_line_units", "more_than_open", "more_than_outstanding", "more_than_shipped",
    "nested_too_deep", "no_account", "no_address", "no_earlier_version", "no_lines", "no_reason", "no_sku",
    "no_such_subject", "no_text", "not_a_customer", "not_a_service_account", "not_acceptable", "not_authenticated",
    "not_cancellable", "not_editable", "not_found", "not_given_up", "not_goods", "not_on_hold", "not_paid",
    "not_payable", "not_unpaid", "not_yet_visible", "nothing_authorised", "nothing_changes", "nothing_due",
    "nothing_due_back", "nothing_for_this", "nothing_staged", "nothing_to_ship", "number_out_of_range", "on_hold",
    "order_exists", "order_not_found", "orders_open", "parse_error", "passkey_exists", "payment_not_found",
    "permission_denied", "price_negative", "quantity_negative", "quantity_not_positive", "quantity_too_large",
    "queue_full", "read_only", "reference_reserved", "reference_used", "refund_is_otherwise", "refund_not_found",
    "refunded_otherwise", "refused", "return_is_otherwise", "return_not_found", "second_factor_missing",
    "second_factor_needed", "second_factor_wrong", "second_person_needed", "shipment_not_found", "subject_erased",
    "tax_rate_wrong", "text_not_storable", "text_too_long", "throttled", "time_out_of_range", "time_zone_missing",
    "to_account", "too_many", "too_many_at_once", "too_many_endpoints", "too_many_lines", "too_many_queued",
    "too_many_secrets", "too_many_streams", "too_many_tests", "unavailable", "unknown_currency",
    "unsupported_media_type", "url_too_long", "version_differs", "webhook_endpoint_not_found", "wrong_credentials",
    "wrong_password",
)  # fmt: skip
"""All codes, sorted."""
