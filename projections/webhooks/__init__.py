"""Webhooks: signed messages about events, sent to customers' servers.

`planning` turns new events of the log into pending deliveries; `deliveries` sends them. What a message contains is
decided in `projections.customer.public_events`.
"""
